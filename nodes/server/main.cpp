// lockstepd: one node of a cluster.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>

#include "nodes/command_line/completion.hpp"
#include "nodes/command_line/manual_page.hpp"
#include "nodes/server/config.hpp"
#include "nodes/server/exit_status.hpp"
#include "nodes/server/server.hpp"
#include "nodes/text/printable.hpp"

namespace lockstep {
namespace {

constexpr int kUnheardExit = 3;  // as that of lockstep

constexpr const char* kExamples = R"(Examples:
  lockstepd                          a cluster of one: clients at tcp://127.0.0.1:7101, data in ./lockstep-data/single
  lockstepd my.toml                  the node that this file describes; the files of three are in examples
  lockstepd --check-config my.toml   say what is wrong with a configuration, and start nothing

A node stops cleanly at SIGTERM and SIGINT. After a crash it continues from its disk.

Exit status:
  0  stopped by a signal, or nothing was wrong with the configuration
  1  the cause may pass, so start it again: a port is taken, a name does not resolve yet, a disk is full or not mounted
  2  a person has to change something first: a mistake in the configuration or on the command line, or a data folder
     that is damaged, another node's or another cluster's
  3  stdout cannot be written to

examples/a.toml explains every setting, and operations.md every reason to end. Packages have both in
/usr/share/doc/lockstep-server; in the source tree examples is configs/local, and operations.md is in docs.)";

std::vector<FileDescription> files() {
  return {{"/etc/lockstep/lockstepd.toml", "The configuration of the node that the service lockstepd runs."},
          {"/var/lib/lockstep", "The data of that node. A copy of it is good for no other node."},
          {"/usr/share/doc/lockstep-server", "The documents; a configuration with every setting in examples/a.toml."}};
}

struct DaemonArguments {
  std::string config_file;
  bool check_only = false;
};

void say(const std::string& text) { std::fprintf(stderr, "lockstepd: %s\n", text.c_str()); }

int fail(const std::string& detail, int exit_status = kExitForGood) {
  say(detail);
  return exit_status;
}

void set_up_log(const NodeConfig& config) {
  auto log = spdlog::stderr_logger_st(config.name);
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %n %l: %v");
  log->set_level(spdlog::level::from_str(config.log_level));
  log->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(log));
}

int run(const DaemonArguments& arguments) {
  if (arguments.check_only && arguments.config_file.empty())
    return fail("--check-config needs the file: lockstepd --check-config FILE");
  tl::expected<NodeConfig, ConfigError> config =
      arguments.config_file.empty() ? single_node_config() : read_config(arguments.config_file);
  if (!config) return fail(to_string(config.error()));
  const std::vector<ConfigError> doubts = doubts_about(*config, EphemeralPorts::of_this_machine());
  if (arguments.check_only) {
    for (const ConfigError& doubt : doubts) say("warning: " + to_string(doubt));
    std::printf("%s: node %s of %zu, no mistakes found\n", config->file.c_str(), config->name.c_str(),
                config->members.size());
    return 0;
  }
  set_up_log(*config);
  for (const ConfigError& doubt : doubts) spdlog::warn("{}", to_string(doubt));
  raise_file_limit();
  auto signals = StopSignals::block();
  if (!signals) return fail(signals.error(), kExitMayPass);
  auto server = Server::start(std::move(*config), std::move(*signals));
  if (!server) return fail(to_string(server.error().error), exit_status(server.error().may_pass));
  return (*server)->run();
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

// A page that was cut off must not pass for one.
int tell_if_unheard(int exit_code) {
  std::cout.flush();
  if (std::cout.good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  say("stdout cannot be written to");
  return kUnheardExit;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("A node of a Lockstep cluster, a distributed lock service", "lockstepd");
  DaemonArguments arguments;
  app.add_option("CONFIG", arguments.config_file, "The node's configuration file; without it, a cluster of one")
      ->type_name("FILE");
  app.add_flag("--check-config", arguments.check_only, "Check the configuration and exit");
  app.set_version_flag("--version", "lockstepd " LOCKSTEP_VERSION);
  app.footer(kExamples);
  // For packages: what is made of this definition. Hidden from --help.
  bool print_manual = false;
  std::string shell;
  app.add_flag("--manual", print_manual, "Print the manual page")->group("");
  app.add_option("--completion", shell, "Print a script that completes this command line")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help or version
    return fail(printable(error.what(), kShownLine) + "\n  to do: `lockstepd --help` shows how it is written");
  }
  if (print_manual) return print(manual_page(describe(app), {8, app.version(), "lockstep(1)", files()}));
  if (!shell.empty()) return print(completion_for(shell, describe(app)));
  return run(arguments);
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  // Nothing of ours throws; what a library throws (out of memory, at worst) must not end in silence.
  try {
    return lockstep::tell_if_unheard(lockstep::parse_and_run(argc, argv));
  } catch (const std::exception& error) {
    lockstep::say(error.what());
  } catch (...) {
    lockstep::say("an unknown exception");
  }
  return lockstep::kExitMayPass;
}

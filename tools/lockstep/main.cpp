// The program `lockstep`: reads the command line, runs the command it names, exits with its code.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/commands/bench_command.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/document_commands.hpp"
#include "tools/lockstep/commands/habits.hpp"
#include "tools/lockstep/commands/run_command.hpp"
#include "tools/lockstep/commands/shell_command.hpp"
#include "tools/lockstep/commands/zmq_command.hpp"
#include "tools/lockstep/options/client_config.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kFooter = R"(
--server and --timeout need not be repeated: `servers` and `timeout` may stand in ~/.config/lockstep/client.toml, or for
all users in /etc/lockstep/client.toml.
Commands of one user on one machine are one client, in every shell. `run`, `shell` and --client-id make others.
Exit codes: 0 yes (granted, released, held), 1 no (held by another, not the holder, free), 2 usage,
3 unavailable (no answer, no leader or no quorum in time; what was asked for may still happen), 4 refused, 5 the lock
was lost. `run` has its command's.

Examples:
  lockstep run backups/nightly -- CMD     hold the lock while a command runs
  lockstep acquire backups/nightly        take it as soon as it is free, and keep it
  lockstep preempt backups/nightly        take it only if nobody has it
  lockstep check backups/nightly          who has it, from the nearest node's own map
  lockstep release backups/nightly        give it back
  lockstep --server tcp://127.0.0.1:7101,tcp://127.0.0.1:7102 status
  lockstep --json preempt backups/nightly | jq .token

`lockstep COMMAND --help` says more about each.)";

constexpr std::string_view kAtTheEndOfHelp =
    "\nOptions of every command (--server, --client-id, --json, --timeout): `lockstep --help`\n";

constexpr std::string_view kFirstCommands = R"(`lockstep --help` shows all of them; these are the most common:
    lockstep run NAME -- COMMAND    hold a lock while a command runs
    lockstep acquire NAME           take a lock, waiting for it
    lockstep release NAME           give it back
    lockstep check NAME             who has it
    lockstep list                   every lock
    lockstep status                 the nodes, and whether the cluster serves)";

// Every command of the program adds itself here, in the order in which --help shows them.
void add_commands(CLI::App& app, CommandLine& line) {
  add_run_command(app, line);
  add_one_shot_commands(app, line);
  add_shell_command(app, line);
  add_bench_command(app, line);
  add_zmq_command(app, line);
  add_document_commands(app, line);
}

bool asked_for_json(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), kJsonOption) != words.end();
}

void forget_environment(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_envname().empty()) unsetenv(option->get_envname().c_str());
  }
}

// Of the machine, and of the user, who comes after it.
tl::expected<void, ConfigError> read_client_configs(GlobalOptions& options) {
  for (const auto& file : client_config_files()) {
    if (auto read = read_client_config(file, options); !read) return read;
  }
  return {};
}

// "lockstep session close", as far as the words could be understood.
std::string command_named(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return app.get_name() + (chosen.empty() ? "" : " " + command_named(*chosen.front()));
}

int run(int argc, char** argv) {
  CLI::App app("Take, release and look at locks of a Lockstep cluster.", "lockstep");
  CommandLine line;
  std::vector<std::string> words(argv + 1, argv + argc);
  app.set_version_flag("--version", "lockstep " LOCKSTEP_VERSION);
  app.fallthrough();  // global options may stand after the command, too
  app.require_subcommand(1);
  add_global_options(app, line.global);
  add_commands(app, line);
  app.footer(std::string(kFooter));  // after the commands, which would have it too
  line.words = take_command(app, words);
  const bool json = asked_for_json(words);
  const bool stdout_is_ours = !is_run(app, words);
  const auto refuse = [&](const Report& wrong) {
    print(wrong, json, stdout_is_ours ? std::cout : std::cerr);
    return wrong.exit_code;
  };
  if (const auto refused = refuse_words(words)) return refuse(*refused);
  words = with_help_as_option(std::move(words));
  tl::expected<void, ConfigError> config;
  if (asks_for_a_text(app, words)) {
    forget_environment(app);
  } else {
    config = read_client_configs(line.global);
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);
    if (!app.get_subcommands().empty()) std::cout << kAtTheEndOfHelp;
    return kExitYes;
  } catch (const CLI::ParseError& error) {
    const std::string wrong = what_is_wrong(app, error);
    if (argc == 1) return refuse(usage_report(wrong, std::string(kFirstCommands)));
    return refuse(usage_report_of(is_about_global_option(app, error) ? app.get_name() : command_named(app), wrong));
  }
  if (!config) return refuse(usage_report(to_string(config.error()), "correct that line of the file, or move it away"));
  return line.chosen();
}

// The other end of a pipe was closed: whoever read it has seen enough.
bool has_reader_left() {
  pollfd stdout_now{STDOUT_FILENO, 0, 0};
  return ::poll(&stdout_now, 1, 0) == 1 && (stdout_now.revents & POLLERR) != 0;
}

// Whoever reads stdout must not take silence for an answer, such as an empty list.
int tell_if_unheard(int exit_code) {
  std::cout.flush();
  if (std::cout.good() || has_reader_left()) return exit_code;
  std::fprintf(stderr, "lockstep: stdout cannot be written to, so the answer is lost; its exit code was %d\n",
               exit_code);
  return kExitUnavailable;
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  try {
    return lockstep::tell_if_unheard(lockstep::run(argc, argv));
  } catch (const std::exception& error) {
    // Nothing of ours throws across a border; this is what the standard library may (out of memory).
    std::fprintf(stderr, "lockstep: %s\n", error.what());
    return lockstep::kExitRefused;
  }
}

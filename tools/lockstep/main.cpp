// The program `lockstep`: reads the command line, runs the command it names, exits with its code.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/lockstep/bench_command.hpp"
#include "tools/lockstep/command_line.hpp"
#include "tools/lockstep/run_command.hpp"
#include "tools/lockstep/shell_command.hpp"
#include "tools/lockstep/verbs.hpp"
#include "tools/lockstep/zmq_command.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kFooter = R"(
Exit codes: 0 yes (granted, released, held), 1 no (held by another, not the holder, free), 2 usage,
3 unavailable (no answer, no leader or no quorum in time), 4 refused, 5 the lock was lost. `run` has its command's.

Examples:
  lockstep preempt backups/nightly        take the lock if nobody has it
  lockstep acquire backups/nightly        take it as soon as it is free
  lockstep run backups/nightly -- CMD     hold it while a command runs
  lockstep check backups/nightly          who has it, from the nearest node's own map
  lockstep release backups/nightly        give it back
  lockstep --server tcp://127.0.0.1:7101,tcp://127.0.0.1:7102 status
  lockstep --json preempt backups/nightly | jq .token

`lockstep COMMAND --help` says more about each.)";

// Every command of the program adds itself here, in the order in which --help shows them.
void add_commands(CLI::App& app, CommandLine& line) {
  add_run_command(app, line);
  add_one_shot_verbs(app, line);
  add_shell_command(app, line);
  add_bench_command(app, line);
  add_zmq_command(app, line);
}

bool asked_for_json(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), "--json") != words.end();
}

int report_usage_error(const CLI::App& app, const CLI::ParseError& error, bool json) {
  const std::vector<std::string> unknown = app.get_subcommands().empty() ? app.remaining() : std::vector<std::string>();
  const std::string detail = unknown.empty() ? error.what() : "unknown command '" + unknown.front() + "'";
  if (json) {
    std::cout << nlohmann::json{{"error", "usage"}, {"definite", true}, {"detail", detail}}.dump() << std::endl;
  }
  if (unknown.empty()) {
    app.exit(error, std::cout, std::cerr);
  } else {
    std::cerr << "lockstep: " << detail << "\nRun with --help for more information.\n";
  }
  return kExitUsage;
}

// Whether the command is `run`: the first word that is neither an option nor an option's value.
bool is_run(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--server" || words[i] == "--client-id" || words[i] == "--timeout") {
      ++i;
    } else if (!words[i].starts_with("-")) {
      return words[i] == "run";
    }
  }
  return false;
}

// Of `run NAME... -- COMMAND ARGUMENTS`, the part after the --, which is not ours to understand.
std::vector<std::string> take_command(std::vector<std::string>& words) {
  const auto separator = std::find(words.begin(), words.end(), "--");
  if (separator == words.end() || !is_run(words)) return {};
  std::vector<std::string> command(separator + 1, words.end());
  words.erase(separator, words.end());
  return command;
}

int run(int argc, char** argv) {
  CLI::App app("Take, release and look at locks of a Lockstep cluster.", "lockstep");
  CommandLine line;
  std::vector<std::string> words(argv + 1, argv + argc);
  line.words = take_command(words);
  app.set_version_flag("--version", "lockstep " LOCKSTEP_VERSION);
  app.footer(std::string(kFooter));
  app.fallthrough();  // global options may stand after the command, too
  app.require_subcommand(1);
  add_global_options(app, line.global);
  const bool json = asked_for_json(words);
  add_commands(app, line);
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return report_usage_error(app, error, json);
  }
  return line.chosen();
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  try {
    return lockstep::run(argc, argv);
  } catch (const std::exception& error) {
    // Nothing of ours throws across a border; this is what the standard library may (out of memory).
    std::fprintf(stderr, "lockstep: %s\n", error.what());
    return lockstep::kExitRefused;
  }
}

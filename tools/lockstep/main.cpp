// The program `lockstep`: reads the command line, runs the command it names, exits with its code.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tools/lockstep/bench_command.hpp"
#include "tools/lockstep/check_command.hpp"
#include "tools/lockstep/command_line.hpp"
#include "tools/lockstep/list_command.hpp"
#include "tools/lockstep/preempt_command.hpp"
#include "tools/lockstep/release_command.hpp"
#include "tools/lockstep/shell_command.hpp"
#include "tools/lockstep/status_command.hpp"
#include "tools/lockstep/zmq_command.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kFooter = R"(
Exit codes: 0 yes (granted, released, held), 1 no (held by another, not the holder, free), 2 usage,
3 unavailable (no answer, no leader or no quorum in time), 4 refused, 5 the lock was lost.

Examples:
  lockstep preempt backups/nightly        take the lock if nobody has it
  lockstep check backups/nightly          who has it, from the nearest node's own map
  lockstep release backups/nightly        give it back
  lockstep --server tcp://127.0.0.1:7101,tcp://127.0.0.1:7102 status
  lockstep --json preempt backups/nightly | jq .token

`lockstep COMMAND --help` says more about each.)";

// Every command of the program adds itself here, in the order in which --help shows them.
void add_commands(CLI::App& app, CommandLine& line) {
  add_preempt_command(app, line);
  add_release_command(app, line);
  add_check_command(app, line);
  add_list_command(app, line);
  add_status_command(app, line);
  add_shell_command(app, line);
  add_bench_command(app, line);
  add_zmq_command(app, line);
}

bool asked_for_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view argument) { return argument == "--json"; });
}

int report_usage_error(const CLI::App& app, const CLI::ParseError& error, bool json) {
  if (json) {
    std::cout << nlohmann::json{{"error", "usage"}, {"definite", true}, {"detail", error.what()}}.dump() << std::endl;
  }
  app.exit(error, std::cout, std::cerr);
  return kExitUsage;
}

int run(int argc, char** argv) {
  CLI::App app("Take, release and look at locks of a Lockstep cluster.", "lockstep");
  CommandLine line;
  app.set_version_flag("--version", "lockstep " LOCKSTEP_VERSION);
  app.footer(std::string(kFooter));
  app.fallthrough();  // global options may stand after the command, too
  app.require_subcommand(1);
  add_global_options(app, line.global);
  add_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return report_usage_error(app, error, asked_for_json(argc, argv));
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

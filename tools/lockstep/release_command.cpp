#include "tools/lockstep/release_command.hpp"

#include <memory>

#include "tools/lockstep/one_shot.hpp"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
Exit codes: 0 released; 1 not the holder; 3 no answer in time: repeat the command, it never runs twice.

Examples:
  lockstep release backups/nightly
  lockstep --client-id "$ID" release backups/nightly         as the client that preempted it)";

}  // namespace

void add_release_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("release", "Give a lock back");
  command->footer(kExamples);
  const auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "The lock's name")->required();
  command->callback([&line, name] {
    line.chosen = [&line, name] {
      if (const auto bad = report_of_bad_name(*name)) return finish(*bad, line.global.json);
      const auto work = [&](Client& client, Duration timeout) {
        return report_of(*name, client.release(*name, timeout));
      };
      return finish(with_kept_session(line.global, *name, work), line.global.json);
    };
  });
}

}  // namespace lockstep

#include "tools/lockstep/preempt_command.hpp"

#include <memory>

#include "tools/lockstep/one_shot.hpp"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
Exit codes: 0 granted; 1 held (also by yourself); 3 no answer in time: repeat the command, it never runs twice.

Examples:
  lockstep preempt backups/nightly
  lockstep --json preempt backups/nightly | jq -r .token     the fencing token, for the resource to check
  lockstep --client-id "$ID" preempt backups/nightly         as another client than this user's)";

}  // namespace

void add_preempt_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("preempt", "Take a lock if nobody has it");
  command->footer(kExamples);
  const auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "The lock's name: 1 to 255 bytes of UTF-8")->required();
  command->callback([&line, name] {
    line.chosen = [&line, name] {
      if (const auto bad = report_of_bad_name(*name)) return finish(*bad, line.global.json);
      const auto work = [&](Client& client, Duration timeout) {
        return report_of(*name, client.preempt(*name, timeout));
      };
      return finish(with_kept_session(line.global, *name, work), line.global.json);
    };
  });
}

}  // namespace lockstep

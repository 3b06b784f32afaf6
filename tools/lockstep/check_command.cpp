#include "tools/lockstep/check_command.hpp"

#include <memory>

#include "tools/lockstep/one_shot.hpp"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
Answered by any node from its own map, with its age; never older than what you have seen before.
Exit codes: 0 held; 1 free; 3 no answer in time.

Examples:
  lockstep check backups/nightly
  lockstep check backups/nightly --linearizable     as new as this moment: asks a quorum
  lockstep --json check backups/nightly | jq -r .owner)";

struct Arguments {
  std::string name;
  bool linearizable = false;
};

}  // namespace

void add_check_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("check", "Show who has a lock");
  command->footer(kExamples);
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("NAME", arguments->name, "The lock's name")->required();
  command->add_flag("--linearizable", arguments->linearizable, "Reflect all that was answered before this command");
  command->callback([&line, arguments] {
    line.chosen = [&line, arguments] {
      if (const auto bad = report_of_bad_name(arguments->name)) return finish(*bad, line.global.json);
      const auto mode = arguments->linearizable ? wire::ReadMode::kLinearizable : wire::ReadMode::kLocal;
      const auto work = [&](Client& client, Duration timeout) {
        return report_of(arguments->name, client.check(arguments->name, mode, timeout));
      };
      return finish(with_remembered_index(line.global, arguments->name, work), line.global.json);
    };
  });
}

}  // namespace lockstep

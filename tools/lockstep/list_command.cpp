#include "tools/lockstep/list_command.hpp"

#include <memory>

#include "tools/lockstep/one_shot.hpp"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
One line a lock, in order of name. A long list comes in pages, each of one moment.

Examples:
  lockstep list
  lockstep list backups/
  lockstep --json list backups/ | jq -r .name)";

}  // namespace

Report list_locks(Client& client, const std::string& prefix, Duration timeout, bool json) {
  std::string after;
  for (;;) {
    const auto page = client.list(prefix, after, wire::kMaxListPage, wire::ReadMode::kLocal, timeout);
    if (!page) return report_of(prefix, page.error());
    for (const locks::LockView& lock : page->locks) {
      if (!print(report_of(lock, page->applied_index), json)) return Report{};  // nobody reads any more
    }
    if (!page->more || page->locks.empty()) return Report{};
    after = page->locks.back().name;
  }
}

void add_list_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("list", "Show the locks that are held");
  command->footer(kExamples);
  const auto prefix = std::make_shared<std::string>();
  command->add_option("PREFIX", *prefix, "Only those whose names start with it");
  command->callback([&line, prefix] {
    line.chosen = [&line, prefix] {
      const auto work = [&](Client& client, Duration timeout) {
        return list_locks(client, *prefix, timeout, line.global.json);
      };
      return finish(with_remembered_index(line.global, *prefix, work), line.global.json);
    };
  });
}

}  // namespace lockstep

// Every subcommand, and one use of one on the command line.
#include "tools/lockstep/commands/commands.hpp"

#include <utility>

#include "tools/lockstep/commands/explained.hpp"
#include "tools/lockstep/commands/one_shot.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"

namespace lockstep {
namespace {

CLI::App* subcommand_for(CLI::App& app, const SubcommandEntry& entry) {
  const std::string name(entry.name);
  const std::string summary(entry.summary);
  const auto blank = name.find(' ');
  if (blank == std::string::npos) return app.add_subcommand(name, summary);
  const std::string group_name = name.substr(0, blank);
  const auto is_group = [&](const CLI::App* other) { return other->get_name() == group_name; };
  const auto groups = app.get_subcommands(is_group);
  CLI::App* group = groups.empty() ? app.add_subcommand(group_name, summary)->require_subcommand(1) : groups.front();
  group->footer("`lockstep " + group_name + " COMMAND --help` has examples.");
  return group->add_subcommand(name.substr(blank + 1), summary);
}

Report run_client(const GlobalOptions& global, const SubcommandEntry& entry, Subcommand& subcommand) {
  std::optional<StopOnSignal> interrupt;
  if (entry.waits) interrupt.emplace();  // before the client has threads
  const std::stop_token stop = interrupt ? interrupt->token() : std::stop_token();
  const auto work = [&](Client& client, Duration timeout) {
    return subcommand.run(SubcommandRun{&client, global, timeout, stop});
  };
  switch (entry.access) {
    case Access::kSession: return with_kept_session(global, subcommand.about(), work);
    case Access::kReads: return with_remembered_index(global, subcommand.about(), work);
    case Access::kAlone: break;
  }
  return subcommand.run(SubcommandRun{nullptr, global, global.timeout, stop});
}

Report run_once(const GlobalOptions& global, const SubcommandEntry& entry, Subcommand& subcommand) {
  Report report = run_client(global, entry, subcommand);
  return entry.access == Access::kAlone ? report : explained(global, std::move(report));
}

}  // namespace

const std::vector<SubcommandEntry>& subcommands() {
  static const std::vector<SubcommandEntry> kAll = [] {
    std::vector<SubcommandEntry> entries;
    for (const auto family :
         {lock_subcommands(), read_subcommands(), watch_subcommands(), session_subcommands(), status_subcommands()}) {
      entries.insert(entries.end(), family.begin(), family.end());
    }
    return entries;
  }();
  return kAll;
}

void add_subcommands(CLI::App& app, const ChooseSubcommand& choose) {
  for (const SubcommandEntry& entry : subcommands()) {
    CLI::App* command = subcommand_for(app, entry);
    if (!entry.alias.empty()) command->alias(std::string(entry.alias));
    command->footer(std::string(entry.examples));
    const std::shared_ptr<Subcommand> subcommand = entry.make();
    subcommand->add_arguments(*command);
    command->callback([&entry, subcommand, choose] { choose(entry, subcommand); });
  }
}

void add_one_shot_commands(CLI::App& app, CommandLine& line) {
  add_subcommands(app, [&line](const SubcommandEntry& entry, std::shared_ptr<Subcommand> subcommand) {
    line.chosen = [&line, &entry, subcommand = std::move(subcommand)] {
      const auto refused = subcommand->refuse();
      return finish(refused ? *refused : run_once(line.global, entry, *subcommand), line.global.json);
    };
  });
}

}  // namespace lockstep

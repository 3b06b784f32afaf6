#include "tools/lockstep/commands/commands.hpp"

#include <array>
#include <utility>

#include "tools/lockstep/commands/one_shot.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kPreempt = R"(
Never waits: see acquire for that.
Exit codes: 0 granted; 1 held (also by yourself) or waited for; 3 no answer in time: repeat the command, it never
runs twice.

Examples:
  lockstep preempt backups/nightly
  lockstep --json preempt backups/nightly | jq -r .token     the fencing token, for the resource to check
  lockstep --client-id "$ID" preempt backups/nightly         as another client than this user's)";

constexpr std::string_view kAcquire = R"(
All of the names or none of them, with one token, first come first served. The locks stay held when the command has
ended, until they are released; `lockstep run` holds them only while a command runs.
Exit codes: 0 granted; 1 not within --wait; 3 no answer in time: repeat the command; 4 refused (held already by
yourself, a deadlock, another kind of lock); 130 interrupted: nothing is left in line.

Examples:
  lockstep acquire backups/nightly                  waits for as long as it takes
  lockstep acquire backups/nightly --wait 30s       gives up after 30 seconds
  lockstep acquire backups/nightly --wait 0s        tries once
  lockstep acquire accounts/7 accounts/9            both at once
  lockstep acquire reports --shared                 together with others who share it
  lockstep acquire license --permits 5              one of five permits)";

constexpr std::string_view kRelease = R"(
With --force it is taken from whoever holds it, for operators: the holder learns it, and the history keeps who did
it and why. Without --force it is yours to release, or not_holder.
Exit codes: 0 released; 1 not the holder, or with --force: free; 3 no answer in time: repeat the command, it never
runs twice.

Examples:
  lockstep release backups/nightly
  lockstep --client-id "$ID" release backups/nightly         as the client that took it
  lockstep release backups/nightly --force --why "host c is on fire")";

constexpr std::string_view kCheck = R"(
Answered by any node from its own map, with its age; never older than what you have seen before.
Exit codes: 0 held; 1 free (perhaps with waiters); 3 no answer in time.

Examples:
  lockstep check backups/nightly
  lockstep check backups/nightly --linearizable     as new as this moment: asks a quorum
  lockstep --json check backups/nightly | jq -r '.holders[].owner')";

constexpr std::string_view kVerify = R"(
For a resource that was handed a fencing token: whether the lock is held with it at this moment.
Exit codes: 0 current; 1 stale: the lock is free, or was granted again; 3 no answer in time.

Examples:
  lockstep verify backups/nightly 4711
  lockstep verify backups/nightly "$TOKEN" --local  from the nearest node's own map: may be a moment old)";

constexpr std::string_view kList = R"(
One line a lock, in order of name. A long list comes in pages, each of one moment.

Examples:
  lockstep list
  lockstep list backups/
  lockstep --json list backups/ | jq -r .name)";

constexpr std::string_view kWatch = R"(
First the state at an index, then every change after it, in order and without a gap, whichever node answers. With
--from INDEX it begins with the changes after that index; if that is too long ago, with the full state again, and
says so. Ends with Ctrl-C, exit 0; exit 3 if no node answers in time.
With --json each line is an object whose "event" is reset (the state begins), state (a lock of it), complete
(that was all of it), granted or ended.

Examples:
  lockstep watch
  lockstep watch backups/
  lockstep --json watch backups/ --from 4711)";

constexpr std::string_view kHistory = R"(
Grants that are over, oldest first: who held a lock from when to when, and why it ended. The cluster keeps the
last 100,000.

Examples:
  lockstep history
  lockstep history backups/nightly
  lockstep --json history | jq 'select(.reason == "forced")')";

constexpr std::string_view kSessions = R"(
Living sessions, oldest first: whose they are, when they expire, how many locks they hold and wait for.

Examples:
  lockstep sessions
  lockstep --json sessions | jq 'select(.locks > 0)')";

constexpr std::string_view kSessionClose = R"(
For operators: ends another client's session, its waits and then its locks. Its client learns it, and the history
keeps who did it and why.
Exit codes: 0 closed; 1 no such session; 3 no answer in time: repeat the command, it never runs twice.

Examples:
  lockstep session close 4711
  lockstep session close 4711 --why "left over from last week")";

constexpr std::string_view kStatus = R"(
One line a member: its role, the leader it follows, its term, what it knows to be committed and has
applied, the age of its state, its process. Members that do not answer are shown as such.

Examples:
  lockstep status
  lockstep --json status | jq -r 'select(.role == "leader") | .pid')";

using enum Access;

constexpr std::array kVerbs{
    SubcommandEntry{"preempt", "Take a lock if nobody has it", kPreempt, kSession, false, make_preempt},
    SubcommandEntry{"acquire", "Take locks, waiting in line for them", kAcquire, kSession, true, make_acquire},
    SubcommandEntry{"release", "Give a lock back", kRelease, kSession, false, make_release},
    SubcommandEntry{"check", "Show who has a lock, and who waits for it", kCheck, kReads, false, make_check},
    SubcommandEntry{"verify", "Ask whether a token is still the current one", kVerify, kReads, false, make_verify},
    SubcommandEntry{"list", "Show the locks that are held or waited for", kList, kReads, false, make_list},
    SubcommandEntry{"watch", "Show what changes, as it happens", kWatch, kReads, true, make_watch},
    SubcommandEntry{"history", "Show the grants that are over", kHistory, kReads, false, make_history},
    SubcommandEntry{"sessions", "Show the living sessions", kSessions, kReads, false, make_sessions},
    SubcommandEntry{"session close", "End another client's session", kSessionClose, kSession, false,
                    make_session_close},
    SubcommandEntry{"status", "Show every member: role, term, indexes, age, process", kStatus, kAlone, false,
                    make_status},
};

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

Report run_once(const GlobalOptions& global, const SubcommandEntry& entry, Subcommand& subcommand) {
  std::optional<StopOnSignal> interrupt;
  if (entry.waits) interrupt.emplace();  // before the client has threads
  const std::stop_token stop = interrupt ? interrupt->token() : std::stop_token();
  const auto work = [&](Client& client, Duration timeout) {
    return subcommand.run(SubcommandRun{&client, global, timeout, stop});
  };
  switch (entry.access) {
    case kSession: return with_kept_session(global, subcommand.about(), work);
    case kReads: return with_remembered_index(global, subcommand.about(), work);
    case kAlone: break;
  }
  return subcommand.run(SubcommandRun{nullptr, global, global.timeout, stop});
}

}  // namespace

std::span<const SubcommandEntry> subcommands() { return kVerbs; }

void add_subcommands(CLI::App& app, const ChooseSubcommand& choose) {
  for (const SubcommandEntry& entry : subcommands()) {
    CLI::App* command = subcommand_for(app, entry);
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

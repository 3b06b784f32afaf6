// The subcommands that only look: at one lock, at many, at what was.
#include <algorithm>
#include <array>
#include <set>

#include "nodes/command_line/shell_quoted.hpp"
#include "nodes/system/clock.hpp"
#include "tools/lockstep/answers/table.hpp"
#include "tools/lockstep/commands/client_notes.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/each_name.hpp"
#include "tools/lockstep/commands/pages.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kCheckHelp = R"(
Answered by any node from its own map, with its age; never older than what you have seen before. Several names are
checked one after another, each with a line of its own, and not at one moment.
Exit codes: 0 held; 1 free (perhaps with waiters); 3 no answer in time. Of several names it is the highest.

Examples:
  lockstep check backups/nightly
  lockstep check accounts/7 accounts/9
  lockstep check backups/nightly --linearizable     as new as this moment: asks a quorum
  lockstep --json check backups/nightly | jq -r '.holders[].owner')";

class CheckSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    names_.add_arguments(command);
    command.add_flag("--linearizable", linearizable_, "Reflect all that was answered before this command");
  }
  std::string about() const override { return names_.about(); }
  std::optional<Report> refuse() const override { return names_.refuse(); }
  Report run(const SubcommandRun& run) override {
    const auto mode = linearizable_ ? ReadMode::kLinearizable : ReadMode::kLocal;
    return names_.run(run.global.json, [&](const std::string& name) {
      return report_of(name, run.client->check(name, mode, run.timeout));
    });
  }

 private:
  EachName names_;
  bool linearizable_ = false;
};

constexpr std::string_view kVerifyHelp = R"(
For a resource that was handed a fencing token: whether the lock is held with it at this moment.
Exit codes: 0 current; 1 stale: the lock is free, or was granted again; 3 no answer in time.

Examples:
  lockstep verify backups/nightly 4711
  lockstep verify backups/nightly "$TOKEN" --local  from the nearest node's own map: may be a moment old)";

class VerifySubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name")->required();
    command.add_option("TOKEN", token_, "The fencing token of the grant")->required()->transform(an_ordinal());
    command.add_flag("--local", local_, "From the map of the node that answers, which may be a moment old");
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override {
    const auto mode = local_ ? ReadMode::kLocal : ReadMode::kLinearizable;
    const FencingToken token(token_);
    return report_of(name_, token, run.client->verify(name_, token, mode, run.timeout));
  }

 private:
  std::string name_;
  std::uint64_t token_ = 0;
  bool local_ = false;
};

constexpr std::string_view kListHelp = R"(
One line for each lock, in order of name: columns at a terminal. A long list comes in pages, each of one moment. If
--limit leaves some out, the last line on stderr says how to go on. With --json the last object has "more": true then,
and --after with its name goes on.

Examples:
  lockstep list
  lockstep list backups/
  lockstep list --limit 20 --after=backups/nightly
  lockstep --json list backups/ | jq -r .name)";

class ListSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("PREFIX", prefix_, "Only those whose names start with it");
    add_limit(command, limit_, "locks");
    command.add_option("--after", after_, "Begin behind this name")->type_name("NAME");
  }
  std::string about() const override { return prefix_; }
  Report run(const SubcommandRun& run) override {
    for (;;) {
      const auto page = run.client->list(prefix_, after_, std::min(limit_, kMaxPage), ReadMode::kLocal, run.timeout);
      if (!page) return report_of(prefix_, page.error());
      limit_ -= page->locks.size();
      if (!show(run.global, *page)) return {};  // nobody reads any more
      if (!page->more || page->locks.empty()) return {};
      after_ = page->locks.back().name;
      if (limit_ != 0) continue;
      tell_more(run.global, "--after=" + shell_quoted(after_));
      return {};
    }
  }

 private:
  bool show(const GlobalOptions& options, const ListPage& page) const {
    if (is_for_a_person(options)) return show_rows(table_of(page.locks, wall_time()));
    return show_lines(options, page.locks, page.more && limit_ == 0,
                      [&](const LockInfo& lock) { return report_of(lock, page.applied_index); });
  }

  std::string prefix_;
  std::size_t limit_ = kNoLimit;
  std::string after_;
};

constexpr std::string_view kCountHelp = R"(
How many locks are held or waited for, how many hold them and how many wait. Answered by any node from its own map.

Examples:
  lockstep count
  lockstep count backups/
  lockstep --json count backups/ | jq .waiters)";

class CountSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("PREFIX", prefix_, "Only those whose names start with it");
    command.add_flag("--linearizable", linearizable_, "Reflect all that was answered before this command");
  }
  std::string about() const override { return prefix_; }
  Report run(const SubcommandRun& run) override {
    const auto mode = linearizable_ ? ReadMode::kLinearizable : ReadMode::kLocal;
    const auto count = run.client->count(prefix_, mode, run.timeout);
    if (!count) return report_of(prefix_, count.error());
    Report report;
    report.json = {{"prefix", prefix_},
                   {"locks", count->locks},
                   {"holders", count->holders},
                   {"waiters", count->waiters},
                   {"applied_index", count->applied_index.value()}};
    report.text = number_of(count->locks, "lock") + ", " + number_of(count->holders, "holder") + ", " +
                  number_of(count->waiters, "waiter");
    add_age(report, count->age);
    return report;
  }

 private:
  std::string prefix_;
  bool linearizable_ = false;
};

constexpr std::string_view kHistoryHelp = R"(
Grants that are over: who held a lock from when to when, and why it ended. The cluster keeps the last 100,000. At a
terminal: columns, the newest first, and the newest 50 unless --limit says otherwise. Elsewhere: a line each, the
oldest first. --follow goes on with what ends from now on; Ctrl-C ends it.
The cluster keeps the ids of the holders. At a terminal a holder that still has a session is shown with its note.
If --limit leaves some out, the last line on stderr says so. With --json the last object has "more": true then.

Examples:
  lockstep history
  lockstep history backups/nightly --limit 5
  lockstep history --follow
  lockstep --json history | jq 'select(.reason == "forced")')";

class HistorySubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "Only the grants of this lock");
    add_limit(command, limit_, "grants, the newest");
    command.add_flag("-f,--follow", follow_, "Go on with each grant that ends");
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override {
    return name_.empty() ? std::nullopt : report_of_bad_name(name_);  // none: all of them
  }
  Report run(const SubcommandRun& run) override {
    const bool as_table = is_for_a_person(run.global) && !follow_;
    if (as_table && limit_ == kNoLimit) limit_ = kLimitAtTerminal;
    if (auto failed = as_table || limit_ != kNoLimit ? show_newest(run, as_table) : show_all(run)) return *failed;
    while (follow_ && !run.stop.stop_requested()) {
      if (auto failed = show_all(run)) return run.stop.stop_requested() ? Report() : *failed;
      pause(run.stop, kPause);
    }
    return {};
  }

 private:
  static constexpr Duration kPause = std::chrono::milliseconds(500);

  // From where the last look ended; `see` is false when there is no more to look for. Nothing: it went well.
  template <typename See>
  std::optional<Report> look(const SubcommandRun& run, See see) {
    for (;;) {
      if (run.stop.stop_requested()) return Report();
      const auto page = run.client->history(name_, position_, kMaxPage, run.timeout);
      if (!page) return report_of(name_, page.error());
      if (!page->events.empty()) position_ = page->events.back().position;
      if (!see(page->events)) return Report();
      if (!page->more || page->events.empty()) return std::nullopt;
    }
  }
  std::optional<Report> show_all(const SubcommandRun& run) {
    return look(run,
                [&](const std::vector<PastHold>& events) { return show_lines(run.global, events, false, line_of); });
  }
  std::optional<Report> show_newest(const SubcommandRun& run, bool as_table) {
    Newest<PastHold> newest(limit_);
    auto failed = look(run, [&](const std::vector<PastHold>& events) {
      for (const PastHold& event : events) newest.add(event);
      return true;
    });
    if (failed) return failed;
    if (as_table) {
      show_rows(table_of(newest.newest_first(), notes_of(run, clients_in(newest.newest_first())), wall_time()));
    } else {
      show_lines(run.global, newest.oldest_first(), newest.is_cut() && !follow_, line_of);  // what follows is the last
    }
    if (newest.is_cut()) tell_more(run.global, "--limit " + std::to_string(newest.seen()));
    return std::nullopt;
  }
  static Report line_of(const PastHold& event) { return report_of(event); }
  static std::set<ClientId> clients_in(const std::vector<PastHold>& events) {
    std::set<ClientId> clients;
    for (const PastHold& event : events) {
      clients.insert(event.client);
      if (event.by) clients.insert(*event.by);
    }
    return clients;
  }

  std::string name_;
  std::size_t limit_ = kNoLimit;
  bool follow_ = false;
  std::uint64_t position_ = 0;
};

constexpr std::string_view kSessionsHelp = R"(
Living sessions, the newest first: whose they are, when they expire, how many locks they hold and wait for. At a
terminal: columns, and the newest 50 unless --limit says otherwise. If --limit leaves some out, the last line on stderr
says how to go on. With --json the last object has "more": true then, and --after with its session goes on.

Examples:
  lockstep sessions
  lockstep sessions --limit 20
  lockstep --json sessions | jq 'select(.locks > 0)')";

class SessionsSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    add_limit(command, limit_, "sessions, the newest");
    command.add_option("--after", after_, "Begin behind this session, with older ones")
        ->type_name("ID")
        ->transform(an_ordinal());
  }
  Report run(const SubcommandRun& run) override {
    const bool as_table = is_for_a_person(run.global);
    Newest<SessionInfo> newest(as_table && limit_ == kNoLimit ? kLimitAtTerminal : limit_);
    const auto applied_index = look(run, newest);
    if (!applied_index) return report_of("", applied_index.error());
    const std::vector<SessionInfo> sessions = newest.newest_first();
    if (as_table) {
      show_rows(table_of(sessions, wall_time()));
    } else {
      show_lines(run.global, sessions, newest.is_cut(),
                 [&](const SessionInfo& session) { return report_of(session, *applied_index); });
    }
    if (newest.is_cut()) tell_more(run.global, "--after " + std::to_string(sessions.back().session.value()));
    return {};
  }

 private:
  // A node tells them in order of id, which is that of their age. The index is that of the last answer.
  Expected<LogIndex> look(const SubcommandRun& run, Newest<SessionInfo>& newest) const {
    SessionId after;
    for (;;) {
      const auto page = run.client->sessions(after, kMaxPage, run.timeout);
      if (!page) return tl::unexpected(page.error());
      for (const SessionInfo& session : page->sessions) {
        if (after_ && session.session >= SessionId(*after_)) return page->applied_index;
        newest.add(session);
      }
      if (!page->more || page->sessions.empty()) return page->applied_index;
      after = page->sessions.back().session;
    }
  }

  std::size_t limit_ = kNoLimit;
  std::optional<std::uint64_t> after_;
};

constexpr std::array kReadSubcommands{
    SubcommandEntry{"check", "Show who has a lock, and who waits for it", kCheckHelp, Access::kReads, false,
                    make<CheckSubcommand>},
    SubcommandEntry{"verify", "Ask whether a token is still the current one", kVerifyHelp, Access::kReads, false,
                    make<VerifySubcommand>},
    SubcommandEntry{"list", "Show the locks that are held or waited for", kListHelp, Access::kReads, false,
                    make<ListSubcommand>, "ls"},
    SubcommandEntry{"count", "Count the locks, their holders and waiters", kCountHelp, Access::kReads, false,
                    make<CountSubcommand>},
    SubcommandEntry{"history", "Show the grants that are over", kHistoryHelp, Access::kReads, true,
                    make<HistorySubcommand>},
    SubcommandEntry{"sessions", "Show the living sessions", kSessionsHelp, Access::kReads, false,
                    make<SessionsSubcommand>},
};

}  // namespace

std::span<const SubcommandEntry> read_subcommands() { return kReadSubcommands; }

}  // namespace lockstep

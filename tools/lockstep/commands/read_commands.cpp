// The subcommands that only look: at one lock, at many, at what was.
#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <limits>
#include <mutex>

#include "nodes/system/clock.hpp"
#include "tools/lockstep/answers/table.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

void add_limit(CLI::App& command, std::size_t& limit, const std::string& what) {
  command.add_option("--limit", limit, "At most so many " + what)
      ->type_name("N")
      ->transform(an_ordinal())
      ->check(CLI::PositiveNumber);
}

// One page, as a table at a terminal and else a line each. False: nobody reads any more.
template <typename Item, typename Line>
bool show_page(const SubcommandRun& run, const std::vector<Item>& items, Line line, bool as_table = is_at_terminal()) {
  if (as_table && !run.global.json) {
    for (const std::string& row : table_of(items, wall_time())) std::cout << row << '\n';
    return static_cast<bool>(std::cout.flush());
  }
  return std::all_of(items.begin(), items.end(), [&](const Item& item) { return print(line(item), run.global.json); });
}

Report tell_more(const SubcommandRun& run, const std::string& way) {
  if (!run.global.json) std::cerr << "lockstep: there are more; go on with " << way << '\n';
  return {};
}

constexpr std::string_view kCheckHelp = R"(
Answered by any node from its own map, with its age; never older than what you have seen before.
Exit codes: 0 held; 1 free (perhaps with waiters); 3 no answer in time.

Examples:
  lockstep check backups/nightly
  lockstep check backups/nightly --linearizable     as new as this moment: asks a quorum
  lockstep --json check backups/nightly | jq -r '.holders[].owner')";

class CheckSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name")->required();
    command.add_flag("--linearizable", linearizable_, "Reflect all that was answered before this command");
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override {
    const auto mode = linearizable_ ? ReadMode::kLinearizable : ReadMode::kLocal;
    return report_of(name_, run.client->check(name_, mode, run.timeout));
  }

 private:
  std::string name_;
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
One line for each lock, in order of name: columns at a terminal. A long list comes in pages, each of one moment. With
--limit, the last line on stderr says how to go on.

Examples:
  lockstep list
  lockstep list backups/
  lockstep list --limit 20 --after backups/nightly
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
      const auto line = [&](const LockInfo& lock) { return report_of(lock, page->applied_index); };
      if (!show_page(run, page->locks, line)) return {};  // nobody reads any more
      if (!page->more || page->locks.empty()) return {};
      after_ = page->locks.back().name;
      limit_ -= page->locks.size();
      if (limit_ == 0) return tell_more(run, "--after '" + after_ + "'");
    }
  }

 private:
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
    const bool as_table = is_at_terminal() && !run.global.json && !follow_;
    if (as_table && limit_ == kNoLimit) limit_ = kAtTerminal;
    if (auto failed = as_table || limit_ != kNoLimit ? show_newest(run, as_table) : show_all(run)) return *failed;
    while (follow_ && !run.stop.stop_requested()) {
      if (auto failed = show_all(run)) return run.stop.stop_requested() ? Report() : *failed;
      pause(run.stop);
    }
    return {};
  }

 private:
  static constexpr std::size_t kAtTerminal = 50;

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
    return look(run, [&](const std::vector<PastHold>& events) {
      return std::all_of(events.begin(), events.end(),
                         [&](const PastHold& event) { return print(report_of(event), run.global.json); });
    });
  }
  std::optional<Report> show_newest(const SubcommandRun& run, bool as_table) {
    std::deque<PastHold> newest;
    std::size_t seen = 0;
    auto failed = look(run, [&](const std::vector<PastHold>& events) {
      seen += events.size();
      newest.insert(newest.end(), events.begin(), events.end());
      if (newest.size() > limit_) newest.erase(newest.begin(), newest.end() - static_cast<std::ptrdiff_t>(limit_));
      return true;
    });
    if (failed) return failed;
    std::vector<PastHold> shown(newest.begin(), newest.end());
    if (as_table) std::reverse(shown.begin(), shown.end());
    show_page(
        run, shown, [](const PastHold& event) { return report_of(event); }, as_table);
    if (seen > limit_) tell_more(run, "--limit " + std::to_string(seen));
    return std::nullopt;
  }
  static void pause(const std::stop_token& stop) {
    constexpr auto kPause = std::chrono::milliseconds(500);
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, stop, kPause, [] { return false; });
  }

  std::string name_;
  std::size_t limit_ = kNoLimit;
  bool follow_ = false;
  std::uint64_t position_ = 0;
};

constexpr std::string_view kSessionsHelp = R"(
Living sessions, the oldest first: whose they are, when they expire, how many locks they hold and wait for. Columns at a
terminal.

Examples:
  lockstep sessions
  lockstep sessions --limit 20
  lockstep --json sessions | jq 'select(.locks > 0)')";

class SessionsSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    add_limit(command, limit_, "sessions");
    command.add_option("--after", after_, "Begin behind this session")->type_name("ID")->transform(an_ordinal());
  }
  Report run(const SubcommandRun& run) override {
    for (;;) {
      const auto page = run.client->sessions(SessionId(after_), std::min(limit_, kMaxPage), run.timeout);
      if (!page) return report_of("", page.error());
      const auto line = [&](const SessionInfo& session) { return report_of(session, page->applied_index); };
      if (!show_page(run, page->sessions, line)) return {};
      if (!page->more || page->sessions.empty()) return {};
      after_ = page->sessions.back().session.value();
      limit_ -= page->sessions.size();
      if (limit_ == 0) return tell_more(run, "--after " + std::to_string(after_));
    }
  }

 private:
  std::size_t limit_ = kNoLimit;
  std::uint64_t after_ = 0;
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

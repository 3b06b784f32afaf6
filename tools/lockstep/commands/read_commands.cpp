// The subcommands that only look: at one lock, at many, at what was.
#include <array>

#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

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
One line a lock, in order of name. A long list comes in pages, each of one moment.

Examples:
  lockstep list
  lockstep list backups/
  lockstep --json list backups/ | jq -r .name)";

class ListSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("PREFIX", prefix_, "Only those whose names start with it");
  }
  std::string about() const override { return prefix_; }
  Report run(const SubcommandRun& run) override {
    std::string after;
    for (;;) {
      const auto page = run.client->list(prefix_, after, kMaxPage, ReadMode::kLocal, run.timeout);
      if (!page) return report_of(prefix_, page.error());
      for (const LockInfo& lock : page->locks) {
        if (!print(report_of(lock, page->applied_index), run.global.json)) return {};  // nobody reads any more
      }
      if (!page->more || page->locks.empty()) return {};
      after = page->locks.back().name;
    }
  }

 private:
  std::string prefix_;
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
Grants that are over, oldest first: who held a lock from when to when, and why it ended. The cluster keeps the
last 100,000.

Examples:
  lockstep history
  lockstep history backups/nightly
  lockstep --json history | jq 'select(.reason == "forced")')";

class HistorySubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override { command.add_option("NAME", name_, "Only this lock's"); }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override {
    return name_.empty() ? std::nullopt : report_of_bad_name(name_);  // none: all of them
  }
  Report run(const SubcommandRun& run) override {
    std::uint64_t after = 0;
    for (;;) {
      const auto page = run.client->history(name_, after, kMaxPage, run.timeout);
      if (!page) return report_of(name_, page.error());
      for (const PastHold& event : page->events) {
        if (!print(report_of(event), run.global.json)) return {};
      }
      if (!page->more || page->events.empty()) return {};
      after = page->events.back().position;
    }
  }

 private:
  std::string name_;
};

constexpr std::string_view kSessionsHelp = R"(
Living sessions, oldest first: whose they are, when they expire, how many locks they hold and wait for.

Examples:
  lockstep sessions
  lockstep --json sessions | jq 'select(.locks > 0)')";

class SessionsSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App&) override {}
  Report run(const SubcommandRun& run) override {
    SessionId after;
    for (;;) {
      const auto page = run.client->sessions(after, kMaxPage, run.timeout);
      if (!page) return report_of("", page.error());
      for (const SessionInfo& session : page->sessions) {
        if (!print(report_of(session, page->applied_index), run.global.json)) return {};
      }
      if (!page->more || page->sessions.empty()) return {};
      after = page->sessions.back().session;
    }
  }
};

constexpr std::array kReadSubcommands{
    SubcommandEntry{"check", "Show who has a lock, and who waits for it", kCheckHelp, Access::kReads, false,
                    make<CheckSubcommand>},
    SubcommandEntry{"verify", "Ask whether a token is still the current one", kVerifyHelp, Access::kReads, false,
                    make<VerifySubcommand>},
    SubcommandEntry{"list", "Show the locks that are held or waited for", kListHelp, Access::kReads, false,
                    make<ListSubcommand>},
    SubcommandEntry{"count", "Count the locks, their holders and waiters", kCountHelp, Access::kReads, false,
                    make<CountSubcommand>},
    SubcommandEntry{"history", "Show the grants that are over", kHistoryHelp, Access::kReads, false,
                    make<HistorySubcommand>},
    SubcommandEntry{"sessions", "Show the living sessions", kSessionsHelp, Access::kReads, false,
                    make<SessionsSubcommand>},
};

}  // namespace

std::span<const SubcommandEntry> read_subcommands() { return kReadSubcommands; }

}  // namespace lockstep

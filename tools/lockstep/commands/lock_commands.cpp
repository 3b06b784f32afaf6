// The subcommands that take and give back locks, and end sessions.
#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>

#include "nodes/command_line/shell_quoted.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/each_name.hpp"
#include "tools/lockstep/commands/lock_terms.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

constexpr int kInterrupted = 128 + SIGINT;

// A refusal names the holder alone. Who that is, in words, is worth a look at the lock, and no error.
std::optional<HolderInfo> holder_of(const SubcommandRun& run, const std::string& name, const ClientId& owner) {
  const auto check = run.client->check(name, ReadMode::kLocal, run.timeout);
  if (!check || !check->lock) return std::nullopt;
  for (const HolderInfo& holder : check->lock->holders) {
    if (holder.owner == owner) return holder;
  }
  return std::nullopt;
}

// A request without an answer is not undone: it may be granted when a quorum is back.
Report with_way_out_of_doubt(Report report, const std::vector<std::string>& names) {
  if (!report.error || report.error->definite) return report;
  const auto quoted = [](const std::string& name) { return shell_quoted(name); };
  report.advice = "it may still be granted: repeat the same command to know, or `lockstep release " +
                  joined(names, quoted, " ") +
                  "` if it is not wanted any more. `lockstep status` shows which nodes answer";
  return report;
}

constexpr std::string_view kPreemptHelp = R"(
Never waits: see acquire for that.
Exit codes: 0 granted; 1 held (also by yourself, since it only asks whether it is free) or waited for; 3 no answer in
time: it may still be granted. Repeat the command to know, it never runs twice, or release the lock.

Examples:
  lockstep preempt backups/nightly
  lockstep --json preempt backups/nightly | jq -r .token     the fencing token, for the resource to check
  lockstep --client-id "$ID" preempt backups/nightly         as another client than this user's)";

class PreemptSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name: 1 to 255 bytes of UTF-8")->required();
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override {
    return with_way_out_of_doubt(report_of(name_, run.client->preempt(name_, run.timeout)), {name_});
  }

 private:
  std::string name_;
};

constexpr std::string_view kAcquireHelp = R"(
Takes all of the names or none of them, with one token, first come, first served. The locks stay held after this command
has ended, until they are released. `lockstep run` holds them only while a command runs.
Exit codes: 0 granted; 1 not within --wait; 3 no answer in time: it may still be granted. Repeat the command to know, or
release the lock; 4 refused (held already by yourself, so that waiting would never end; a deadlock; another kind of
lock); 130 interrupted: nothing is left in line.

Examples:
  lockstep acquire backups/nightly                  waits for as long as it takes
  lockstep acquire backups/nightly --wait 30s       gives up after 30 seconds
  lockstep acquire backups/nightly --wait 0s        tries once
  lockstep acquire accounts/7 accounts/9            both at once
  lockstep acquire reports --shared                 together with others that share it
  lockstep acquire license --permits 5              one of five permits)";

class AcquireSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override { terms_.add_arguments(command); }
  std::string about() const override { return joined(terms_.names()); }
  std::optional<Report> refuse() const override { return terms_.refuse(); }

  Report run(const SubcommandRun& run) override {
    AcquireOptions options = terms_.options();
    options.timeout = run.timeout;
    options.stop = run.stop;
    options.on_progress = tell_progress;
    const auto answer = run.client->acquire(terms_.names(), options);
    if (run.stop.stop_requested() && answer) return give_back(run, *answer);
    Report report = report_of(terms_.names(), run.client->client_id(), answer);
    if (!answer && answer.error().is(ErrorCode::kAlreadyHeld)) tell_since_when(run, report);
    return with_way_out_of_doubt(std::move(report), terms_.names());
  }

 private:
  // For who does not know that another shell of the same user is the same client.
  void tell_since_when(const SubcommandRun& run, Report& report) const {
    for (const std::string& name : terms_.names()) {
      const auto holder = holder_of(run, name, run.client->client_id());
      if (!holder) continue;
      report.text = shown(name) + ": already_held: this client holds it already: " + who(holder->owner, holder->note) +
                    ", token " + std::to_string(holder->token.value()) + ", since " + format_time(holder->since);
      return;
    }
  }

  // It was granted while it was being cancelled, perhaps: then nobody knows of it.
  Report give_back(const SubcommandRun& run, const AcquireAnswer& answer) {
    for (const std::string& name : answer.names) {
      if (!answer.granted) break;
      const auto released = run.client->release(name, run.timeout);
      if (!released) return report_of(name, released.error());
    }
    Report report;
    report.exit_code = kInterrupted;
    report.json["names"] = answer.names;
    report.json["result"] = "cancelled";
    report.text = "cancelled " + about();
    return report;
  }

  LockTerms terms_;
};

constexpr std::string_view kReleaseHelp = R"(
--force is for operators: it takes the lock from any holder, and says who held it just before. The holder is told, and
the history keeps who did it and why. Without --force a lock that is not yours is answered with not_holder.
Several names are released one after another, each with a line of its own. An error ends that: the names behind it
were not asked about.
Exit codes: 0 released; 1 not the holder, or with --force: free; 3 no answer in time: repeat the command, it never
runs twice. Of several names it is the highest.

Examples:
  lockstep release backups/nightly
  lockstep release accounts/7 accounts/9
  lockstep --client-id "$ID" release backups/nightly         as the client that took it
  lockstep release backups/nightly --force --why "host c is on fire")";

class ReleaseSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    names_.add_arguments(command);
    auto* force = command.add_flag("--force", force_, "Take it from any holder");
    command.add_option("--why", why_, "A reason for the history, at most 256 bytes")->type_name("TEXT")->needs(force);
  }
  std::string about() const override { return names_.about(); }
  std::optional<Report> refuse() const override { return names_.refuse(); }
  Report run(const SubcommandRun& run) override {
    return names_.run(run.global.json, [&](const std::string& name) {
      if (force_) return force(run, name);
      const auto answer = run.client->release(name, run.timeout);
      const auto holder = answer && answer->owner ? holder_of(run, name, *answer->owner) : std::nullopt;
      return report_of(name, answer, holder ? holder->note : std::string());
    });
  }

 private:
  // The answer does not say from whom it was taken, so the lock is looked at before.
  Report force(const SubcommandRun& run, const std::string& name) const {
    const auto before = run.client->check(name, ReadMode::kLocal, run.timeout);
    const auto answer = run.client->force_release(name, why_, run.timeout);
    Report report = report_of_forced(name, answer);
    if (!answer || !answer->released || !before || !before->lock || before->lock->holders.empty()) return report;
    const LockInfo& lock = *before->lock;
    report.text += ", held before by " + who(lock.holders.front().owner, lock.holders.front().note);
    if (lock.holder_count > 1) report.text += " and " + number_of(lock.holder_count - 1, "other");
    return report;
  }

  EachName names_;
  bool force_ = false;
  std::string why_;
};

constexpr std::string_view kSessionCloseHelp = R"(
For operators: ends another client's session, its waits and then its locks. Its client learns it, and the history
keeps who did it and why.
Exit codes: 0 closed; 1 no such session; 3 no answer in time: repeat the command, it never runs twice.

Examples:
  lockstep session close 4711
  lockstep session close 4711 --why "left over from last week")";

class SessionCloseSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("ID", session_, "The session, as `lockstep sessions` shows it")
        ->required()
        ->transform(an_ordinal());
    command.add_option("--why", why_, "A reason for the history, at most 256 bytes")->type_name("TEXT");
  }
  Report run(const SubcommandRun& run) override {
    const SessionId session(session_);
    return report_of(session, run.client->close_session(session, why_, run.timeout));
  }

 private:
  std::uint64_t session_ = 0;
  std::string why_;
};

constexpr std::array kLockSubcommands{
    SubcommandEntry{"preempt", "Take a lock if nobody has it", kPreemptHelp, Access::kSession, false,
                    make<PreemptSubcommand>, "try"},
    SubcommandEntry{"acquire", "Take locks, waiting in line for them", kAcquireHelp, Access::kSession, true,
                    make<AcquireSubcommand>, "lock"},
    SubcommandEntry{"release", "Give locks back", kReleaseHelp, Access::kSession, false, make<ReleaseSubcommand>,
                    "unlock"},
};

constexpr std::array kSessionSubcommands{
    SubcommandEntry{"session close", "End another client's session", kSessionCloseHelp, Access::kSession, false,
                    make<SessionCloseSubcommand>},
};

}  // namespace

std::span<const SubcommandEntry> lock_subcommands() { return kLockSubcommands; }
std::span<const SubcommandEntry> session_subcommands() { return kSessionSubcommands; }

}  // namespace lockstep

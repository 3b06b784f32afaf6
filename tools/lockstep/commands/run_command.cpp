// Takes the locks, gives the guardian its orders, and releases when the command has ended.
#include "tools/lockstep/commands/run_command.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "lockstep/lock.hpp"
#include "nodes/client/about_process.hpp"
#include "nodes/client/errors.hpp"
#include "nodes/command_line/usage.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/system/wake_up.hpp"
#include "nodes/text/duration.hpp"
#include "tools/lockstep/commands/explained.hpp"
#include "tools/lockstep/commands/lock_terms.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"
#include "tools/lockstep/kept/file.hpp"
#include "tools/lockstep/kept/run_identity.hpp"
#include "tools/lockstep/run/guard.hpp"
#include "tools/lockstep/run/terminal.hpp"

namespace lockstep {
namespace {

constexpr const char* kFooter = R"(
Without a -- there is one name, and what follows it is the command, as with flock(1).
The command has LOCKSTEP_TOKEN, the fencing token, and LOCKSTEP_LOCK, the locks' names, one a line. It runs in a process
group of its own, to which signals are forwarded. When it ends, the rest of its group is killed, then the locks are
released. If the locks are lost, or cannot be kept safe, the group gets SIGTERM and, after --grace, SIGKILL. That is early
enough for the group to be gone before the lease lets another client have the locks, even if lockstep itself is killed or
stopped. A process that leaves the group (setsid, a daemon) is out of reach.
At a terminal the command's group has the foreground from its start if stdin, stdout and stderr are all that terminal. In a
pipeline it gets the foreground when it first reads the terminal. In the background (&) a command that reads it waits for
fg, and keeps its lock.
With --identity, the same command line started again after lockstep was killed has its locks at once, with a new token. It
does not wait for the lease to run out. FILE keeps the client id and its secret (mode 0600). FILE.lock is held by the run and
all that it started: a second run waits until they are gone. Both are for one machine: do not share or copy them.
Only the command writes to stdout. With --json the outcomes without a command are objects on stderr.
Exit codes: the command's own (128+n if signal n killed it, 126 and 127 as in a shell), or
  2 usage; 120 held by another, or waited long enough; 121 no answer in time; 122 refused; 123 the lock was lost;
  128+n interrupted by signal n while waiting.

Examples:
  lockstep run backups/nightly -- /usr/local/bin/backup
  lockstep run deploy --no-wait -- make deploy
  lockstep run leader --identity /var/lib/worker/lockstep -- worker
  lockstep run license --permits 5 --wait 10m -- simulate --all
  lockstep run accounts/7 accounts/9 -- sh -c 'transfer --token "$LOCKSTEP_TOKEN"')";

constexpr int kFirstExitCode = 119;  // 120 to 123 stand for 1, 3, 4 and 5

struct RunArguments {
  LockTerms terms;
  Duration ttl = std::chrono::seconds(10);
  run::GuardianOptions guardian;
  std::string note;
  std::string identity;  // empty: a new one
};

int exit_code_of_run(int exit_code) {
  switch (exit_code) {
    case kExitNo: return kFirstExitCode + 1;
    case kExitUnavailable: return kFirstExitCode + 2;
    case kExitRefused: return kFirstExitCode + 3;
    case kExitLost: return kFirstExitCode + 4;
    default: return exit_code;
  }
}

// Stdout is the command's.
int tell(const Report& report, bool json) {
  print(report, json, std::cerr);
  return exit_code_of_run(report.exit_code);
}

int tell_error(const GlobalOptions& global, const std::string& name, const Error& error) {
  return tell(explained(global, report_of(name, error)), global.json);
}

Report report_of_loss(const std::vector<std::string>& names, std::optional<LossReason> reason) {
  Report report;
  report.exit_code = kExitLost;
  report.is_error = true;
  const std::string why(reason ? to_string(*reason) : "not renewed in time");
  report.json = {{"names", names}, {"error", "lost"}, {"definite", true}, {"detail", why}};
  report.text = joined(names) + ": the lock was lost (" + why + "), so the command was ended";
  return report;
}

Duration longest_grace(const RunArguments& arguments) { return arguments.ttl / 2 - arguments.guardian.margin; }

std::optional<Report> refuse(const RunArguments& arguments, const std::vector<std::string>& words) {
  constexpr const char* kRun = "lockstep run";
  if (words.empty()) {
    return usage_report_of(kRun, "no command, since '" + joined(arguments.terms.names(), {}, " ") +
                                     "' names the locks; write: lockstep run NAME... -- COMMAND [ARGUMENT...]");
  }
  if (auto bad = arguments.terms.refuse()) return bad;
  if (arguments.ttl < std::chrono::milliseconds(wire::kMinTtlMs)) {
    return usage_report_of(kRun, "--ttl must be at least 1s");
  }
  const Duration most = longest_grace(arguments);
  if (arguments.guardian.grace > most) {
    return usage_report_of(kRun, "--grace must be at most half of --ttl, less " +
                                     format_duration(arguments.guardian.margin) + ": " + format_duration(most));
  }
  return std::nullopt;
}

// Not its arguments, which may be nobody else's business.
std::string note_of(const RunArguments& arguments, const std::vector<std::string>& words) {
  return arguments.note.empty() ? about_process(std::filesystem::path(words.front()).filename().string())
                                : arguments.note;
}

run::CommandSpec spec_of(const std::vector<std::string>& words, const sigset_t& signals) {
  run::CommandSpec spec;
  spec.words = words;
  spec.signals = signals;
  spec.takes_terminal = run::is_alone_at_terminal();
  return spec;
}

// The command under its lock, from its start to its end.
class GuardedRun {
 public:
  GuardedRun(Client& client, Lock& lock, run::Guard& guard, const sigset_t& forwarded, WakeUp wake_up)
      : client_(client),
        lock_(lock),
        guard_(guard),
        signals_(signalfd(-1, &forwarded, SFD_CLOEXEC | SFD_NONBLOCK)),
        wake_up_(std::make_shared<WakeUp>(std::move(wake_up))) {
    client_.on_lease_event([wake_up = wake_up_](const LeaseEvent&) { wake_up->wake(); });
    lock_.on_lost([wake_up = wake_up_](LossReason) { wake_up->wake(); });
  }
  ~GuardedRun() { client_.on_lease_event({}); }
  GuardedRun(const GuardedRun&) = delete;
  GuardedRun& operator=(const GuardedRun&) = delete;

  run::CommandResult run() {
    // A lock is not put aside with Ctrl-Z, which reaches us while the command is not in the foreground.
    std::signal(SIGTSTP, SIG_IGN);
    const Time start = boot_time();
    if (lock_.is_held()) {
      guard_.start(lock_.safe_until().value_or(start), environment());
    } else {
      told_to_stop_ = true;
      guard_.stop();  // lost between its grant and now: the command is not even started
    }
    for (;;) {
      if (const auto result = guard_.turn(boot_time())) return *result;
      follow_lock();
      wait();
      forward_signals();
    }
  }

 private:
  std::vector<std::string> environment() const {
    return {"LOCKSTEP_TOKEN=" + std::to_string(lock_.token().value()),
            "LOCKSTEP_LOCK=" + joined(lock_.names(), {}, "\n")};
  }

  void follow_lock() {
    if (!lock_.is_held()) {
      if (!std::exchange(told_to_stop_, true)) guard_.stop();
    } else if (const auto safe_until = lock_.safe_until()) {
      guard_.renew(*safe_until);
    }
  }

  void wait() {
    constexpr Duration kLongest = std::chrono::seconds(1);
    std::array<pollfd, 3> items{pollfd{guard_.descriptor(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0},
                                pollfd{wake_up_->fd(), POLLIN, 0}};
    const Duration left = std::min<Duration>(guard_.next_deadline() - boot_time(), kLongest);
    poll(items.data(), items.size(), static_cast<int>(sleep_time(left).count()));
    wake_up_->quiet();
  }

  void forward_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      guard_.forward(static_cast<int>(info.ssi_signo));
    }
  }

  Client& client_;
  Lock& lock_;
  run::Guard& guard_;
  FileDescriptor signals_;
  std::shared_ptr<WakeUp> wake_up_;  // when the lease was renewed, or the lock lost: told on another thread
  bool told_to_stop_ = false;
};

int conclude(const GlobalOptions& global, Lock& lock, const run::CommandResult& result) {
  if (result.guardian_died) std::cerr << "lockstep: the command's guardian died, and the command with it\n";
  if (result.ending != run::Ending::kByItself || !result.exit_code || lock.lost()) {
    return tell(report_of_loss(lock.names(), lock.lost()), global.json);
  }
  if (const auto released = lock.release(global.timeout); !released) {
    print(report_of(joined(lock.names()), released.error()), false);  // the command ended under its lock, all the same
  }
  return *result.exit_code;
}

// Waits in line, and can be interrupted meanwhile: then the number of the signal.
struct Acquired {
  Expected<Lock> lock;
  int signal = 0;
};

Acquired acquire(Client& client, const RunArguments& arguments) {
  StopOnSignal interrupt({SIGINT, SIGTERM, SIGHUP, SIGQUIT});
  AcquireOptions options = arguments.terms.options();
  options.stop = interrupt.token();
  options.on_progress = tell_progress;
  auto lock = Lock::acquire(client, arguments.terms.names(), options);
  return {std::move(lock), interrupt.finish()};
}

// Nothing: this run has no identity to go on with.
using Identity = std::optional<RunIdentity>;

Expected<Identity> open_identity(const GlobalOptions& global, const RunArguments& arguments) {
  if (arguments.identity.empty()) return Identity();
  auto opened = RunIdentity::open(arguments.identity, global.client_id, arguments.terms.options().wait);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  return Identity(*std::move(opened));
}

int run_under_lock(const GlobalOptions& global, const RunArguments& arguments, const std::string& note,
                   Identity& identity, run::Guard& guard, const sigset_t& forwarded) {
  ClientConfig config;
  config.endpoints = global.servers;
  config.client_id = identity ? identity->client_id() : global.client_id;
  config.keeps_session = identity.has_value();
  config.timeout = global.timeout;
  config.ttl = arguments.ttl;
  config.note = note;
  auto client = Client::create(config);
  if (!client) return tell(report_of("", client.error()), global.json);
  auto wake_up = WakeUp::create();
  if (!wake_up) return tell(report_of("", no_descriptor_error(wake_up.error())), global.json);
  const auto run_guarded = [&](Lock& lock) {
    const auto result = GuardedRun(*client, lock, guard, forwarded, *std::move(wake_up)).run();
    return conclude(global, lock, result);
  };
  if (identity) {
    auto earlier =
        identity->take_over(*client, arguments.terms.names(), arguments.terms.options().mode, global.timeout);
    if (!earlier) return tell_error(global, joined(arguments.terms.names()), earlier.error());
    if (earlier->has_value()) return run_guarded(**earlier);
  }
  auto [lock, signal] = acquire(*client, arguments);
  if (signal != 0) return 128 + signal;  // what was granted all the same is released at once
  if (!lock) return tell_error(global, joined(arguments.terms.names()), lock.error());
  return run_guarded(*lock);
}

int run_command(const GlobalOptions& global, const RunArguments& arguments, const std::vector<std::string>& words) {
  if (const auto refused = refuse(arguments, words)) return tell(*refused, global.json);
  auto identity = open_identity(global, arguments);  // before the guardian, which is to have it, too
  if (!identity) return tell(report_of(joined(arguments.terms.names()), identity.error()), global.json);
  const BlockedSignals forwarded{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
  const BlockedSignals harmless{SIGTTOU};  // the terminal is the command's while we write to it
  auto guard = run::Guard::create(spec_of(words, forwarded.before()), arguments.guardian);
  if (!guard) return tell(usage_report(guard.error(), "this machine lacks what is named there"), global.json);
  return run_under_lock(global, arguments, note_of(arguments, words), *identity, *guard, forwarded.blocked());
}

}  // namespace

void add_run_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("run", "Hold locks while a command runs");
  set_usage(*command,
            {"[OPTIONS] NAME... -- COMMAND [ARGUMENT...]", "[-n] [-w DURATION] [-s] NAME COMMAND [ARGUMENT...]"});
  command->footer(kFooter);
  const auto arguments = std::make_shared<RunArguments>();
  arguments->terms.add_arguments(*command);
  add_duration_option(*command, "--ttl", arguments->ttl,
                      "How long the locks stay taken if this machine dies; renewed meanwhile");
  add_duration_option(*command, "--grace", arguments->guardian.grace,
                      "From SIGTERM to SIGKILL, for a command whose lock is lost; less if --ttl leaves less");
  command
      ->add_option("--identity", arguments->identity,
                   "Continue with the locks of an earlier run that was killed; see below")
      ->type_name("FILE");
  command
      ->add_option("--note", arguments->note,
                   "Who this is, for those that wait or ask; user, host, pid and program if left out")
      ->type_name("TEXT");
  command->callback([&line, command, arguments] {
    if (command->count("--grace") == 0) {
      arguments->guardian.grace = std::min(arguments->guardian.grace, longest_grace(*arguments));
    }
    line.chosen = [&line, arguments] { return run_command(line.global, *arguments, line.words); };
  });
}

}  // namespace lockstep

// The holder's side of a guarded command: gives the guardian its orders, and watches it in turn.
//
// The two watch each other, so that no single death and no single stopped process leaves the command running
// past its lock: if the guardian dies, its own child dies with it and the rest of the group is killed from
// here, and the terminal taken back; if it is stopped, the group and it are killed from here when the deadline nears.
// Ownership: a Guard owns its guardian. The destructor ends what still runs and waits for that.
// Not thread-safe. Never throws, except for lack of memory.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "tools/lockstep/run/channel.hpp"
#include "tools/lockstep/run/guardian_process.hpp"
#include "tools/lockstep/run/terminal.hpp"

namespace lockstep::run {

struct CommandResult {
  std::optional<int> exit_code;  // as a shell has it: 128+n if a signal killed it; none: it was never started
  Ending ending = Ending::kByItself;
  bool guardian_died = false;  // and the group with it
};

class Guard {
 public:
  // Forks the guardian: only before this process has a ZeroMQ context or another thread. The signals that are
  // to be forwarded are blocked by then; spec.signals is the mask from before.
  static tl::expected<Guard, std::string> create(const CommandSpec& spec, const GuardianOptions& options);
  // The same with another clock than CLOCK_BOOTTIME. The guardian goes by a copy of it, as a fork makes one.
  static tl::expected<Guard, std::string> create(const CommandSpec& spec, const GuardianOptions& options,
                                                 GuardianClock& clock);
  Guard(Guard&& other) noexcept;
  Guard& operator=(Guard&&) = delete;
  ~Guard();

  // Starts the command, once. `environment`: NAME=value, added to its own.
  void start(Time safe_until, std::vector<std::string> environment);
  void renew(Time safe_until);
  void forward(int signal);
  // The lock is lost: the command is to end.
  void stop();

  // To be called when the descriptor is readable, at next_deadline(), and at other times as one likes, with the
  // time of the guardian's clock. The result, once nothing of the command's group lives any more.
  std::optional<CommandResult> turn(Time now);
  // -1: there is none to wait for any more.
  int descriptor() const { return guardian_is_gone_ ? -1 : channel_.descriptor(); }
  Time next_deadline() const;

  pid_t guardian_pid() const { return guardian_; }

 private:
  Guard(Channel channel, pid_t guardian, const GuardianOptions& options)
      : channel_(std::move(channel)), guardian_(guardian), options_(options) {}

  void on(const Started& started) { group_ = started.group; }
  void on(const Finish& finish);
  void on_guardian_gone(Time now);
  void kill_overdue(Time now);

  Channel channel_;
  Terminal terminal_;
  pid_t guardian_;  // 0: reaped
  GuardianOptions options_;
  pid_t group_ = 0;
  bool started_ = false;
  bool guardian_is_gone_ = false;
  bool overdue_ = false;
  Time safe_until_{};
  Time look_again_ = Time::max();
  std::optional<CommandResult> result_;
};

}  // namespace lockstep::run

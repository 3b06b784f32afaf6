// What the guardian of a command decides: when its group of processes is told to end, when it is killed.
//
// A value without I/O: events go in with the time at which they happened, decisions come out. The guardian
// lives in a process of its own (guardian_process.hpp), so that the rules here hold whatever becomes of the
// process that holds the lock:
// - The command runs only while the lock is safe: SIGTERM at safe_until - grace - margin, SIGKILL at
//   safe_until - margin, unless the deadline was moved on before the first of them.
// - Without the holder (it died, or says that the lock is lost) the group has `grace` to end, and never
//   longer than until safe_until - margin.
// - Once the command itself has ended, the rest of its group is killed.
// - What was told to end is not pardoned: a deadline that moves later changes nothing any more.
// Times are those of CLOCK_BOOTTIME. Nothing here throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/types.hpp"

namespace lockstep::run {

struct GuardianOptions {
  Duration grace = std::chrono::seconds(2);          // from SIGTERM to SIGKILL
  Duration margin = std::chrono::milliseconds(250);  // from SIGKILL to the deadline: dying takes a moment, too
};

// What the holder of the lock orders.
struct StartOrder {
  Time safe_until{};                     // until then nobody else can have the lock
  std::vector<std::string> environment;  // NAME=value, added to the command's
};
struct RenewOrder {
  Time safe_until{};
};
struct SignalOrder {
  int signal = 0;
};
struct StopOrder {};  // the lock is lost

// What else happens.
struct HolderGone {};  // the process that gives the orders has died
struct CommandEnded {
  int status = 0;  // as waitpid tells it
};
struct GroupGone {};  // no process of the group lives any more
struct ClockTick {};

using GuardianEvent =
    std::variant<StartOrder, RenewOrder, SignalOrder, StopOrder, HolderGone, CommandEnded, GroupGone, ClockTick>;

// Why the command ended. The numbers are on the channel between the two processes.
enum class Ending : std::uint8_t {
  kByItself = 0,  // or by a signal that was not the guardian's
  kDeadline = 1,  // the lock could not be kept safe
  kStopped = 2,   // the holder said that the lock is lost
  kOrphaned = 3,  // the holder died
};

struct StartCommand {
  std::vector<std::string> environment;
};
struct SignalGroup {
  int signal = 0;
};
// The last one: nothing of the group lives.
struct Finish {
  std::optional<int> status;  // as waitpid told it; none: the command was never started
  Ending ending = Ending::kByItself;
};

using GuardianDecision = std::variant<StartCommand, SignalGroup, Finish>;

class Guardian {
 public:
  explicit Guardian(const GuardianOptions& options) : options_(options) {}

  void step(Time now, const GuardianEvent& event);
  // In the order in which they are to be carried out.
  std::vector<GuardianDecision> take_decisions();
  // When to step with a ClockTick if nothing else happens before.
  Time next_deadline() const;
  // Whether the group is being killed, so that GroupGone is to be looked for.
  bool is_killing() const { return phase_ == Phase::kKilling; }

 private:
  enum class Phase { kIdle, kRunning, kStopping, kKilling, kFinished };

  void on(Time now, const StartOrder& order);
  void on(Time now, const RenewOrder& order);
  void on(Time now, const SignalOrder& order);
  void on(Time now, const StopOrder&) { end(now, Ending::kStopped); }
  void on(Time now, const HolderGone&) { end(now, Ending::kOrphaned); }
  void on(Time now, const CommandEnded& event);
  void on(Time now, const GroupGone&);
  void on(Time, const ClockTick&) {}

  void watch_clock(Time now);
  void end(Time now, Ending ending);
  void kill(Time now);
  void finish();
  void signal(int number) { decisions_.emplace_back(SignalGroup{number}); }

  GuardianOptions options_;
  Phase phase_ = Phase::kIdle;
  Time safe_until_{};
  Time kill_at_{};  // while stopping; while killing, when to do it again
  std::optional<int> status_;
  Ending ending_ = Ending::kByItself;
  std::vector<GuardianDecision> decisions_;
};

}  // namespace lockstep::run

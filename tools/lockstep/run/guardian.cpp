// The decisions, as a state machine without I/O.
#include "tools/lockstep/run/guardian.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace lockstep::run {
namespace {

// A process may come into a group that is being killed only from outside of it, so once is nearly always enough.
constexpr Duration kKillAgain = std::chrono::milliseconds(20);

}  // namespace

void Guardian::step(Time now, const GuardianEvent& event) {
  std::visit([&](const auto& e) { on(now, e); }, event);
  watch_clock(now);
}

std::vector<GuardianDecision> Guardian::take_decisions() { return std::exchange(decisions_, {}); }

Time Guardian::next_deadline() const {
  switch (phase_) {
    case Phase::kRunning: return safe_until_ - options_.margin - options_.grace;
    case Phase::kStopping:
    case Phase::kKilling: return kill_at_;
    case Phase::kIdle:
    case Phase::kFinished: break;
  }
  return Time::max();
}

void Guardian::on(Time now, const StartOrder& order) {
  if (phase_ != Phase::kIdle) return;
  safe_until_ = order.safe_until;
  if (now >= safe_until_ - options_.margin - options_.grace) {
    ending_ = Ending::kDeadline;
    return finish();
  }
  phase_ = Phase::kRunning;
  decisions_.emplace_back(StartCommand{order.environment});
}

void Guardian::on(Time now, const RenewOrder& order) {
  watch_clock(now);  // a renewal that comes too late is none
  if (phase_ == Phase::kRunning) safe_until_ = std::max(safe_until_, order.safe_until);
}

void Guardian::on(Time, const SignalOrder& order) {
  if (phase_ == Phase::kRunning || phase_ == Phase::kStopping) signal(order.signal);
}

void Guardian::on(Time now, const CommandEnded& event) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kFinished) return;
  watch_clock(now);  // after a suspend its end may be heard first, and it ended too late all the same
  status_ = event.status;
  kill(now);
}

void Guardian::on(Time, const GroupGone&) {
  if (phase_ == Phase::kKilling && status_) finish();
}

void Guardian::watch_clock(Time now) {
  if (now < next_deadline()) return;
  if (phase_ == Phase::kRunning) return end(now, Ending::kDeadline);
  kill(now);
}

void Guardian::end(Time now, Ending ending) {
  if (phase_ != Phase::kIdle && phase_ != Phase::kRunning) return;
  ending_ = ending;
  if (phase_ == Phase::kIdle) return finish();
  kill_at_ = std::min(now + options_.grace, safe_until_ - options_.margin);
  if (now >= kill_at_) return kill(now);
  phase_ = Phase::kStopping;
  signal(SIGTERM);
  signal(SIGCONT);  // what is stopped could not hear the other
}

void Guardian::kill(Time now) {
  phase_ = Phase::kKilling;
  kill_at_ = now + kKillAgain;
  signal(SIGKILL);
}

void Guardian::finish() {
  phase_ = Phase::kFinished;
  decisions_.emplace_back(Finish{status_, ending_});
}

}  // namespace lockstep::run

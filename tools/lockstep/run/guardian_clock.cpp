// timerfd_create(2).
#include "tools/lockstep/run/guardian_clock.hpp"

#include <sys/timerfd.h>

#include <algorithm>

#include "nodes/system/clock.hpp"

namespace lockstep::run {
namespace {

timespec to_timespec(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {seconds.count(), static_cast<long>((duration - seconds).count())};
}

}  // namespace

MachineClock::MachineClock() : timer_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

Time MachineClock::now() const { return boot_time(); }

void MachineClock::wake_at(Time deadline) {
  itimerspec when{};  // zero: never
  if (deadline != Time::max()) {
    when.it_value = to_timespec(std::max<Duration>(deadline.time_since_epoch(), std::chrono::nanoseconds(1)));
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace lockstep::run

// clock_gettime(2).
#include "nodes/system/clock.hpp"

#include <algorithm>
#include <ctime>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

std::chrono::nanoseconds read(clockid_t clock) {
  timespec time{};
  const int result = clock_gettime(clock, &time);
  INVARIANT(result == 0, "Linux has these clocks");
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Time boot_time() { return Time(read(CLOCK_BOOTTIME)); }

std::chrono::milliseconds sleep_time(Duration left) {
  return std::chrono::ceil<std::chrono::milliseconds>(
      std::clamp<Duration>(left, Duration::zero(), std::chrono::hours(1)));
}

WallTime wall_time() { return WallTime(std::chrono::duration_cast<WallClock::duration>(read(CLOCK_REALTIME))); }

}  // namespace lockstep

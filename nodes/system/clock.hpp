// The machine's clocks, as the protocol's types. The only place that reads them.
#pragma once

#include "protocol/base/types.hpp"

namespace lockstep {

Time boot_time();      // CLOCK_BOOTTIME: goes on while the machine sleeps, so that no lease outlives its TTL
WallTime wall_time();  // CLOCK_REALTIME: for people only
// Longer than anyone waits, and short enough to be added to any time.
constexpr Duration kForEver = std::chrono::hours(24 * 365);
// For poll(2): how long to sleep, rounded up to a millisecond, so that a sleeper that wakes up finds its deadline
// passed. At least 0 and at most an hour.
std::chrono::milliseconds sleep_time(Duration left);
inline Now read_clocks() { return {boot_time(), wall_time()}; }

}  // namespace lockstep

// The machine's clocks, as the protocol's types. The only place that reads them.
#pragma once

#include "protocol/base/types.hpp"

namespace lockstep {

Time boot_time();      // CLOCK_BOOTTIME: goes on while the machine sleeps, so that no lease outlives its TTL
WallTime wall_time();  // CLOCK_REALTIME: for people only
inline Now read_clocks() { return {boot_time(), wall_time()}; }

}  // namespace lockstep

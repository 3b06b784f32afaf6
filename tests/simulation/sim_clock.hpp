// The clocks of one machine: they show what they like, run at a rate of their own, and the wall clock can be set.
// The scheduler's time is the world's, which nobody in it can read.
#pragma once

#include "protocol/base/types.hpp"

namespace lockstep::simulation {

class SimClock {
 public:
  SimClock() = default;
  // Runs faster than the world by `drift_ppm` millionths, or slower.
  SimClock(Duration offset, std::int64_t drift_ppm, Duration wall_skew)
      : offset_(offset), drift_ppm_(drift_ppm), wall_skew_(wall_skew) {}

  Time at(Time world) const { return Time(offset_) + stretched(world.time_since_epoch()); }
  Now both_at(Time world) const {
    const Duration wall = world.time_since_epoch() + wall_skew_ + std::chrono::hours(1);
    return {at(world), WallTime(std::chrono::duration_cast<WallTime::duration>(wall))};
  }
  // The first moment of the world at which this clock shows that much.
  Time when(Time shown) const {
    if (shown == Time::max()) return shown;
    Time world(in_world(shown - Time(offset_)));
    while (at(world) < shown) world += Duration(1);
    return world;
  }
  // How long the world takes for what takes so long by this clock.
  Duration in_world(Duration own) const {
    const long double rate = 1.0L + static_cast<long double>(drift_ppm_) / kMillion;
    return Duration(static_cast<Duration::rep>(static_cast<long double>(own.count()) / rate));
  }

  void set_wall(Duration skew) { wall_skew_ = skew; }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;

  Duration stretched(Duration world) const {
    return world + world / kMillion * drift_ppm_ + world % Duration(kMillion) * drift_ppm_ / kMillion;
  }

  Duration offset_{};
  std::int64_t drift_ppm_ = 0;
  Duration wall_skew_{};
};

}  // namespace lockstep::simulation

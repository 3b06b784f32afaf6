// A seeded random sequence (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014). The same seed gives the same sequence on every machine, which is what
// the simulator needs and what <random>'s distributions do not promise. Not for secrets.
// A value: copying it copies its position.
#pragma once

#include <cstdint>

#include "protocol/base/types.hpp"

namespace lockstep {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound); bound must not be 0. The bias of the modulo is far below what any
  // timeout or fault rate could notice.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

  // True once in `n` draws on average; never for n = 0.
  bool one_in(std::uint64_t n) { return n != 0 && below(n) == 0; }

  // Uniform in [low, high].
  Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }

  // An identifier is never 0: that value means "none".
  std::uint64_t next_nonzero() {
    for (;;) {
      if (const std::uint64_t value = next(); value != 0) return value;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace lockstep

// An age as clients are told it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/base/types.hpp"

namespace lockstep {

// An age is a bound, so it is rounded up: an answer never claims to be newer than it is.
inline std::optional<std::uint64_t> in_ms(std::optional<Duration> age) {
  if (!age) return std::nullopt;
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(*age).count());
}

}  // namespace lockstep

// Waiting for a condition in a test: as long as it takes, within a limit that only a broken program reaches.
#pragma once

#include <chrono>
#include <thread>

namespace lockstep::testing {

// Far more than anything needs, also on a busy machine under a sanitizer.
inline constexpr std::chrono::seconds kPatience{120};

// Calls `condition` until it holds; false once the time is over.
template <typename Condition>
bool wait_until(Condition condition, std::chrono::milliseconds patience = kPatience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace lockstep::testing

// How much a state keeps of what is over, and how much of it one answer shows.
//
// The defaults are what every node of a cluster has, and the most that the wire carries. Smaller ones are for
// simulations and tests, so that every boundary is met. All replicas of a cluster must have the same bounds: else equal
// logs would not give equal states (R16).
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/locks/commands.hpp"

namespace lockstep::locks {

inline constexpr std::size_t kShownHolders = 100;      // of one lock
inline constexpr std::size_t kShownWaiters = 100;      // of one lock
inline constexpr std::size_t kPageBytes = 256 * 1024;  // of texts and fields: then a page ends
inline constexpr std::size_t kCountedAtOnce = 10'000;  // names of one count, so that no answer holds up a node

struct Bounds {
  // Of the state.
  std::uint64_t unacknowledged = kMaxUnacknowledged;  // requests of one session
  std::size_t ended_sessions = kKeptEndedSessions;    // whose end is remembered
  std::size_t history = kKeptHistory;                 // events
  // Of a view.
  std::size_t shown_holders = kShownHolders;
  std::size_t shown_waiters = kShownWaiters;
  std::size_t page_bytes = kPageBytes;
  std::size_t counted = kCountedAtOnce;
  friend bool operator==(const Bounds&, const Bounds&) = default;
};

}  // namespace lockstep::locks

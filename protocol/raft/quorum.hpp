// How many voters are a majority, and how far a majority has got.
//
// Pure functions. Any two majorities of the same voters share a member (Raft section 5.1): all safety rests on that.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

// A majority of `voters` (Raft section 5.1).
constexpr std::size_t quorum_of(std::size_t voters) { return voters / 2 + 1; }

// The highest value that a majority has reached, given what each voter has reached.
template <typename Position>
Position reached_by_quorum(std::vector<Position> reached) {
  INVARIANT(!reached.empty(), "a cluster has at least one voter");
  const auto nth = reached.begin() + static_cast<std::ptrdiff_t>(quorum_of(reached.size()) - 1);
  std::nth_element(reached.begin(), nth, reached.end(), std::greater<>());
  return *nth;
}

}  // namespace lockstep::raft

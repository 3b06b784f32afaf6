// How many are a majority, and what it has reached (Raft section 5.1).
#include "protocol/raft/quorum.hpp"

#include <doctest/doctest.h>

#include "protocol/base/types.hpp"

namespace lockstep::quorum_test {

using namespace lockstep::raft;

namespace {

LogIndex reached(const std::vector<std::uint64_t>& each) {
  std::vector<LogIndex> positions;
  for (const std::uint64_t one : each) positions.push_back(LogIndex(one));
  return reached_by_quorum(std::move(positions));
}

}  // namespace

TEST_CASE("any two quorums share a member, and one fewer is no quorum") {
  for (std::size_t voters = 1; voters <= 9; ++voters) {
    CHECK(2 * quorum_of(voters) > voters);
    CHECK(2 * (quorum_of(voters) - 1) <= voters);
  }
}

TEST_CASE("a quorum has reached the highest position that a majority is at or beyond") {
  CHECK(reached({7}) == LogIndex(7));
  CHECK(reached({7, 3}) == LogIndex(3));
  CHECK(reached({7, 3, 5}) == LogIndex(5));
  CHECK(reached({9, 9, 0, 1}) == LogIndex(1));
  CHECK(reached({1, 2, 3, 4, 5}) == LogIndex(3));
  CHECK(reached({5, 5, 5, 0, 0}) == LogIndex(5));
}

}  // namespace lockstep::quorum_test

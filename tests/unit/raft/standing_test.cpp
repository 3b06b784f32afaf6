// What no event may do to a node: every number that may not fall, one by one (R1, R2, R4, R6, L2).
#include "protocol/raft/standing.hpp"

#include <doctest/doctest.h>

#include "tests/support/aborts.hpp"

namespace lockstep::standing_test {

using namespace lockstep::raft;

namespace {

// Of a leader.
Standing somewhere() {
  Standing standing;
  standing.term = Term(3);
  standing.vote = NodeId(1);
  standing.commit = standing.verified = LogIndex(7);
  standing.applicable = LogIndex(6);
  standing.base = LogIndex(5);
  standing.last_led = LogIndex(9);
  standing.latest_round = Round(4);
  standing.confirmed_round = Round(3);
  return standing;
}

template <typename Change>
bool may(Change change) {
  Standing next = somewhere();
  change(next);
  return !test::aborts([&] { check_change(somewhere(), next); });
}

}  // namespace

TEST_CASE("a node may stay where it is, and everything may rise") {
  CHECK(may([](Standing&) {}));
  CHECK(may([](Standing& next) { next.term = Term(4); }));
  CHECK(may([](Standing& next) { next.commit = next.applicable = LogIndex(9); }));
  CHECK(may([](Standing& next) { next.latest_round = next.confirmed_round = Round(5); }));
}

TEST_CASE("neither term, commit index nor what may be applied ever falls, and no log grows at its front (R1, R4, S3)") {
  for (const std::uint64_t term : {3U, 4U}) {
    CHECK_FALSE(may([&](Standing& next) { next.term = Term(term), next.commit = LogIndex(6); }));
    CHECK_FALSE(may([&](Standing& next) { next.term = Term(term), next.applicable = LogIndex(5); }));
    CHECK_FALSE(may([&](Standing& next) { next.term = Term(term), next.base = LogIndex(4); }));
  }
  CHECK_FALSE(may([](Standing& next) { next.term = Term(2); }));
}

TEST_CASE("a vote stays within its term, and only there (Raft section 5.2)") {
  CHECK_FALSE(may([](Standing& next) { next.vote = NodeId(2); }));
  CHECK_FALSE(may([](Standing& next) { next.vote = NodeId(); }));
  CHECK(may([](Standing& next) { next.term = Term(4), next.vote = NodeId(2); }));
}

TEST_CASE("what was proved or confirmed stays so within a term, and a leader drops nothing (R2, L2)") {
  CHECK_FALSE(may([](Standing& next) { next.verified = LogIndex(6); }));
  CHECK(may([](Standing& next) { next.term = Term(4), next.verified = LogIndex(); }));
  CHECK_FALSE(may([](Standing& next) { next.last_led = LogIndex(8); }));
  CHECK_FALSE(may([](Standing& next) { next.latest_round = Round(3); }));
  CHECK_FALSE(may([](Standing& next) { next.confirmed_round = Round(2); }));
  CHECK(may([](Standing& next) { next.last_led = {}, next.latest_round = next.confirmed_round = {}; }));  // steps down
}

}  // namespace lockstep::standing_test

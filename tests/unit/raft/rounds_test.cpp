// Rounds: which of a leader's broadcasts answers which barrier (thesis section 6.4; L2).
#include "protocol/raft/rounds.hpp"

#include <doctest/doctest.h>

#include "tests/support/aborts.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::rounds_test {

using namespace lockstep::raft;

namespace {

ReadyBarrier barrier(std::uint64_t number, std::uint64_t index = 1) {
  return {NodeId(1), ConnectionId(), CallNumber(number), LogIndex(index), {}};
}

std::vector<std::uint64_t> numbers(const std::vector<ReadyBarrier>& barriers) {
  std::vector<std::uint64_t> numbers;
  for (const ReadyBarrier& barrier : barriers) numbers.push_back(barrier.number.value());
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("no round begins unless a barrier wants one") {
  Rounds rounds;
  CHECK_FALSE(rounds.begin_if_wanted());
  CHECK(rounds.latest() == Round());
  rounds.ask(barrier(1));
  CHECK(rounds.begin_if_wanted());
  CHECK(rounds.latest() == Round(1));
}

TEST_CASE("a barrier is answered by the round that began after it, once that is confirmed (L2)") {
  Rounds rounds;
  rounds.ask(barrier(1));
  CHECK(rounds.take_ready(LogIndex(1)).empty());
  rounds.begin_if_wanted();
  CHECK(rounds.take_ready(LogIndex(1)).empty());
  rounds.ask(barrier(2));  // round 1 is under way: it proves nothing for this one (etcd #20418)
  rounds.confirm(Round(1));
  CHECK(numbers(rounds.take_ready(LogIndex(1))) == Numbers{1});
  CHECK(rounds.waiting().size() == 1);
}

TEST_CASE("one round is under way at a time, and barriers that come meanwhile share the next (L2)") {
  Rounds rounds;
  rounds.ask(barrier(1));
  rounds.begin_if_wanted();
  rounds.ask(barrier(2));
  rounds.ask(barrier(3));
  CHECK_FALSE(rounds.begin_if_wanted());
  rounds.confirm(Round(1));
  CHECK(rounds.begin_if_wanted());
  CHECK(rounds.latest() == Round(2));
  rounds.confirm(Round(2));
  CHECK(numbers(rounds.take_ready(LogIndex(1))) == Numbers{1, 2, 3});
  CHECK(rounds.waiting().empty());
  rounds.check_invariants();
}

TEST_CASE("a barrier waits for its index, and one behind it does not wait for that (R6)") {
  Rounds rounds;
  rounds.ask(barrier(1, 9));
  rounds.ask(barrier(2, 4));
  rounds.begin_if_wanted();
  rounds.confirm(Round(1));
  CHECK(numbers(rounds.take_ready(LogIndex(8))) == Numbers{2});
  CHECK(numbers(rounds.take_ready(LogIndex(9))) == Numbers{1});
}

TEST_CASE("what was confirmed stays so, and nothing is confirmed that has not begun (L2)") {
  Rounds rounds;
  rounds.ask(barrier(1));
  rounds.begin_if_wanted();
  CHECK(test::aborts([&] { rounds.confirm(Round(2)); }));
  rounds.confirm(Round(1));
  CHECK(test::aborts([&] { rounds.confirm(Round()); }));
}

}  // namespace lockstep::rounds_test

// Waits that are held back: for an index, for their request, for their time.
#include "protocol/replica/waits.hpp"

#include <doctest/doctest.h>

#include "tests/support/show_numbers.hpp"

namespace lockstep::waits_test {
namespace {

constexpr Time at(int ms) { return Time(std::chrono::seconds(1000) + std::chrono::milliseconds(ms)); }

WaitPoll wait(std::uint64_t who, std::uint64_t waiter, int ends_ms, LogIndex at_least = LogIndex()) {
  return {{ConnectionId(who), CallNumber(who)}, wire::Wait{SessionId(1), WaiterId(waiter), 0, at_least}, at(ends_ms)};
}

using Numbers = std::vector<std::uint64_t>;

Numbers who(const std::vector<WaitPoll>& waits) {
  Numbers numbers;
  for (const WaitPoll& one : waits) numbers.push_back(one.asker.connection.value());
  return numbers;
}

}  // namespace

TEST_CASE("a Wait is looked at when its request's own entry is applied, and whatever its client has seen") {
  Waits waits;
  waits.add(wait(1, 20, 5000), at(10'000));
  waits.add(wait(2, 10, 5000, LogIndex(30)), at(10'000));
  CHECK(waits.take_ready(LogIndex(19)).empty());
  CHECK(who(waits.take_ready(LogIndex(20))) == Numbers{1});
  CHECK(who(waits.take_ready(LogIndex(30))) == Numbers{2});
  CHECK(waits.size() == 0);
}

TEST_CASE("a Wait whose index is not applied in time times out, once") {
  Waits waits;
  waits.add(wait(1, 20, 60'000), at(10'000));
  waits.add(wait(2, 20, 100), at(12'000));
  CHECK(waits.next_deadline() == at(10'000));
  CHECK(waits.take_timed_out(at(9'999)).empty());
  CHECK(waits.take_timed_out(at(10'000)).size() == 1);
  CHECK(waits.next_deadline() == at(12'000));
  CHECK(waits.take_ended(at(100'000)).empty());  // nobody has looked at the other yet
  CHECK(who(waits.take_ready(LogIndex(20))) == Numbers{2});
}

TEST_CASE("a request that is settled ends all the Waits for it, and no others") {
  Waits waits;
  waits.hold(wait(1, 20, 5000));
  waits.hold(wait(2, 21, 5000));
  waits.hold(wait(3, 20, 6000));
  CHECK(waits.settle(WaiterId(22)).empty());
  CHECK(who(waits.settle(WaiterId(20))) == Numbers{1, 3});
  CHECK(waits.settle(WaiterId(20)).empty());
  CHECK(waits.size() == 1);
  CHECK(who(waits.take_ended(at(100'000))) == Numbers{2});
}

TEST_CASE("a held Wait ends at its time, the earliest first, and is not settled afterwards") {
  Waits waits;
  waits.hold(wait(1, 20, 5000));
  waits.hold(wait(2, 20, 3000));
  waits.hold(wait(3, 20, 9000));
  CHECK(waits.next_deadline() == at(3000));
  CHECK(waits.take_ended(at(2999)).empty());
  CHECK(who(waits.take_ended(at(5000))) == Numbers{2, 1});
  CHECK(waits.next_deadline() == at(9000));
  CHECK(who(waits.settle(WaiterId(20))) == Numbers{3});
  CHECK(waits.next_deadline() == Time::max());
}

}  // namespace lockstep::waits_test

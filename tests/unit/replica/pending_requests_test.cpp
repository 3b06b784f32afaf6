// The commands that wait at a node for their entry to be applied.
#include "protocol/replica/pending_requests.hpp"

#include <doctest/doctest.h>

namespace lockstep::pending_requests_test {
namespace {

constexpr Duration kLifetime = std::chrono::seconds(10);
constexpr std::size_t kPlenty = 1024 * 1024;

constexpr Time at(int ms) { return Time(std::chrono::milliseconds(ms)); }

locks::RequestKey key(std::uint64_t number, std::uint64_t fingerprint = 1) {
  return {ClientId(), SessionId(2), number, fingerprint};
}

Asker asker(std::uint64_t which) { return {ConnectionId(which), CallNumber(which)}; }

std::vector<std::uint64_t> numbers(const std::vector<PendingRequests::Due>& due) {
  std::vector<std::uint64_t> numbers;
  for (const auto& request : due) numbers.push_back(request.key.number);
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

PendingRequests with_three() {
  PendingRequests pending(kLifetime, kPlenty);
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(pending.add(at(0), key(n), "command", asker(n)));
  return pending;
}

}  // namespace

TEST_CASE("requests are handed on once, in the order they came") {
  PendingRequests pending = with_three();
  CHECK(pending.has_due());
  CHECK(numbers(pending.take_due(at(0), kPlenty)) == Numbers{1, 2, 3});
  CHECK_FALSE(pending.has_due());
  CHECK(pending.take_due(at(0), kPlenty).empty());
}

TEST_CASE("a batch is bounded, but holds at least one request") {
  PendingRequests pending = with_three();
  CHECK(numbers(pending.take_due(at(0), 2 * std::string("command").size())) == Numbers{1, 2});
  CHECK(numbers(pending.take_due(at(0), 1)) == Numbers{3});
}

TEST_CASE("several copies of a request wait as one, and all are answered") {
  PendingRequests pending(kLifetime, kPlenty);
  pending.add(at(0), key(1), "command", asker(1));
  pending.add(at(5), key(1), "command", asker(2));
  CHECK(pending.size() == 1);
  CHECK(pending.take_due(at(5), kPlenty).size() == 1);
  const auto answered = pending.complete(key(1));
  REQUIRE(answered.size() == 2);
  CHECK(answered[0].connection == ConnectionId(1));
  CHECK(answered[1].connection == ConnectionId(2));
  CHECK(pending.complete(key(1)).empty());
}

TEST_CASE("a copy of a request that was handed on waits with it, and nothing of it is left") {
  PendingRequests pending(kLifetime, kPlenty);
  pending.add(at(0), key(1), "command", asker(1));
  pending.take_due(at(0), kPlenty);
  pending.add(at(5), key(1), "command", asker(2));
  CHECK(pending.size() == 1);
  CHECK_FALSE(pending.has_due());
  CHECK(pending.complete(key(1)).size() == 2);
  CHECK(pending.is_idle());
}

TEST_CASE("one number with another operation is another request") {
  PendingRequests pending(kLifetime, kPlenty);
  pending.add(at(0), key(1, 7), "command", asker(1));
  pending.add(at(0), key(1, 8), "other", asker(2));
  CHECK(pending.size() == 2);
  CHECK(pending.complete(key(1, 8)).size() == 1);
  CHECK(pending.size() == 1);
}

TEST_CASE("a new leader gets everything that is unanswered, and nothing else") {
  PendingRequests pending = with_three();
  pending.take_due(at(0), kPlenty);
  pending.complete(key(2));
  pending.hand_on_again();
  CHECK(numbers(pending.take_due(at(9), kPlenty)) == Numbers{1, 3});
}

TEST_CASE("what was handed on long ago is due again, and what came later is not") {
  PendingRequests pending(kLifetime, kPlenty);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    pending.add(at(0), key(n), "command", asker(n));
    pending.take_due(at(static_cast<int>(n) * 100), kPlenty);
  }
  CHECK(pending.oldest_handed_on() == at(100));
  pending.complete(key(1));
  CHECK(pending.oldest_handed_on() == at(200));
  pending.hand_on_again_since(at(200), false);
  CHECK(numbers(pending.take_due(at(400), kPlenty)) == Numbers{2});
  CHECK(pending.oldest_handed_on() == at(300));
  pending.hand_on_again_since(at(400), false);
  CHECK(numbers(pending.take_due(at(500), kPlenty)) == Numbers{3, 2});
}

TEST_CASE("a leader proposes nothing twice, but tries again what it had no room for") {
  PendingRequests pending = with_three();
  pending.take_due(at(0), kPlenty);
  pending.was_refused(key(2));
  pending.hand_on_again_since(at(0), true);
  CHECK(numbers(pending.take_due(at(1), kPlenty)) == Numbers{2});
  pending.hand_on_again_since(at(1), true);
  CHECK_FALSE(pending.has_due());
}

TEST_CASE("a request times out after its lifetime, and whether a leader may have it is told") {
  PendingRequests pending(kLifetime, kPlenty);
  pending.add(at(0), key(1), "command", asker(1));
  pending.take_due(at(0), kPlenty);
  pending.add(at(1), key(2), "command", asker(2));
  CHECK(pending.next_deadline() == at(10'000));
  CHECK(pending.take_timed_out(at(9'999)).empty());
  const auto timed_out = pending.take_timed_out(at(10'001));
  REQUIRE(timed_out.size() == 2);
  CHECK(timed_out[0].code == ErrorCode::kUnavailable);
  CHECK(timed_out[1].code == ErrorCode::kNoLeader);
  CHECK(timed_out[1].asker.connection == ConnectionId(2));
  CHECK(pending.size() == 0);
  CHECK_FALSE(pending.has_due());
  CHECK(pending.next_deadline() == Time::max());
  CHECK_FALSE(pending.oldest_handed_on());
}

TEST_CASE("that a leader may have a request is not forgotten when it becomes due again") {
  PendingRequests pending(kLifetime, kPlenty);
  pending.add(at(0), key(1), "command", asker(1));
  CHECK_FALSE(pending.take_due(at(0), kPlenty)[0].handed_on_before);
  pending.hand_on_again();
  CHECK(pending.take_due(at(0), kPlenty)[0].handed_on_before);
  pending.hand_on_again();
  CHECK(pending.take_timed_out(at(10'000))[0].code == ErrorCode::kUnavailable);
}

TEST_CASE("what waits is bounded, and what is answered or timed out makes room") {
  PendingRequests pending(kLifetime, 3000);
  const std::string command(1000, 'x');
  CHECK(pending.add(at(0), key(1), command, asker(1)));
  CHECK(pending.add(at(0), key(2), command, asker(2)));
  CHECK_FALSE(pending.add(at(0), key(3), command, asker(3)));
  CHECK(pending.size() == 2);
  pending.complete(key(1));
  CHECK(pending.add(at(1), key(3), command, asker(3)));
  CHECK_FALSE(pending.add(at(1), key(4), command, asker(4)));
  pending.take_timed_out(at(10'000));
  CHECK(pending.add(at(10'000), key(4), command, asker(4)));
}

TEST_CASE("its tables agree whatever happens to requests") {
  PendingRequests pending(kLifetime, kPlenty);
  for (int i = 0; i < 8; ++i) pending.add(at(i), key(static_cast<std::uint64_t>(i % 5)), "command", asker(1));
  pending.check_invariants();
  pending.take_due(at(9), 20);
  pending.check_invariants();
  pending.complete(key(2));
  pending.check_invariants();
  pending.hand_on_again();
  pending.take_timed_out(at(10'001));
  pending.check_invariants();
  CHECK(pending.size() == 2);
}

}  // namespace lockstep::pending_requests_test

// Whose leases a leader keeps, as entries are applied, and when it says that one has run out.
#include "protocol/replica/lease_keeper.hpp"

#include <doctest/doctest.h>

#include "tests/support/show_numbers.hpp"

namespace lockstep::lease_keeper_test {

using raft::Renewal;

namespace {

constexpr Duration kTick = std::chrono::milliseconds(50);

constexpr Time at(int ms) { return Time(std::chrono::seconds(1000) + std::chrono::milliseconds(ms)); }

// A state to which entries are applied, and a leader that follows them.
struct Leader {
  locks::StateMachine state;
  LogIndex last;
  LeaseKeeper leases{kTick};

  AppliedEntry apply(locks::Command command) {
    last = last.next();
    AppliedEntry entry;
    entry.outcome = state.apply(last, WallTime(), command);
    entry.command = std::move(command);
    leases.applied(entry, state.take_settled_waiters(), state);
    leases.check_invariants(state);
    return entry;
  }
  SessionId open(std::uint8_t client, std::uint32_t ttl_ms) {
    locks::Open open;
    open.client.bytes.fill(client);
    open.nonce = client;
    open.ttl_ms = ttl_ms;
    apply(open);
    return SessionId(last.value());
  }
  void execute(SessionId session, std::uint64_t number, locks::Operation operation) {
    apply(locks::Execute{session, RequestNumber(number), RequestNumber(number), std::move(operation)});
  }
  // Healthy time passes until `end`, a tick at a time.
  void run(int from_ms, int end_ms) {
    for (int ms = from_ms; ms <= end_ms; ms += 50) leases.advance(at(ms), Duration::zero(), true);
  }
};

}  // namespace

TEST_CASE("a node that does not lead keeps no leases, whatever is applied") {
  Leader node;
  node.open(1, 1000);
  CHECK_FALSE(node.leases.keeps());
  CHECK(node.leases.size() == 0);
  CHECK(node.leases.next_deadline() == Time::max());
}

TEST_CASE("a new leader gives every living session its full TTL (L6)") {
  Leader node;
  const SessionId session = node.open(1, 1000);
  node.open(2, 0);  // never expires
  node.leases.keep(at(0), Term(3), node.state);
  CHECK(node.leases.size() == 1);
  node.run(0, 900);
  CHECK(node.leases.take_expired(node.state).empty());
  node.run(950, 1200);
  const auto expired = node.leases.take_expired(node.state);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0] == locks::Expire{session, false});
}

TEST_CASE("to lead on in the same term changes nothing, and another term starts every lease again") {
  Leader node;
  node.open(1, 1000);
  node.leases.keep(at(0), Term(3), node.state);
  node.run(0, 1000);
  node.leases.keep(at(1000), Term(3), node.state);
  node.run(1050, 1100);
  CHECK(node.leases.take_expired(node.state).size() == 1);
  node.leases.keep(at(1100), Term(4), node.state);
  CHECK(node.leases.take_expired(node.state).empty());
  CHECK(node.leases.size() == 1);
}

TEST_CASE("time without a quorum, or with peers that were not read, does not count (L5)") {
  Leader node;
  node.open(1, 1000);
  node.leases.keep(at(0), Term(3), node.state);
  for (int ms = 0; ms < 5000; ms += 50) node.leases.advance(at(ms), 3 * kTick, true);
  for (int ms = 5000; ms < 10'000; ms += 50) node.leases.advance(at(ms), Duration::zero(), false);
  CHECK(node.leases.take_expired(node.state).empty());
}

TEST_CASE("an Expire that found no room is returned again, and until then nothing is promised") {
  Leader node;
  const SessionId session = node.open(1, 1000);
  node.leases.keep(at(0), Term(3), node.state);
  CHECK(node.leases.verdict_on(session, node.state) == Renewal::kRenewed);
  node.run(0, 1200);
  const auto expired = node.leases.take_expired(node.state);
  REQUIRE(expired.size() == 1);
  CHECK(node.leases.verdict_on(session, node.state) == Renewal::kUnknown);
  CHECK(node.leases.take_expired(node.state).empty());
  node.leases.put_back(expired[0]);
  CHECK(node.leases.take_expired(node.state) == expired);
}

TEST_CASE("a session that ended is dead, and has no lease any more") {
  Leader node;
  const SessionId session = node.open(1, 1000);
  node.leases.keep(at(0), Term(3), node.state);
  node.execute(session, 1, locks::Close{});
  CHECK(node.leases.size() == 0);
  CHECK(node.leases.verdict_on(session, node.state) == Renewal::kDead);
}

TEST_CASE("a session of TTL 0 has a lease while it waits, and only its waits expire") {
  Leader node;
  const SessionId holder = node.open(1, 0);
  const SessionId waiter = node.open(2, 0);
  node.leases.keep(at(0), Term(3), node.state);
  CHECK(node.leases.size() == 0);
  node.execute(holder, 1, locks::Preempt{"a"});
  node.execute(waiter, 1, locks::Acquire{{"a"}});
  CHECK(node.leases.size() == 1);
  node.run(0, 10'200);
  const auto expired = node.leases.take_expired(node.state);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0] == locks::Expire{waiter, true});
  node.apply(expired[0]);
  CHECK(node.leases.size() == 0);
}

TEST_CASE("a grant ends the lease of a wait, and an operator's end of another session is followed") {
  Leader node;
  const SessionId holder = node.open(1, 0);
  const SessionId waiter = node.open(2, 0);
  const SessionId other = node.open(3, 5000);
  node.leases.keep(at(0), Term(3), node.state);
  node.execute(holder, 1, locks::Preempt{"a"});
  node.execute(waiter, 1, locks::Acquire{{"a"}});
  CHECK(node.leases.size() == 2);
  node.execute(holder, 2, locks::Release{"a"});
  CHECK(node.leases.size() == 1);
  node.execute(holder, 3, locks::CloseSession{other, "test"});
  CHECK(node.leases.size() == 0);
}

TEST_CASE("a node that leads no more forgets its leases") {
  Leader node;
  node.open(1, 1000);
  node.leases.keep(at(0), Term(3), node.state);
  node.leases.stop(at(10));
  CHECK_FALSE(node.leases.keeps());
  CHECK(node.leases.size() == 0);
  node.leases.check_invariants(node.state);
}

}  // namespace lockstep::lease_keeper_test

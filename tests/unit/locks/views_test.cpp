// What the state shows: checks, lists, sessions, and the changes for those who watch.
#include <algorithm>

#include "machine.hpp"

namespace lockstep::views_test {

using namespace lockstep::locks;

TEST_CASE("check shows holders and waiters, their notes and since when") {
  Machine m;
  const SessionId a = m.session_of(1);
  const SessionId b = m.session_of(2);
  m.take(a, shared({"x"}));
  const HolderView holder{client(1), a, m.granted_now(), m.now(), "client 1"};
  const WaiterId waiter = m.queue(b, exclusive({"x"}));
  const WaiterView waiting{client(2), b, waiter, Mode::kExclusive, m.now(), "client 2"};
  CHECK(m.state.check("x") == LockView{"x", Mode::kShared, 0, {holder}, 1, {waiting}, 1});
}

TEST_CASE("of many holders and waiters a view shows the first 100 and counts the rest") {
  Machine m;
  for (std::uint8_t i = 0; i < 120; ++i) m.take(m.session_of(i), permit({"s"}, 120));
  std::vector<WaiterId> waiters;
  for (std::uint8_t i = 120; i < 240; ++i) waiters.push_back(m.queue(m.session_of(i), permit({"s"}, 120)));
  const auto lock = m.state.check("s");
  CHECK(lock->holders.size() == kShownHolders);
  CHECK(lock->holder_count == 120);
  REQUIRE(lock->waiters.size() == kShownWaiters);
  CHECK(lock->waiter_count == 120);
  for (std::size_t i = 0; i < kShownWaiters; ++i) CHECK(lock->waiters[i].waiter == waiters[i]);
}

TEST_CASE("a page of views ends when it is large, and says that there is more") {
  Machine m;
  Open open = open_as(1, 1);
  open.note = std::string(1024, 'n');
  m.open(open);
  const SessionId session = session_opened_by(m.index);
  for (int i = 0; i < 400; ++i) m.take(session, exclusive({"lock " + std::to_string(1000 + i)}));
  const auto page = m.state.list("", "", 1000);
  CHECK(page.more);
  CHECK(page.items.size() > 100);
  CHECK(page.items.size() < 400);
  const auto rest = m.state.list("", page.items.back().name, 1000);
  CHECK_FALSE(rest.more);
  CHECK(page.items.size() + rest.items.size() == 400);
}

TEST_CASE("a list goes on after a name that is its own prefix") {
  Machine m;
  m.take(m.session_of(1), exclusive({"x", "x/1"}));
  const auto page = m.state.list("x", "", 1);
  REQUIRE(page.items.size() == 1);
  CHECK(page.items[0].name == "x");
  const auto rest = m.state.list("x", "x", 1);
  REQUIRE(rest.items.size() == 1);
  CHECK(rest.items[0].name == "x/1");
  CHECK_FALSE(rest.more);
}

TEST_CASE("count adds up locks, holders and waiters of a prefix, and goes on where it stopped") {
  const auto with_locks = [](const Bounds& bounds) {
    Machine m(bounds);
    const SessionId a = m.session_of(1);
    const SessionId b = m.session_of(2);
    const SessionId c = m.session_of(3);
    m.take(a, shared({"x/1", "x/2"}));
    m.take(b, shared({"x/1"}));
    m.queue(c, exclusive({"x/1"}));
    m.take(c, exclusive({"x/3", "y"}));
    return m.state;
  };
  const StateMachine state = with_locks({});
  CHECK(state.count("", "") == LockCount{4, 5, 1, ""});
  CHECK(state.count("x/", "") == LockCount{3, 4, 1, ""});
  CHECK(state.count("z", "") == LockCount{});
  const StateMachine two_at_once = with_locks({.counted = 2});
  CHECK(two_at_once.count("x/", "") == LockCount{2, 3, 1, "x/2"});
  CHECK(two_at_once.count("x/", "x/2") == LockCount{1, 1, 0, ""});
  CHECK(with_locks({.counted = 3}).count("x/", "") == LockCount{3, 4, 1, ""});
}

TEST_CASE("sessions are listed by id, page by page, with what they hold and wait for") {
  Machine m;
  const SessionId a = m.session_of(1);
  Open with_ttl = open_as(2, 1);
  with_ttl.ttl_ms = 5000;
  m.open(with_ttl);
  const SessionId b = session_opened_by(m.index);
  const WallTime opened = m.now();
  m.take(b, exclusive({"x", "y"}));
  m.queue(a, exclusive({"x"}));
  const auto first = m.state.sessions(SessionId(), 1);
  REQUIRE(first.items.size() == 1);
  CHECK(first.more);
  CHECK(first.items[0].session == a);
  CHECK(first.items[0].locks == 0);
  CHECK(first.items[0].waits == 1);
  const auto second = m.state.sessions(a, 1);
  CHECK_FALSE(second.more);
  CHECK(second.items == std::vector{SessionView{b, client(2), 5000, opened, "client 2", 2, 0}});
  m.ask(b, Close{});
  CHECK(m.state.sessions(a, 10).items.empty());
}

TEST_CASE("each entry tells what it changed, what ended first") {
  Machine m;
  const SessionId a = m.session_of(1);
  const SessionId b = m.session_of(2);
  CHECK(m.state.take_changes().empty());
  m.take(a, exclusive({"x", "y"}));
  const FencingToken first = m.granted_now();
  CHECK(m.state.take_changes() ==
        std::vector{LockChange{m.index, "x", Mode::kExclusive, client(1), first, std::nullopt},
                    LockChange{m.index, "y", Mode::kExclusive, client(1), first, std::nullopt}});
  m.queue(b, shared({"y"}));
  CHECK(m.state.take_changes().empty());
  m.expire(a);
  CHECK(m.state.take_changes() ==
        std::vector{LockChange{m.index, "x", Mode::kExclusive, client(1), first, EndReason::kExpired},
                    LockChange{m.index, "y", Mode::kExclusive, client(1), first, EndReason::kExpired},
                    LockChange{m.index, "y", Mode::kShared, client(2), m.granted_now(), std::nullopt}});
}

TEST_CASE("changes that nobody took are those of the last entry, and never part of the state") {
  Machine m;
  const SessionId a = m.session_of(1);
  m.take(a, exclusive({"x"}));
  Machine taken = m;
  taken.state.take_changes();
  CHECK(taken.state.hash() == m.state.hash());
  m.preempt(a, "x");
  CHECK(m.state.take_changes().empty());
}

TEST_CASE("the holds of a prefix are given whole, as what granted them") {
  Machine m;
  const SessionId a = m.session_of(1);
  const SessionId b = m.session_of(2);
  m.take(a, shared({"db/1"}));
  const LockChange first{m.index, "db/1", Mode::kShared, client(1), m.granted_now(), std::nullopt};
  m.take(b, shared({"db/1"}));
  const LockChange second{m.index, "db/1", Mode::kShared, client(2), m.granted_now(), std::nullopt};
  m.take(b, exclusive({"db/2"}));
  const LockChange third{m.index, "db/2", Mode::kExclusive, client(2), m.granted_now(), std::nullopt};
  m.take(b, exclusive({"web"}));
  m.queue(a, exclusive({"db/2", "db/3"}));  // db/3 is free: nobody holds it
  const auto page = m.state.holds("db/", "", 1);
  CHECK(page.items == std::vector{first, second});
  CHECK(page.more);
  const auto rest = m.state.holds("db/", "db/1", 10);
  CHECK(rest.items == std::vector{third});
  CHECK_FALSE(rest.more);
}

TEST_CASE("a copy of a state with waiters goes its own way") {
  Machine m;
  const SessionId a = m.session_of(1);
  const SessionId b = m.session_of(2);
  const SessionId c = m.session_of(3);
  m.take(a, exclusive({"x", "y"}));
  const WaiterId both = m.queue(b, exclusive({"x", "y"}));
  const WaiterId behind = m.queue(c, exclusive({"y"}));
  Machine copy = m;
  Machine assigned;
  assigned = m;
  m.ask(b, Cancel{both});
  m.ask(a, Close{});
  CHECK(m.is_granted(c, behind, m.granted_now()));
  copy.ask(a, Close{});
  CHECK(copy.is_granted(b, both, copy.granted_now()));
  CHECK(copy.is_waiting(c, behind));
  assigned.ask(c, Cancel{behind});
  CHECK(assigned.is_waiting(b, both));
  CHECK(assigned.holds(a, "x"));
}

TEST_CASE("the hash tells apart states that differ in a waiter, a mode, a thread or the history") {
  const auto with = [](auto change) {
    Machine m;
    const SessionId a = m.session_of(1);
    const SessionId b = m.session_of(2);
    m.execute(a, 1, exclusive({"x"}));
    change(m, b);
    return m.state.hash();
  };
  std::vector<std::uint64_t> hashes = {
      with([](Machine&, SessionId) {}),
      with([](Machine& m, SessionId b) { m.execute(b, 1, exclusive({"x"})); }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, exclusive({"x"}, 1)); }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, shared({"x"})); }),
      with([](Machine& m, SessionId b) {
        m.execute(b, 1, exclusive({"x", "y"}));
      }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, exclusive({"y"})); }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, exclusive({"y"}, 1)); }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, shared({"y"})); }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, permit({"y"}, 1)); }),
      with([](Machine& m, SessionId b) { m.execute(b, 1, permit({"y"}, 2)); }),
      with([](Machine& m, SessionId b) {
        m.execute(b, 1, ForceRelease{"x", ""});
      }),
      with([](Machine& m, SessionId b) {
        m.execute(b, 1, ForceRelease{"x", "why"});
      }),
      with([](Machine& m, SessionId b) { m.expire(b); }),
  };
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

}  // namespace lockstep::views_test

// Standing in line: first in, first out for each name, several names at once, shared locks and semaphores.
#include <algorithm>

#include "machine.hpp"

namespace lockstep::waiting_test {

using namespace lockstep::locks;

namespace {

// Five clients with a session each.
struct Crowd : Machine {
  SessionId a = session_of(1);
  SessionId b = session_of(2);
  SessionId c = session_of(3);
  SessionId d = session_of(4);
  SessionId e = session_of(5);
  using Machine::Machine;
};

}  // namespace

TEST_CASE("an acquire of a free lock is granted at once, with the entry's index as token") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  CHECK(m.holder("x") == HolderView{client(1), m.a, m.granted_now(), m.now(), "client 1"});
}

TEST_CASE("an acquire of a held lock is queued, and told its place, who holds it, since when and their note") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const Held by{client(1), m.granted_now(), m.now(), "x", "client 1"};
  const Result first = m.ask(m.b, exclusive({"x"}));
  CHECK(first == Result(Queued{waiter_queued_by(m.index), 1, by}));
  const Result second = m.ask(m.c, exclusive({"x"}));
  CHECK(second == Result(Queued{waiter_queued_by(m.index), 2, by}));
  CHECK(m.state.waiter_state(m.c, waiter_queued_by(m.index)) == WaiterState(std::get<Queued>(second)));
}

TEST_CASE("a release grants to the first in line, in the same entry") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId first = m.queue(m.b, exclusive({"x"}));
  const WaiterId second = m.queue(m.c, exclusive({"x"}));
  CHECK(m.release(m.a, "x") == Result(Released{}));
  CHECK(m.is_granted(m.b, first, m.granted_now()));
  CHECK(m.is_waiting(m.c, second));
  CHECK(m.holder("x").owner == client(2));
  m.release(m.b, "x");
  CHECK(m.is_gone(m.b, first));
  CHECK(m.is_granted(m.c, second, m.granted_now()));
}

TEST_CASE("a waiter that moved up is told its new place and who holds the lock now") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  m.queue(m.b, exclusive({"x"}));
  const WaiterId waiter = m.queue(m.c, exclusive({"x"}));
  m.release(m.a, "x");
  const Held by{client(2), m.granted_now(), m.now(), "x", "client 2"};
  CHECK(m.state.waiter_state(m.c, waiter) == WaiterState(Queued{waiter, 1, by}));
}

TEST_CASE("a waiter is nobody else's to ask about or to cancel") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId waiter = m.queue(m.b, exclusive({"x"}));
  CHECK(m.is_gone(m.c, waiter));
  CHECK(code_of(m.ask(m.c, Cancel{waiter})) == ErrorCode::kWaiterGone);
  m.release(m.a, "x");
  CHECK(m.is_gone(m.c, waiter));
  CHECK(code_of(m.ask(m.c, Cancel{waiter})) == ErrorCode::kWaiterGone);
  CHECK(m.holds(m.b, "x"));
}

TEST_CASE("an acquire that tries once is told who holds the lock, and does not stand in line") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const HolderView holder = m.holder("x");
  CHECK(m.ask(m.b, once(exclusive({"x"}))) == Result(Held{client(1), holder.token, holder.since, "x", "client 1"}));
  CHECK(m.state.check("x")->waiter_count == 0);
}

TEST_CASE("a session holds or waits for a name at most once") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  m.queue(m.b, exclusive({"x", "y"}));
  CHECK(code_of(m.ask(m.a, exclusive({"x"}))) == ErrorCode::kAlreadyHeld);
  CHECK(code_of(m.ask(m.a, once(exclusive({"w", "x"})))) == ErrorCode::kAlreadyHeld);
  CHECK(code_of(m.ask(m.b, exclusive({"y"}))) == ErrorCode::kAlreadyWaiting);
  CHECK(code_of(m.ask(m.b, once(shared({"x"})))) == ErrorCode::kAlreadyWaiting);
  CHECK_FALSE(m.state.check("w"));
}

TEST_CASE("a refusal about one of several names says which") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const Result result = m.ask(m.a, exclusive({"w", "x"}));
  REQUIRE(std::holds_alternative<Refused>(result));
  CHECK(std::get<Refused>(result).detail == "lock \"x\"");
}

// ---- Cancel

TEST_CASE("a cancelled waiter is never granted") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId first = m.queue(m.b, exclusive({"x"}));
  const WaiterId second = m.queue(m.c, exclusive({"x"}));
  CHECK(m.ask(m.b, Cancel{first}) == Result(Cancelled{}));
  CHECK(m.is_gone(m.b, first));
  m.release(m.a, "x");
  CHECK(m.is_granted(m.c, second, m.granted_now()));
  CHECK(code_of(m.ask(m.b, Cancel{first})) == ErrorCode::kWaiterGone);
}

TEST_CASE("a cancel that comes after the grant answers with the grant, and changes nothing") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId waiter = m.queue(m.b, exclusive({"x"}));
  m.release(m.a, "x");
  const FencingToken token = m.granted_now();
  CHECK(m.ask(m.b, Cancel{waiter}) == Result(Granted{token}));
  CHECK(m.holds(m.b, "x"));
  m.release(m.b, "x");
  CHECK(code_of(m.ask(m.b, Cancel{waiter})) == ErrorCode::kWaiterGone);
}

TEST_CASE("a cancel lets those behind go on") {
  Crowd m;
  m.take(m.a, shared({"x"}));
  const WaiterId writer = m.queue(m.b, exclusive({"x"}));
  const WaiterId reader = m.queue(m.c, shared({"x"}));
  m.ask(m.b, Cancel{writer});
  CHECK(m.is_granted(m.c, reader, m.granted_now()));
}

// ---- Nothing overtakes

TEST_CASE("nothing overtakes a waiter, even on a free name") {
  Crowd m;
  m.take(m.a, exclusive({"y"}));
  const WaiterId both = m.queue(m.b, exclusive({"x", "y"}));
  const auto free_with_waiter = m.state.check("x");
  REQUIRE(free_with_waiter);
  CHECK(free_with_waiter->holders.empty());
  CHECK(free_with_waiter->waiter_count == 1);

  CHECK(code_of(m.preempt(m.c, "x")) == ErrorCode::kWaitedFor);
  CHECK(code_of(m.ask(m.c, once(exclusive({"x"})))) == ErrorCode::kWaitedFor);
  CHECK(m.release(m.c, "x") == Result(NotHolder{}));
  const WaiterId behind = m.queue(m.c, exclusive({"x"}));
  const auto state = m.state.waiter_state(m.c, behind);
  REQUIRE(state);
  CHECK(std::get<Queued>(*state).by.owner == client(2));
  CHECK_FALSE(std::get<Queued>(*state).by.token);  // it does not hold the name, it is first in line

  m.release(m.a, "y");
  CHECK(m.is_granted(m.b, both, m.granted_now()));
  CHECK(m.is_waiting(m.c, behind));
}

TEST_CASE("a preempt by the holder names the holder itself") {
  Crowd m;
  m.take(m.a, shared({"x"}));
  m.take(m.b, shared({"x"}));
  const FencingToken own = m.granted_now();
  const Result result = m.preempt(m.b, "x");
  REQUIRE(std::holds_alternative<Held>(result));
  CHECK(std::get<Held>(result).owner == client(2));
  CHECK(std::get<Held>(result).token == own);
}

// ---- Several names at once

TEST_CASE("several names are granted all at once, with one token, or not at all") {
  Crowd m;
  m.take(m.a, exclusive({"y"}));
  const WaiterId waiter = m.queue(m.b, exclusive({"x", "y", "z"}));
  CHECK_FALSE(m.holds(m.b, "x"));
  CHECK_FALSE(m.holds(m.b, "z"));
  m.release(m.a, "y");
  CHECK(m.is_granted(m.b, waiter, m.granted_now()));
  for (const char* name : {"x", "y", "z"}) CHECK(m.holder(name).token == m.granted_now());
}

TEST_CASE("a grant of several names is known as long as one of them is held") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId waiter = m.queue(m.b, exclusive({"x", "y"}));
  m.release(m.a, "x");
  const FencingToken token = m.granted_now();
  m.release(m.b, "x");
  CHECK(m.is_granted(m.b, waiter, token));
  m.release(m.b, "y");
  CHECK(m.is_gone(m.b, waiter));
}

TEST_CASE("single and multiple acquires of a name are first in, first out with each other") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId single = m.queue(m.b, exclusive({"x"}));
  const WaiterId both = m.queue(m.c, exclusive({"x", "y"}));
  const WaiterId last = m.queue(m.d, exclusive({"y"}));
  m.release(m.a, "x");
  CHECK(m.is_granted(m.b, single, m.granted_now()));
  CHECK(m.is_waiting(m.d, last));  // y is free, but c came first
  m.release(m.b, "x");
  CHECK(m.is_granted(m.c, both, m.granted_now()));
  m.release(m.c, "y");
  CHECK(m.is_granted(m.d, last, m.granted_now()));
}

TEST_CASE("of several queues, the place is that in the longest") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  m.queue(m.b, exclusive({"x", "y"}));
  m.queue(m.c, exclusive({"y"}));
  const WaiterId waiter = m.queue(m.d, exclusive({"x", "y"}));
  const auto state = m.state.waiter_state(m.d, waiter);
  REQUIRE(state);
  CHECK(std::get<Queued>(*state).position == 3);
}

TEST_CASE("one entry can grant a chain: whoever is next after a grant is looked at too") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const WaiterId first = m.queue(m.b, shared({"x", "y"}));
  const WaiterId second = m.queue(m.c, shared({"y", "z"}));
  const WaiterId third = m.queue(m.d, shared({"z"}));
  m.release(m.a, "x");
  CHECK(m.is_granted(m.b, first, m.granted_now()));
  CHECK(m.is_granted(m.c, second, m.granted_now()));
  CHECK(m.is_granted(m.d, third, m.granted_now()));
}

// ---- Shared and exclusive

TEST_CASE("shared holders hold together, each with the token of its own entry") {
  Crowd m;
  m.take(m.a, shared({"x"}));
  m.take(m.b, shared({"x"}));
  const auto lock = m.state.check("x");
  CHECK(lock->mode == Mode::kShared);
  CHECK(lock->holder_count == 2);
  CHECK(lock->holders[0].token < lock->holders[1].token);
}

TEST_CASE("a writer that waits is not starved: later readers stand behind it") {
  Crowd m;
  m.take(m.a, shared({"x"}));
  const WaiterId writer = m.queue(m.b, exclusive({"x"}));
  const WaiterId reader = m.queue(m.c, shared({"x"}));
  CHECK(code_of(m.ask(m.d, once(shared({"x"})))) == ErrorCode::kWaitedFor);
  m.release(m.a, "x");
  CHECK(m.is_granted(m.b, writer, m.granted_now()));
  CHECK(m.is_waiting(m.c, reader));
  m.release(m.b, "x");
  CHECK(m.is_granted(m.c, reader, m.granted_now()));
}

TEST_CASE("consecutive readers at the head are granted together and share the token (L8)") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const FencingToken exclusive_token = m.granted_now();
  const WaiterId first = m.queue(m.b, shared({"x"}));
  const WaiterId second = m.queue(m.c, shared({"x"}));
  const WaiterId writer = m.queue(m.d, exclusive({"x"}));
  const WaiterId third = m.queue(m.e, shared({"x"}));
  m.release(m.a, "x");
  CHECK(m.granted_now() > exclusive_token);
  CHECK(m.is_granted(m.b, first, m.granted_now()));
  CHECK(m.is_granted(m.c, second, m.granted_now()));
  CHECK(m.is_waiting(m.d, writer));
  CHECK(m.is_waiting(m.e, third));
  m.release(m.b, "x");
  CHECK(m.is_waiting(m.d, writer));
  m.release(m.c, "x");
  CHECK(m.is_granted(m.d, writer, m.granted_now()));
}

// ---- Semaphores

TEST_CASE("a semaphore has as many holders as permits, and grants a freed one to the first in line") {
  Crowd m;
  m.take(m.a, permit({"s"}, 2));
  m.take(m.b, permit({"s"}, 2));
  CHECK(std::holds_alternative<Held>(m.ask(m.c, once(permit({"s"}, 2)))));
  const WaiterId first = m.queue(m.c, permit({"s"}, 2));
  const WaiterId second = m.queue(m.d, permit({"s"}, 2));
  m.release(m.b, "s");
  CHECK(m.is_granted(m.c, first, m.granted_now()));
  CHECK(m.is_waiting(m.d, second));
  CHECK(m.state.check("s")->permits == 2);
  CHECK(m.state.check("s")->mode == Mode::kPermit);
}

TEST_CASE("the first acquire fixes the permits for as long as the name lives") {
  Crowd m;
  m.take(m.a, permit({"s"}, 2));
  CHECK(code_of(m.ask(m.b, permit({"s"}, 3))) == ErrorCode::kPermitsMismatch);
  m.release(m.a, "s");
  m.take(m.b, permit({"s"}, 3));

  m.take(m.c, permit({"t"}, 1));
  m.queue(m.d, permit({"t", "v"}, 1));  // v is free, and lives by its waiter
  CHECK(code_of(m.ask(m.e, permit({"v"}, 2))) == ErrorCode::kPermitsMismatch);
}

TEST_CASE("a name that lives as a semaphore is no lock, and the other way round") {
  Crowd m;
  m.take(m.a, permit({"s"}, 2));
  m.take(m.a, exclusive({"x"}));
  CHECK(code_of(m.ask(m.b, exclusive({"s"}))) == ErrorCode::kModeMismatch);
  CHECK(code_of(m.ask(m.b, shared({"s"}))) == ErrorCode::kModeMismatch);
  CHECK(code_of(m.ask(m.b, permit({"x"}, 1))) == ErrorCode::kModeMismatch);
  CHECK(std::holds_alternative<Held>(m.preempt(m.b, "s")));
}

// ---- Limits

TEST_CASE("so many may wait for a lock, and one more is refused") {
  Crowd m(StateLimits{.waiters_per_lock = 2});
  m.take(m.a, exclusive({"x"}));
  m.queue(m.b, exclusive({"x"}));
  m.queue(m.c, exclusive({"x"}));
  CHECK(code_of(m.ask(m.d, exclusive({"w", "x"}))) == ErrorCode::kTooManyWaiters);
  CHECK_FALSE(m.state.check("w"));
  m.release(m.a, "x");
  m.queue(m.d, exclusive({"w", "x"}));
}

TEST_CASE("a name that is only waited for counts as a lock of the cluster and of the session") {
  Crowd m(StateLimits{.locks = 3, .locks_per_session = 2});
  m.take(m.a, exclusive({"x"}));
  CHECK(code_of(m.ask(m.b, exclusive({"w", "x", "y"}))) == ErrorCode::kTooManySessionLocks);
  m.queue(m.b, exclusive({"x", "y"}));
  CHECK(code_of(m.preempt(m.b, "z")) == ErrorCode::kTooManySessionLocks);
  m.take(m.c, exclusive({"z"}));
  CHECK(code_of(m.preempt(m.d, "more")) == ErrorCode::kTooManyLocks);
  CHECK(code_of(m.ask(m.d, exclusive({"more", "z"}))) == ErrorCode::kTooManyLocks);
  m.queue(m.d, exclusive({"z"}));  // no new name
}

// ---- Exactly once

TEST_CASE("a second copy of an acquire is answered again as the first was, whatever happened since") {
  Crowd m;
  m.take(m.a, exclusive({"x"}));
  const auto queued = m.execute(m.b, 50, exclusive({"x"}), 50);
  REQUIRE(queued);
  REQUIRE(std::holds_alternative<Queued>(queued->result));
  m.release(m.a, "x");
  CHECK(m.execute(m.b, 50, exclusive({"x"}), 50)->result == queued->result);
  CHECK(m.state.check("x")->waiter_count == 0);
  CHECK(m.execute(m.b, 50, exclusive({"x"}, 1), 50)->result == Result(refusal(ErrorCode::kNumberReused)));
}

TEST_CASE("the keys of different operations differ") {
  const std::vector<Operation> operations = {
      Preempt{"x"},          Release{"x"},           exclusive({"x"}),
      exclusive({"x", "y"}), exclusive({"x"}, 1),    shared({"x"}),
      permit({"x"}, 1),      permit({"x"}, 2),       once(exclusive({"x"})),
      Cancel{WaiterId(1)},   Cancel{WaiterId(2)},    Close{},
      ForceRelease{"x", ""}, ForceRelease{"x", "w"}, CloseSession{SessionId(1), ""}};
  std::vector<RequestKey> keys;
  for (const Operation& operation : operations) {
    keys.push_back(key_of(Execute{SessionId(5), RequestNumber(1), RequestNumber(1), operation}));
  }
  std::sort(keys.begin(), keys.end());
  CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

TEST_CASE("an entry tells which waiters it granted or dropped, and whose they were") {
  Crowd m;
  using Settled = std::vector<SettledWaiter>;
  m.take(m.a, exclusive({"x"}));
  m.take(m.a, exclusive({"y"}));
  const WaiterId first = m.queue(m.b, exclusive({"x"}));
  CHECK(m.state.take_settled_waiters().empty());
  const WaiterId second = m.queue(m.b, exclusive({"y"}));
  const WaiterId third = m.queue(m.c, exclusive({"y"}));
  m.release(m.a, "x");
  CHECK(m.state.take_settled_waiters() == Settled{{first, m.b}});
  CHECK(m.state.take_settled_waiters().empty());
  m.ask(m.c, Cancel{third});
  CHECK(m.state.take_settled_waiters() == Settled{{third, m.c}});
  const WaiterId fourth = m.queue(m.d, exclusive({"x"}));
  m.ask(m.b, Close{});  // its waits go first, then its locks are granted
  const Settled settled = m.state.take_settled_waiters();
  CHECK(settled == Settled{{second, m.b}, {fourth, m.d}});
  m.release(m.a, "y");  // nobody waits, and what an entry before did is not told again
  CHECK(m.state.take_settled_waiters().empty());
}

}  // namespace lockstep::waiting_test

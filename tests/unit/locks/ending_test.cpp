// How sessions and holds end: closed, expired, forced, superseded. L8 each time: first the waits of the
// session, then its locks, then the grants to those who live.
#include "machine.hpp"

namespace lockstep::ending_test {

using namespace lockstep::locks;

namespace {

Open with_ttl(std::uint8_t which, std::uint32_t ttl_ms) {
  Open open = open_as(which, 1);
  open.ttl_ms = ttl_ms;
  return open;
}

struct Trio : Machine {
  SessionId a = session_of(1);
  SessionId b = session_of(2);
  SessionId c = session_of(3);
  using Machine::Machine;
};

// Ends the session `m.a`, in every way there is.
using End = void (*)(Trio& m);
const End kEnds[] = {
    [](Trio& m) { CHECK(m.ask(m.a, Close{}) == Result(Closed{})); },
    [](Trio& m) { m.expire(m.a); },
    [](Trio& m) {
      CHECK(m.ask(m.c, CloseSession{m.a, "it hangs"}) == Result(Closed{}));
    },
};

HistoryEvent last_event(const Machine& machine) { return machine.state.history("", 0, 1000).items.back(); }

}  // namespace

TEST_CASE("the end of a session frees its locks for the next who live, in the same entry") {
  for (const End end : kEnds) {
    Trio m;
    m.take(m.a, exclusive({"x", "y"}));
    const WaiterId waiter = m.queue(m.b, exclusive({"x"}));
    end(m);
    CHECK(m.is_granted(m.b, waiter, m.granted_now()));
    CHECK_FALSE(m.state.check("y"));
    CHECK(m.state.session_count() == 2);
  }
}

TEST_CASE("no dead waiter is granted: a session that ends loses its place before its locks come free (L8)") {
  for (const End end : kEnds) {
    Trio m;
    m.take(m.a, exclusive({"x"}, 1));
    m.take(m.b, exclusive({"y"}));
    const WaiterId dead = m.queue(m.a, exclusive({"y"}, 2));
    const WaiterId living = m.queue(m.c, exclusive({"x", "y"}));
    end(m);
    CHECK(m.is_gone(m.a, dead));
    m.release(m.b, "y");
    CHECK(m.is_granted(m.c, living, m.granted_now()));
  }
}

TEST_CASE("the wait of a session that ends no longer holds up those behind it") {
  for (const End end : kEnds) {
    Trio m;
    m.take(m.b, shared({"x"}));
    m.queue(m.a, exclusive({"x"}));
    const WaiterId reader = m.queue(m.c, shared({"x"}));
    end(m);
    CHECK(m.is_granted(m.c, reader, m.granted_now()));
  }
}

TEST_CASE("a request of a session that ended is told how it ended") {
  const ErrorCode expected[] = {ErrorCode::kSessionClosed, ErrorCode::kSessionExpired, ErrorCode::kSessionForced};
  for (std::size_t i = 0; i < std::size(kEnds); ++i) {
    Trio m;
    m.take(m.a, exclusive({"x"}));
    kEnds[i](m);
    CHECK(code_of(m.preempt(m.a, "y")) == expected[i]);
    CHECK(error_info(expected[i]).certainty == Certainty::kThisCopy);
  }
}

TEST_CASE("a second copy of a close is answered closed") {
  Trio m;
  const auto closed = m.execute(m.a, 1, Close{});
  CHECK(closed->result == Result(Closed{}));
  CHECK(m.execute(m.a, 1, Close{})->result == Result(Closed{}));
  CHECK(m.execute(m.a, 2, Preempt{"x"})->result == Result(refusal(ErrorCode::kSessionClosed)));
}

TEST_CASE("a client whose session was closed opens the next one by naming it") {
  Trio m;
  m.ask(m.a, Close{});
  CHECK(m.open(open_as(1, 2)) == Result(refusal(ErrorCode::kSessionConflict, m.a)));
  CHECK(m.opens(open_as(1, 2, m.a)));
}

// ---- Takeover

TEST_CASE("a takeover keeps the locks, drops the waits and lets those behind them go on (L1)") {
  Trio m;
  m.take(m.a, exclusive({"x"}, 1));
  m.take(m.b, shared({"y"}));
  const WaiterId old = m.queue(m.a, exclusive({"y"}, 2));
  const WaiterId behind = m.queue(m.c, shared({"y"}));
  m.open(open_as(1, 2, m.a));
  const SessionId later = session_opened_by(m.index);
  CHECK(m.holder("x").session == later);
  CHECK(m.holder("x").token == m.granted_now());
  CHECK(m.is_gone(m.a, old));
  CHECK(m.is_gone(later, old));
  CHECK(m.is_granted(m.c, behind, m.granted_now()));
  CHECK(code_of(m.ask(m.a, Cancel{old})) == ErrorCode::kSessionSuperseded);
}

TEST_CASE("what a waiter was granted does not answer the next incarnation") {
  Trio m;
  m.take(m.b, exclusive({"x"}));
  const WaiterId waiter = m.queue(m.a, exclusive({"x"}));
  m.release(m.b, "x");
  m.open(open_as(1, 2, m.a));
  CHECK(m.is_gone(session_opened_by(m.index), waiter));
  CHECK(m.holds(session_opened_by(m.index), "x"));
}

TEST_CASE("a takeover of shared locks and permits moves one's own share only") {
  Trio m;
  m.take(m.a, shared({"x"}));
  m.take(m.b, shared({"x"}));
  const FencingToken others = m.granted_now();
  m.take(m.a, permit({"s"}, 2));
  m.open(open_as(1, 2, m.a));
  const SessionId later = session_opened_by(m.index);
  CHECK(m.holds(later, "x"));
  CHECK(m.holds(m.b, "x"));
  CHECK(m.state.locks().find("x")->second.holds.at(m.b).token == others);
  CHECK(m.holder("s").session == later);
}

// ---- Leases

TEST_CASE("the TTL is kept, and an Expire ends the session with everything") {
  Machine m;
  m.open(with_ttl(1, 10'000));
  const SessionId session = session_opened_by(m.index);
  CHECK(m.state.sessions().find(session)->ttl_ms == 10'000);
  m.take(session, exclusive({"x"}));
  m.expire(session);
  CHECK_FALSE(m.state.check("x"));
  CHECK(last_event(m).reason == EndReason::kExpired);
}

TEST_CASE("an Expire of a session that does not live changes nothing") {
  Trio m;
  m.ask(m.a, Close{});
  const std::uint64_t before = m.state.hash();
  m.expire(m.a);
  m.expire(SessionId(12345));
  m.expire(m.a, true);
  CHECK(m.state.hash() == before);
}

TEST_CASE("an Expire of the waits alone leaves the session and its locks") {
  Trio m;
  m.take(m.a, exclusive({"x"}, 1));
  m.take(m.b, shared({"y"}));
  const WaiterId old = m.queue(m.a, exclusive({"y"}, 2));
  const WaiterId behind = m.queue(m.c, shared({"y"}));
  m.expire(m.a, true);
  CHECK(m.is_gone(m.a, old));
  CHECK(m.is_granted(m.c, behind, m.granted_now()));
  CHECK(m.holds(m.a, "x"));
  CHECK(code_of(m.ask(m.a, Cancel{old})) == ErrorCode::kWaiterGone);
  CHECK(m.release(m.a, "x") == Result(Released{}));
}

// ---- Who makes room

TEST_CASE("only an idle session of TTL 0 makes room: leases and waits protect") {
  Machine m(StateLimits{.sessions = 3});
  const SessionId holder = m.session_of(1);
  m.take(holder, exclusive({"x"}));
  m.open(with_ttl(2, 1000));
  const SessionId waiting = m.session_of(3);
  const WaiterId waiter = m.queue(waiting, exclusive({"x"}));
  CHECK(code_of(m.open(open_as(4, 1))) == ErrorCode::kTooManySessions);
  m.ask(waiting, Cancel{waiter});
  CHECK(m.opens(open_as(4, 1)));
  CHECK(code_of(m.preempt(waiting, "y")) == ErrorCode::kSessionExpired);
}

TEST_CASE("a session that lost its last lock or wait by another's doing can be evicted") {
  const End deeds[] = {
      [](Trio& m) {
        m.ask(m.b, ForceRelease{"x", ""});
      },
      [](Trio& m) {
        m.release(m.a, "x");
        m.take(m.b, exclusive({"x"}));
        m.queue(m.a, exclusive({"x"}));
        m.expire(m.a, true);
      },
  };
  for (const End deed : deeds) {
    Trio m(StateLimits{.sessions = 3});
    m.take(m.a, exclusive({"x"}));
    m.take(m.b, exclusive({"keeps b"}));
    m.take(m.c, exclusive({"keeps c"}));
    deed(m);
    CHECK(m.opens(open_as(4, 1)));
    CHECK(m.state.sessions().find(m.a) == nullptr);
  }
}

// ---- Operators

TEST_CASE("a forced release takes the lock from all who hold it and grants to the next") {
  Trio m;
  m.take(m.a, shared({"x"}));
  m.take(m.b, shared({"x"}));
  const WaiterId waiter = m.queue(m.c, exclusive({"x"}));
  const SessionId operator_session = m.session_of(9);
  CHECK(m.ask(operator_session, ForceRelease{"x", "stuck since Friday"}) == Result(Released{}));
  CHECK(m.is_granted(m.c, waiter, m.granted_now()));
  CHECK(m.release(m.a, "x") == Result(NotHolder{client(3)}));
  CHECK(m.state.session_count() == 4);  // the sessions live on
  for (const HistoryEvent& event : m.state.history("x", 0, 10).items) {
    CHECK(event.reason == EndReason::kForced);
    CHECK(event.by == client(9));
    CHECK(event.why == "stuck since Friday");
  }
  CHECK(m.state.history("x", 0, 10).items.size() == 2);
}

TEST_CASE("a session knows of the last time that an operator took a lock of it") {
  Trio m;
  m.take(m.a, exclusive({"x"}));
  CHECK_FALSE(m.state.sessions().find(m.a)->forced_at);
  m.ask(m.b, ForceRelease{"x", ""});
  CHECK(m.state.sessions().find(m.a)->forced_at == m.index);
  CHECK_FALSE(m.state.sessions().find(m.b)->forced_at);
}

TEST_CASE("a forced release of a free lock, and of one that is only waited for, finds no holder") {
  Trio m;
  CHECK(m.ask(m.a, ForceRelease{"x", ""}) == Result(NotHolder{}));
  m.take(m.a, exclusive({"y"}));
  const WaiterId waiter = m.queue(m.b, exclusive({"x", "y"}));
  CHECK(m.ask(m.a, ForceRelease{"x", ""}) == Result(NotHolder{}));
  CHECK(m.is_waiting(m.b, waiter));
}

TEST_CASE("closing a session that does not live is refused") {
  Trio m;
  CHECK(code_of(m.ask(m.a, CloseSession{SessionId(12345), ""})) == ErrorCode::kNoSuchSession);
}

TEST_CASE("an operator may close its own session") {
  Trio m;
  CHECK(m.ask(m.a, CloseSession{m.a, ""}) == Result(Closed{}));
  CHECK(code_of(m.preempt(m.a, "x")) == ErrorCode::kSessionForced);
}

// ---- History

TEST_CASE("the history says who held a name, from when to when, and why it ended") {
  Trio m;
  m.take(m.a, exclusive({"x"}));
  const FencingToken first = m.granted_now();
  const WallTime granted = m.now();
  m.open(open_as(1, 2, m.a));
  const SessionId later = session_opened_by(m.index);
  const WallTime taken_over = m.now();
  m.release(later, "x");
  const WallTime released = m.now();
  const auto history = m.state.history("x", 0, 10);
  REQUIRE(history.items.size() == 2);
  CHECK(history.items[0] == HistoryEvent{1, "x", Mode::kExclusive, client(1), first, granted, taken_over,
                                         EndReason::kSuperseded, std::nullopt, ""});
  CHECK(history.items[1] ==
        HistoryEvent{2, "x", Mode::kExclusive, client(1),
                     FencingToken(static_cast<std::uint64_t>(taken_over.time_since_epoch().count())), taken_over,
                     released, EndReason::kReleased, std::nullopt, ""});
}

TEST_CASE("the locks of one session end in order of name, on every replica") {
  Trio m;
  for (const char* name : {"m", "a", "z", "k"}) m.take(m.a, exclusive({name}));
  m.release(m.a, "a");
  m.take(m.a, exclusive({"b"}));
  Machine copy = m;  // its index by session is built anew, in another order
  m.expire(m.a);
  copy.expire(m.a);
  CHECK(m.state.history("", 1, 10).items == copy.state.history("", 1, 10).items);
  CHECK(m.state.hash() == copy.state.hash());
  const auto events = m.state.history("", 1, 10).items;
  REQUIRE(events.size() == 4);
  CHECK(events[0].name == "b");
  CHECK(events[3].name == "z");
}

TEST_CASE("the history keeps the last 100,000 events and is read in pages, of all names or of one") {
  StateMachine state;
  LogIndex index(1);
  state.apply(index = index.next(), WallTime{}, open_as(1, 1));
  const SessionId session = session_opened_by(index);
  const std::size_t total = kKeptHistory + 500;
  for (std::uint64_t i = 1; i <= total; ++i) {
    const std::string name = i % 1000 == 0 ? "rare" : "often";
    state.apply(index = index.next(), WallTime{},
                Execute{session, RequestNumber(2 * i), RequestNumber(2 * i), Preempt{name}});
    state.apply(index = index.next(), WallTime{},
                Execute{session, RequestNumber(2 * i + 1), RequestNumber(2 * i), Release{name}});
  }
  CHECK(state.history().size() == kKeptHistory);
  CHECK(state.hash() == state.recomputed_hash());
  CHECK(state.history("", 0, 10).items.front().position == total - kKeptHistory + 1);
  CHECK(state.history("", 0, 10).more);
  CHECK(state.history("", total - 1, 10).items.size() == 1);
  CHECK_FALSE(state.history("", total - 1, 10).more);
  CHECK(state.history("", total, 10).items.empty());
  CHECK(state.history("", total + 77, 10).items.empty());
  const auto rare = state.history("rare", 0, 60);
  CHECK(rare.items.size() == 60);
  CHECK(rare.more);
  CHECK(state.history("rare", rare.items.back().position, 60).items.size() == 40);
  CHECK_FALSE(state.history("rare", rare.items.back().position, 40).more);
  CHECK(state.history("never", 0, 10).items.empty());
}

}  // namespace lockstep::ending_test

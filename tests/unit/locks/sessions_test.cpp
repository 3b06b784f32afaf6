// L1: who may open a session, and who may take one over.
#include "machine.hpp"

namespace lockstep::sessions_test {

using namespace lockstep::locks;

TEST_CASE("a session's id is the index of the entry that opened it") {
  Machine machine;
  const Result result = machine.open(open_as(1, 1));
  CHECK(result == Result(SessionOpened{session_opened_by(machine.index)}));
}

TEST_CASE("an Open that is sent again is answered with the session it opened") {
  Machine machine;
  const Result first = machine.open(open_as(1, 7));
  CHECK(machine.open(open_as(1, 7)) == first);
  CHECK(machine.state.session_count() == 1);
}

TEST_CASE("a retried takeover does not take over from itself") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  machine.preempt(first, "a");
  const Open takeover = open_as(1, 2, first);
  const Result second = machine.open(takeover);
  const FencingToken token = machine.granted_now();
  CHECK(machine.open(takeover) == second);
  CHECK(machine.holder("a").token == token);
}

TEST_CASE("a takeover moves the locks with new tokens and ends the earlier session as superseded") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  machine.preempt(first, "a");
  machine.preempt(first, "b");
  const HolderView before = machine.holder("a");

  const Result result = machine.open(open_as(1, 2, first));
  const SessionId second = session_opened_by(machine.index);
  CHECK(result == Result(SessionOpened{second}));
  for (const char* name : {"a", "b"}) {
    CHECK(machine.holder(name).owner == client(1));
    CHECK(machine.holder(name).token == machine.granted_now());
  }
  CHECK(machine.holder("a").since == before.since);
  CHECK(machine.release(first, "a") == Result(refusal(ErrorCode::kSessionSuperseded)));
  CHECK(machine.release(second, "a") == Result(Released{}));
}

TEST_CASE("a takeover needs the secret, and changes nothing without it") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  machine.preempt(first, "a");
  const std::uint64_t before = machine.state.hash();
  Open thief = open_as(1, 2, first);
  thief.secret_hash = secret(9);
  CHECK(machine.open(thief) == Result(refusal(ErrorCode::kWrongSecret)));
  CHECK(machine.state.hash() == before);
}

TEST_CASE("the nonce without the secret does not open a door to the session") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  Open thief = open_as(1, 1);
  thief.secret_hash = secret(9);
  CHECK(machine.open(thief) == Result(refusal(ErrorCode::kSessionConflict, first)));
}

TEST_CASE("an Open that does not name the client's last session names it, and changes nothing") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  machine.open(open_as(1, 2, first));
  const SessionId second = session_opened_by(machine.index);
  machine.preempt(second, "a");
  const std::uint64_t before = machine.state.hash();

  const Result conflict = refusal(ErrorCode::kSessionConflict, second);
  CHECK(machine.open(open_as(1, 3)) == conflict);         // knows of no session
  CHECK(machine.open(open_as(1, 3, first)) == conflict);  // a stale Open must not fence the living
  CHECK(machine.open(open_as(1, 1)) == conflict);         // a late copy of the first Open
  CHECK(machine.state.hash() == before);
}

TEST_CASE("a session that was evicted is followed by one that names it") {
  Machine machine(StateLimits{.locks = 10, .sessions = 1, .locks_per_session = 10});
  const SessionId first = machine.session_of(1);
  machine.session_of(2);
  CHECK(machine.preempt(first, "a") == Result(refusal(ErrorCode::kSessionExpired)));
  CHECK(machine.open(open_as(1, 2)) == Result(refusal(ErrorCode::kSessionConflict, first)));
  CHECK(machine.opens(open_as(1, 2, first)));
}

TEST_CASE("if nothing is known of the client, any session may be named") {
  Machine machine;
  CHECK(machine.opens(open_as(1, 1, SessionId(12345))));
}

TEST_CASE("only of the last sessions that ended is it known how") {
  Machine machine(Bounds{.ended_sessions = 5});
  SessionId session = machine.session_of(1);
  const SessionId oldest = session;
  for (std::uint64_t takeover = 0; takeover < 5; ++takeover) {
    machine.open(open_as(1, takeover + 2, session));
    session = session_opened_by(machine.index);
  }
  CHECK(machine.preempt(oldest, "a") == Result(refusal(ErrorCode::kSessionSuperseded)));
  machine.open(open_as(1, 99'999, session));
  CHECK(machine.preempt(oldest, "a") == Result(refusal(ErrorCode::kSessionExpired)));
  CHECK(machine.preempt(session, "a") == Result(refusal(ErrorCode::kSessionSuperseded)));
}

TEST_CASE("a client whose last session was forgotten may open without naming it") {
  Machine machine(StateLimits{.locks = 10, .sessions = 1, .locks_per_session = 10}, Bounds{.ended_sessions = 5});
  machine.session_of(1);
  SessionId session = machine.session_of(2);  // evicts the first
  for (std::uint64_t takeover = 0; takeover < 5; ++takeover) {
    machine.open(open_as(2, takeover + 2, session));
    session = session_opened_by(machine.index);
  }
  CHECK(machine.opens(open_as(1, 2)));
}

TEST_CASE("when the end of a session is forgotten, the session that its client has now lives on") {
  Machine machine(Bounds{.ended_sessions = 1});
  const SessionId first = machine.session_of(1);
  REQUIRE(machine.opens(open_as(1, 2, first)));
  const SessionId living = session_opened_by(machine.index);
  const SessionId other = machine.session_of(2);
  machine.opens(open_as(2, 2, other));  // ends another session: the first is forgotten
  CHECK(machine.open(open_as(1, 3)) == Result(refusal(ErrorCode::kSessionConflict, living)));
  CHECK(machine.state.sessions().last_of(client(1)) == living);
}

TEST_CASE("at the limit, Open evicts the session without locks that was used longest ago") {
  Machine machine(StateLimits{.locks = 10, .sessions = 3, .locks_per_session = 10});
  const SessionId holder = machine.session_of(1);
  const SessionId used_again = machine.session_of(2);
  const SessionId idle = machine.session_of(3);
  machine.preempt(holder, "a");
  machine.preempt(used_again, "a");  // held: it uses the session, and leaves it without locks

  machine.session_of(4);
  CHECK(machine.preempt(idle, "b") == Result(refusal(ErrorCode::kSessionExpired)));
  CHECK(machine.grants(used_again, "b"));
  CHECK(machine.holder("a").owner == client(1));
  CHECK(machine.state.session_count() == 3);
}

TEST_CASE("a session that released its last lock can be evicted again") {
  Machine machine(StateLimits{.locks = 10, .sessions = 1, .locks_per_session = 10});
  const SessionId session = machine.session_of(1);
  machine.preempt(session, "a");
  CHECK(machine.open(open_as(2, 1)) == Result(refusal(ErrorCode::kTooManySessions)));
  machine.release(session, "a");
  CHECK(machine.opens(open_as(2, 1)));
}

TEST_CASE("if every session holds locks, another is refused, but a takeover is not") {
  Machine machine(StateLimits{.locks = 10, .sessions = 2, .locks_per_session = 10});
  const SessionId first = machine.session_of(1);
  const SessionId second = machine.session_of(2);
  machine.preempt(first, "a");
  machine.preempt(second, "b");
  CHECK(machine.open(open_as(3, 1)) == Result(refusal(ErrorCode::kTooManySessions)));
  CHECK(machine.opens(open_as(1, 2, first)));
}

}  // namespace lockstep::sessions_test

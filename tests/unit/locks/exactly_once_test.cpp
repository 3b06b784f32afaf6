// A request runs at most once, however many copies of it reach the log.
#include "machine.hpp"

namespace lockstep::exactly_once_test {

using namespace lockstep::locks;

TEST_CASE("a second copy of a request is answered from the table and does not run") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  const auto granted = machine.execute(session, 1, Preempt{"a"});
  CHECK(machine.execute(session, 1, Preempt{"a"})->result == granted->result);
  machine.execute(session, 2, Release{"a"});
  CHECK(machine.execute(session, 1, Preempt{"a"})->result == granted->result);
  CHECK_FALSE(machine.state.check("a"));
}

TEST_CASE("every outcome carries the key of its own request") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  const Command command = Execute{session, RequestNumber(1), RequestNumber(1), Preempt{"a"}};
  CHECK(machine.apply(command)->key == key_of(command));
  CHECK(machine.apply(command)->key == key_of(command));
  const Command other = Execute{session, RequestNumber(1), RequestNumber(1), Release{"a"}};
  CHECK(machine.apply(other)->key == key_of(other));
  CHECK(key_of(other) != key_of(command));
}

TEST_CASE("what a client has acknowledged by then does not change a request's key") {
  const Command first = Execute{SessionId(5), RequestNumber(3), RequestNumber(1), Preempt{"a"}};
  const Command again = Execute{SessionId(5), RequestNumber(3), RequestNumber(2), Preempt{"a"}};
  CHECK(key_of(first) == key_of(again));
}

TEST_CASE("the key of an Open tells apart what was asked under one nonce") {
  const Open open = open_as(1, 7);
  Open other = open;
  CHECK(key_of(open) == key_of(other));
  other.replaces = SessionId(3);
  CHECK(key_of(open) != key_of(other));
  other = open;
  other.secret_hash = secret(9);
  CHECK(key_of(open) != key_of(other));
}

TEST_CASE("a number that was used for another command is refused") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  machine.execute(session, 1, Preempt{"a"});
  CHECK(machine.execute(session, 1, Preempt{"b"})->result == Result(refusal(ErrorCode::kNumberReused)));
  CHECK(machine.execute(session, 1, Release{"a"})->result == Result(refusal(ErrorCode::kNumberReused)));
  CHECK_FALSE(machine.state.check("b"));
  CHECK(machine.state.check("a"));
}

TEST_CASE("a request below what its session acknowledged is ignored") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  machine.execute(session, 1, Preempt{"a"});
  machine.execute(session, 2, Release{"a"}, 2);
  CHECK_FALSE(machine.execute(session, 1, Preempt{"a"}));
  CHECK_FALSE(machine.state.check("a"));
}

TEST_CASE("what was acknowledged never goes back") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  machine.execute(session, 1, Preempt{"a"});
  machine.execute(session, 3, Preempt{"b"}, 3);
  machine.execute(session, 4, Preempt{"c"}, 1);  // an older copy of what was acknowledged
  CHECK_FALSE(machine.execute(session, 2, Release{"a"}, 1));
  CHECK(machine.state.check("a"));
}

TEST_CASE("requests of one session may reach the log out of order") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  CHECK(machine.execute_grants(session, 3, Preempt{"c"}));
  CHECK(machine.execute_grants(session, 1, Preempt{"a"}));
  CHECK(machine.execute(session, 2, Preempt{"a"})->result ==
        Result(Held{client(1), machine.holder("a").token, machine.holder("a").since, "a", "client 1"}));
}

TEST_CASE("64 unacknowledged requests run, the next is refused until some are acknowledged") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  for (std::uint64_t number = 1; number <= kMaxUnacknowledged; ++number) {
    const auto outcome = machine.execute(session, number, Preempt{"lock " + std::to_string(number)});
    REQUIRE(outcome->result == Result(Granted{machine.granted_now()}));
  }
  const auto refused = machine.execute(session, 65, Preempt{"one more"});
  CHECK(refused->result == Result(refusal(ErrorCode::kTooManyUnacknowledged)));
  CHECK_FALSE(machine.state.check("one more"));
  CHECK(machine.execute_grants(session, 65, Preempt{"one more"}, 2));
}

TEST_CASE("a session that never was has expired") {
  Machine machine;
  CHECK(machine.execute(SessionId(77), 1, Preempt{"a"})->result == Result(refusal(ErrorCode::kSessionExpired)));
  CHECK(machine.state.lock_count() == 0);
}

TEST_CASE("a refusal that the state gave is kept for the retry too") {
  Machine machine(StateLimits{.locks = 1, .sessions = 10, .locks_per_session = 10});
  const SessionId session = machine.session_of(1);
  machine.execute(session, 1, Preempt{"a"});
  CHECK(machine.execute(session, 2, Preempt{"b"})->result == Result(refusal(ErrorCode::kTooManyLocks)));
  machine.execute(session, 3, Release{"a"});
  CHECK(machine.execute(session, 2, Preempt{"b"})->result == Result(refusal(ErrorCode::kTooManyLocks)));
  CHECK_FALSE(machine.state.check("b"));
}

}  // namespace lockstep::exactly_once_test

// A state machine with a log index that rises by itself, and short words for what tests ask of it.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "protocol/locks/state_machine.hpp"

namespace lockstep::locks {

inline ClientId client(std::uint8_t which) {
  ClientId id;
  id.bytes.fill(which);
  return id;
}

inline SecretHash secret(std::uint8_t which) {
  SecretHash hash;
  hash.fill(which);
  return hash;
}

// The client's `incarnation`th process: its nonce. The secret is the client's own.
inline Open open_as(std::uint8_t which, std::uint64_t incarnation, SessionId replaces = SessionId()) {
  return Open{client(which), secret(which), incarnation, 0, replaces};
}

struct Machine {
  StateMachine state;
  LogIndex index{1};  // entry 1 is the configuration

  explicit Machine(const StateLimits& limits = StateLimits()) : state(limits) {}

  std::optional<Outcome> apply(const Command& command) {
    index = index.next();
    auto outcome = state.apply(index, WallTime(std::chrono::milliseconds(index.value())), command);
    REQUIRE(state.hash() == state.recomputed_hash());
    return outcome;
  }

  Result open(const Open& open) { return apply(open)->result; }

  SessionId session_of(std::uint8_t which) {
    const Result result = open(open_as(which, 1));
    REQUIRE(std::holds_alternative<SessionOpened>(result));
    return std::get<SessionOpened>(result).session;
  }

  std::optional<Outcome> execute(SessionId session, std::uint64_t number, Operation operation,
                                 std::uint64_t acknowledged_below = 1) {
    return apply(Execute{session, RequestNumber(number), RequestNumber(acknowledged_below), std::move(operation)});
  }

  // Every request with a number of its own, and every answer acknowledged by the next request.
  Result ask(SessionId session, Operation operation) {
    const auto outcome = execute(session, next_, std::move(operation), next_);
    ++next_;
    REQUIRE(outcome);
    return outcome->result;
  }
  Result preempt(SessionId session, const std::string& name) { return ask(session, Preempt{name}); }
  Result release(SessionId session, const std::string& name) { return ask(session, Release{name}); }

  // Whether this entry is what grants or opens. (In one expression with a comparison, `index` might be read too early.)
  bool grants(SessionId session, const std::string& name) {
    const Result result = preempt(session, name);
    return result == Result(Granted{granted_now()});
  }
  bool execute_grants(SessionId session, std::uint64_t number, Operation operation,
                      std::uint64_t acknowledged_below = 1) {
    const auto outcome = execute(session, number, std::move(operation), acknowledged_below);
    return outcome && outcome->result == Result(Granted{granted_now()});
  }
  bool opens(const Open& request) {
    const Result result = open(request);
    return result == Result(SessionOpened{session_opened_by(index)});
  }

  FencingToken granted_now() const { return token_granted_by(index); }

 private:
  std::uint64_t next_ = 1;
};

inline Refused refusal(ErrorCode code, SessionId current = SessionId()) { return Refused{code, current}; }

}  // namespace lockstep::locks

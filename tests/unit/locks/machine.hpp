// A state machine with a log index that rises by itself, and short words for what tests ask of it.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

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
  return Open{client(which), secret(which), incarnation, 0, replaces, "client " + std::to_string(which)};
}

inline Acquire exclusive(std::vector<std::string> names, std::uint64_t thread = 0) {
  return Acquire{std::move(names), Mode::kExclusive, 0, true, thread};
}
inline Acquire shared(std::vector<std::string> names, std::uint64_t thread = 0) {
  return Acquire{std::move(names), Mode::kShared, 0, true, thread};
}
inline Acquire permit(std::vector<std::string> names, std::uint32_t permits, std::uint64_t thread = 0) {
  return Acquire{std::move(names), Mode::kPermit, permits, true, thread};
}
inline Acquire once(Acquire acquire) {
  acquire.wait = false;
  return acquire;
}

struct Machine {
  StateMachine state;
  LogIndex index{1};  // entry 1 is the configuration

  explicit Machine(const StateLimits& limits = StateLimits(), const Bounds& bounds = {}) : state(limits, bounds) {}
  explicit Machine(const Bounds& bounds) : Machine(StateLimits(), bounds) {}

  std::optional<Outcome> apply(const Command& command) {
    index = index.next();
    auto outcome = state.apply(index, now(), command);
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

  // Queues the request, which must have to wait.
  WaiterId queue(SessionId session, Acquire acquire) {
    const Result result = ask(session, std::move(acquire));
    REQUIRE(std::holds_alternative<Queued>(result));
    CHECK(std::get<Queued>(result).waiter == waiter_queued_by(index));
    return std::get<Queued>(result).waiter;
  }
  // Grants the request at once.
  void take(SessionId session, Acquire acquire) {
    const Result result = ask(session, std::move(acquire));
    REQUIRE(result == Result(Granted{granted_now()}));
  }
  void expire(SessionId session, bool waits_only = false) { CHECK_FALSE(apply(Expire{session, waits_only})); }

  // The one who holds it.
  HolderView holder(std::string_view name) const {
    const auto lock = state.check(name);
    REQUIRE(lock);
    REQUIRE(lock->holders.size() == 1);
    return lock->holders[0];
  }
  bool holds(SessionId session, std::string_view name) const {
    const NamedLock* lock = state.locks().find(name);
    return lock != nullptr && lock->second.holds.contains(session);
  }
  bool is_waiting(SessionId session, WaiterId waiter) const {
    const auto found = state.waiter_state(session, waiter);
    return found && std::holds_alternative<Queued>(*found);
  }
  bool is_gone(SessionId session, WaiterId waiter) const { return !state.waiter_state(session, waiter); }
  bool is_granted(SessionId session, WaiterId waiter, FencingToken token) const {
    const auto found = state.waiter_state(session, waiter);
    return found && *found == WaiterState(Granted{token});
  }

  WallTime now() const { return WallTime(std::chrono::milliseconds(index.value())); }
  FencingToken granted_now() const { return token_granted_by(index); }

 private:
  std::uint64_t next_ = 1;
};

inline Refused refusal(ErrorCode code, SessionId current = SessionId()) { return Refused{code, current, {}}; }

inline ErrorCode code_of(const Result& result) {
  const auto* refused = std::get_if<Refused>(&result);
  REQUIRE(refused != nullptr);
  return refused->code;
}

// A small state with every kind of record.
inline Machine machine_with_everything() {
  Machine machine;
  const SessionId a = machine.session_of(1);
  const SessionId b = machine.session_of(2);
  const SessionId c = machine.session_of(3);
  const SessionId d = machine.session_of(4);
  machine.execute(a, 1, exclusive({"a", "b"}, 7), 1);
  machine.execute(a, 2, permit({"permits"}, 3), 1);
  machine.execute(b, 1, shared({"shared"}), 1);
  machine.execute(c, 1, shared({"shared"}), 1);
  machine.execute(c, 2, exclusive({"a", "free"}), 1);
  machine.execute(b, 2, exclusive({"free"}), 1);
  machine.execute(b, 3, Release{"nothing"}, 1);
  machine.execute(b, 4, Release{"a"}, 1);
  machine.execute(b, 5, Preempt{"a"}, 1);
  machine.execute(b, 6, exclusive({"shared", "x"}), 1);
  machine.execute(d, 1, exclusive({"b"}), 1);
  machine.execute(a, 3, Release{"b"}, 1);  // d is granted, having waited
  machine.execute(a, 4, Preempt{"lost"}, 1);
  machine.execute(d, 2, ForceRelease{"lost", "why"}, 1);
  const SessionId e = machine.session_of(5);
  machine.execute(e, 1, Close{}, 1);
  machine.open(open_as(4, 2, d));
  machine.execute(a, 5, Preempt{"handed"}, 1);
  machine.execute(b, 7, exclusive({"handed", "on"}), 1);
  machine.execute(a, 6, Release{"handed"}, 2);
  return machine;
}

}  // namespace lockstep::locks

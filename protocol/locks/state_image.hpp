// All that is state, as plain records, each kind in a fixed order: what a snapshot holds (S6), and what a state
// machine is built from that did not apply the entries itself.
//
// What follows from the records is not in them: queues, indexes, hashes, which sessions are idle, and that a name is
// waited for while nobody holds it. So equal states have equal images, whichever way they came about.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/locks/commands.hpp"
#include "protocol/locks/lock_table.hpp"
#include "protocol/locks/sessions.hpp"
#include "protocol/locks/views.hpp"

namespace lockstep::locks {

class StateMachine;

// See Hold, whose slot is the table's own.
struct HoldRecord {
  SessionId session;
  std::uint64_t thread = 0;
  FencingToken token;
  WallTime since{};
  WallTime granted{};
  WaiterId waiter;
  friend bool operator==(const HoldRecord&, const HoldRecord&) = default;
};

// A name that is held.
struct LockRecord {
  std::string name;
  Mode mode = Mode::kExclusive;
  std::uint32_t permits = 0;
  std::vector<HoldRecord> holds;  // in order of session
  friend bool operator==(const LockRecord&, const LockRecord&) = default;
};

// A request that stands in line for all of its names.
struct WaiterRecord {
  WaiterId id;
  LockRequest request;
  WallTime since{};
  std::vector<std::string> names;  // in order
  friend bool operator==(const WaiterRecord&, const WaiterRecord&) = default;
};

struct StateImage {
  StateLimits limits;
  LogIndex last_applied;              // the last command's entry; none: there was no command yet
  std::vector<Session> sessions;      // those that live, in order of id
  std::vector<EndedSession> ended;    // those that are remembered, the oldest end first
  std::vector<LockRecord> locks;      // in order of name
  std::vector<WaiterRecord> waiters;  // in order of id
  std::vector<HistoryEvent> history;  // in order of position
  friend bool operator==(const StateImage&, const StateImage&) = default;
};

StateImage image_of(const StateMachine& state);

// What no state machine could have come to, as a sentence for a person: the first contradiction among the records.
// Empty if there is none, as in every image_of() of a state that has these bounds.
std::string violation_in(const StateImage& image, const Bounds& bounds = {});

}  // namespace lockstep::locks

// Whether a wait that is about to begin would never end.
//
// Who waits for whom is a graph whose nodes are the threads of clients, as (session, thread tag). A waiting
// thread has an edge to every holder that keeps it from one of its names, and to every earlier waiter of
// the same queues, since nothing overtakes. Semaphores of more than one permit add no edges: one holder
// more or less does not decide. All edges must come free before the wait ends, so it never ends if, and only
// if, they lead back to where it began (the AND model of Chandy, Misra and Haas, "Distributed Deadlock
// Detection", ACM TOCS 1983).
//
// New edges start only at a request that begins to wait, so looking there, each time, misses nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/locks/lock_table.hpp"
#include "protocol/locks/sessions.hpp"

namespace lockstep::locks {

// `session` waits for `name`, which `blocker` holds or, else, waited for earlier.
struct CycleStep {
  SessionId session;
  std::string name;
  SessionId blocker;
  bool holds = false;
  friend bool operator==(const CycleStep&, const CycleStep&) = default;
};
using Cycle = std::vector<CycleStep>;

// The shortest cycle that the request would close, from its own session on and back to it. None as well if
// more than kMaxDeadlockNodes would have to be looked at: then the request just waits.
std::optional<Cycle> find_deadlock(const LockTable& locks, std::span<const std::string> names,
                                   const LockRequest& request);

// For a person, at most kMaxDetail bytes: which client waits for what, and which client has it.
std::string describe(const Cycle& cycle, const Sessions& sessions);

}  // namespace lockstep::locks

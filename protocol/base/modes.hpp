// The enumerations that an application, the wire and the state machine have in common.
//
// Their numbers are on the wire and, but for ReadMode and NodeRole, on disks: append only.
#pragma once

#include <cstdint>

namespace lockstep {

// How a lock is held.
enum class LockMode : std::uint8_t {
  kExclusive = 1,
  kShared = 2,
  kPermit = 3,  // one of the permits of a semaphore
};

// Why a hold or a session ended.
enum class EndReason : std::uint8_t {
  kReleased = 1,    // by its holder; never of a session
  kExpired = 2,     // the lease ran out
  kForced = 3,      // by an operator
  kSuperseded = 4,  // the client took its own session over
  kClosed = 5,      // by the session's own client
  kEvicted = 6,     // the session made room for another; such a session holds nothing
};

// How new the answer to a read must be.
enum class ReadMode : std::uint8_t {
  kLocal = 0,         // the map of the node that answers, with its age
  kLinearizable = 1,  // reflects everything that completed before the request was sent
};

// What a node is to its cluster.
enum class NodeRole : std::uint8_t { kForming = 0, kFollower = 1, kPreCandidate = 2, kCandidate = 3, kLeader = 4 };

}  // namespace lockstep

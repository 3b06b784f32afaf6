// Who waits for an answer of this node, and what somebody is told whose time is up.
#pragma once

#include "protocol/base/error.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

// One copy of a client's request, on one connection.
struct Asker {
  ConnectionId connection;
  CallNumber call;
};

// The request of `asker` was kept for as long as it may be. `code` is kNoLeader if this node knows that the copy went
// no further, and kUnavailable if it may have.
struct TimedOut {
  Asker asker;
  ErrorCode code{};
};

}  // namespace lockstep

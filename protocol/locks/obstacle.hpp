// Who is in the way of a request, as it is told to the client that asked. Pure functions.
#pragma once

#include "protocol/locks/lock_table.hpp"
#include "protocol/locks/sessions.hpp"

namespace lockstep::locks {

// Of a lock that is held: the holder. An asker that holds it itself is told of itself; of several others, the oldest
// session is named.
Held who_holds(const NamedLock& lock, SessionId asker, const Sessions& sessions);

// Of a lock that is not granted: a holder, or the first in line if there would be room.
Held who_blocks(const NamedLock& lock, const LockRequest& request, const Sessions& sessions);

}  // namespace lockstep::locks

// Chooses the holder or the waiter to name.
#include "protocol/locks/obstacle.hpp"

namespace lockstep::locks {
namespace {

Held who_is_first(const NamedLock& lock, const Sessions& sessions) {
  const Waiter& first = lock.second.queue.front();
  const Session& owner = sessions.at(first.request.session);
  return Held{owner.client, FencingToken(), first.since, lock.first, owner.note};
}

}  // namespace

Held who_holds(const NamedLock& lock, SessionId asker, const Sessions& sessions) {
  const auto& holds = lock.second.holds;
  const auto own = holds.find(asker);
  const auto& [session, hold] = own != holds.end() ? *own : *holds.begin();
  const Session& owner = sessions.at(session);
  return Held{owner.client, hold.token, hold.since, lock.first, owner.note};
}

Held who_blocks(const NamedLock& lock, const LockRequest& request, const Sessions& sessions) {
  return lock.second.has_room_for(request.mode) ? who_is_first(lock, sessions)
                                                : who_holds(lock, request.session, sessions);
}

}  // namespace lockstep::locks

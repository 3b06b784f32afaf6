// The state machine's views: bounded copies of the state, for answers and for watchers.
#include "protocol/locks/views.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/locks/obstacle.hpp"
#include "protocol/locks/page_builder.hpp"
#include "protocol/locks/state_machine.hpp"

namespace lockstep::locks {
namespace {

// Those whose names start with `prefix` and sort after `after`.
LockTable::Locks::const_iterator first_of(const LockTable::Locks& locks, std::string_view prefix,
                                          std::string_view after) {
  return after < prefix ? locks.lower_bound(prefix) : locks.upper_bound(after);
}

std::size_t bytes_of(const LockView& view) {
  std::size_t bytes = sizeof(LockView) + view.name.size();
  for (const HolderView& holder : view.holders) bytes += sizeof(HolderView) + holder.note.size();
  for (const WaiterView& waiter : view.waiters) bytes += sizeof(WaiterView) + waiter.note.size();
  return bytes;
}

LockView view_of(const NamedLock& named, const Sessions& sessions, const Bounds& bounds) {
  const LockRow& lock = named.second;
  LockView view;
  view.name = named.first;
  view.mode = lock.holds.empty() ? lock.queue.front().request.mode : lock.mode;
  view.permits = lock.permits;
  view.holder_count = lock.holds.size();
  view.waiter_count = lock.queue.size();
  for (const auto& [id, hold] : lock.holds) {
    if (view.holders.size() == bounds.shown_holders) break;
    const Session& session = sessions.at(id);
    view.holders.push_back({session.client, id, hold.token, hold.since, session.note});
  }
  for (const Waiter* waiter : lock.queue) {
    if (view.waiters.size() == bounds.shown_waiters) break;
    const Session& session = sessions.at(waiter->request.session);
    view.waiters.push_back({session.client, session.id, waiter->id, waiter->request.mode, waiter->since, session.note});
  }
  return view;
}

}  // namespace

std::optional<LockView> StateMachine::check(std::string_view name) const {
  const NamedLock* lock = locks_.find(name);
  if (lock == nullptr) return std::nullopt;
  return view_of(*lock, sessions_, bounds_);
}

Page<LockView> StateMachine::list(std::string_view prefix, std::string_view after, std::size_t limit) const {
  PageBuilder<LockView> page(limit, bounds_.page_bytes);
  const auto& locks = locks_.in_order();
  for (auto lock = first_of(locks, prefix, after); lock != locks.end() && lock->first.starts_with(prefix); ++lock) {
    if (!page.has_place()) break;
    LockView view = view_of(*lock, sessions_, bounds_);
    const std::size_t bytes = bytes_of(view);
    page.add(std::move(view), bytes);
  }
  return page.take();
}

LockCount StateMachine::count(std::string_view prefix, std::string_view after) const {
  INVARIANT(bounds_.counted > 0, "a count that stops has a name at which it stopped");
  LockCount count;
  const std::string* last = nullptr;
  const auto& locks = locks_.in_order();
  for (auto lock = first_of(locks, prefix, after); lock != locks.end() && lock->first.starts_with(prefix); ++lock) {
    if (count.locks == bounds_.counted) {
      count.last = *last;
      break;
    }
    ++count.locks;
    count.holders += lock->second.holds.size();
    count.waiters += lock->second.queue.size();
    last = &lock->first;
  }
  return count;
}

Page<LockChange> StateMachine::holds(std::string_view prefix, std::string_view after, std::size_t limit) const {
  PageBuilder<LockChange> page(limit, bounds_.page_bytes);
  const auto& locks = locks_.in_order();
  for (auto lock = first_of(locks, prefix, after); lock != locks.end() && lock->first.starts_with(prefix); ++lock) {
    if (lock->second.holds.empty()) continue;
    if (!page.has_place()) break;
    for (const auto& [session, hold] : lock->second.holds) {
      page.add({LogIndex(hold.token.value()), lock->first, lock->second.mode, client_of(session), hold.token, {}},
               sizeof(LockChange) + lock->first.size());
    }
  }
  return page.take();
}

Page<SessionView> StateMachine::sessions(SessionId after, std::size_t limit) const {
  PageBuilder<SessionView> page(limit, bounds_.page_bytes);
  const auto& ids = sessions_.in_order();
  for (auto id = ids.upper_bound(after); id != ids.end() && page.has_place(); ++id) {
    const Session& session = sessions_.at(*id);
    page.add({*id, session.client, session.ttl_ms, session.opened, session.note, locks_.held_by(*id),
              locks_.waits_of(*id).size()},
             sizeof(SessionView) + session.note.size());
  }
  return page.take();
}

std::optional<WaiterState> StateMachine::waiter_state(SessionId session, WaiterId id) const {
  if (const auto* granted = locks_.granted(id); granted && granted->session == session) {
    return Granted{granted->token};
  }
  const Waiter* waiter = locks_.waiter(id);
  if (waiter == nullptr || waiter->request.session != session) return std::nullopt;
  const auto is_obstacle = [&](const NamedLock* lock) {
    return &lock->second.queue.front() != waiter || !lock->second.has_room_for(waiter->request.mode);
  };
  const auto obstacle = std::find_if(waiter->locks.begin(), waiter->locks.end(), is_obstacle);
  INVARIANT(obstacle != waiter->locks.end(), "a waiter that nothing is in the way of was granted");
  return Queued{id, LockTable::position_of(*waiter), who_blocks(**obstacle, waiter->request, sessions_)};
}

}  // namespace lockstep::locks

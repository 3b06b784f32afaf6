// Grants, queues and frees, and serves the line whenever a lock gets room.
#include "protocol/locks/lock_table.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/locks/record_hash.hpp"

namespace lockstep::locks {
namespace {

// The slot is this copy's own bookkeeping: replicas that took different ways to the same locks agree.
std::uint64_t hash_of(const NamedLock& lock, SessionId session, const Hold& hold) {
  return RecordHash(RecordTag::kHold)
      .add_text(lock.first)
      .add(lock.second.permits)
      .add(static_cast<std::uint64_t>(lock.second.mode))
      .add(session.value())
      .add(hold.thread)
      .add(hold.token.value())
      .add(hold.since)
      .add(hold.granted)
      .add(hold.waiter.value())
      .finish();
}

// The queues follow from the waiters' ids.
std::uint64_t hash_of(const Waiter& waiter) {
  RecordHash names(RecordTag::kWaiterName);
  for (const NamedLock* lock : waiter.locks) names.add_text(lock->first);
  return RecordHash(RecordTag::kWaiter)
      .add(waiter.id.value())
      .add(waiter.request.session.value())
      .add(waiter.request.thread)
      .add(static_cast<std::uint64_t>(waiter.request.mode))
      .add(waiter.request.permits)
      .add(waiter.since)
      .add(names.finish())
      .finish();
}

}  // namespace

bool has_room(std::size_t holders, Mode held, std::uint32_t permits, Mode wanted) {
  if (holders == 0) return true;
  if (wanted != held || wanted == Mode::kExclusive) return false;
  return holders < (wanted == Mode::kPermit ? permits : kMaxHolders);
}

// ---- Copies

LockTable::LockTable(const LockTable& other)
    : locks_(other.locks_),
      waiters_(other.waiters_),
      candidates_(other.candidates_),
      settled_(other.settled_),
      hash_(other.hash_) {
  rebuild_index();
}

LockTable& LockTable::operator=(const LockTable& other) {
  if (this != &other) *this = LockTable(other);
  return *this;
}

// The pointers that were copied still lead to the other table: only the names behind them count.
void LockTable::rebuild_index() {
  for (NamedLock& lock : locks_) {
    lock.second.queue.clear();
    for (auto& [session, hold] : lock.second.holds) index_hold(lock, session, hold);
  }
  for (auto& [id, waiter] : waiters_) {
    for (NamedLock*& lock : waiter.locks) {
      lock = &*locks_.find(lock->first);
      lock->second.queue.push(waiter);
    }
    index_wait(waiter);
  }
}

// ---- Looking

const NamedLock* LockTable::find(std::string_view name) const {
  const auto found = locks_.find(name);
  return found == locks_.end() ? nullptr : &*found;
}

const Waiter* LockTable::waiter(WaiterId id) const {
  const auto found = waiters_.find(id);
  return found == waiters_.end() ? nullptr : &found->second;
}

std::size_t LockTable::position_of(const Waiter& waiter) {
  std::size_t before = 0;
  for (const NamedLock* lock : waiter.locks) before = std::max(before, lock->second.queue.before(waiter));
  return before + 1;
}

const LockTable::GrantedWaiter* LockTable::granted(WaiterId id) const {
  const auto found = granted_.find(id);
  return found == granted_.end() ? nullptr : &found->second;
}

std::size_t LockTable::held_by(SessionId session) const {
  const auto found = by_session_.find(session);
  return found == by_session_.end() ? 0 : found->second.held.size();
}

// The session's own list is in no order that replicas agree on.
std::vector<std::string> LockTable::names_held_by(SessionId session) const {
  std::vector<std::string> names;
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return names;
  names.reserve(found->second.held.size());
  for (const HeldLock& held : found->second.held) names.push_back(held.lock->first);
  std::sort(names.begin(), names.end());
  return names;
}

std::span<const Waiter* const> LockTable::waits_of(SessionId session) const {
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return {};
  return found->second.waits;
}

bool LockTable::is_waiting_for(SessionId session, const NamedLock& lock) const {
  if (lock.second.queue.empty()) return false;
  for (const Waiter* waiter : waits_of(session)) {
    if (std::find(waiter->locks.begin(), waiter->locks.end(), &lock) != waiter->locks.end()) return true;
  }
  return false;
}

std::size_t LockTable::claims_of(SessionId session) const {
  const auto found = by_session_.find(session);
  return found == by_session_.end() ? 0 : found->second.held.size() + found->second.names_waited_for;
}

bool LockTable::is_to_be_had(const NamedLock* lock, Mode mode) {
  return lock == nullptr || (lock->second.queue.empty() && lock->second.has_room_for(mode));
}

// ---- Holding

void LockTable::grant(std::span<const std::string> names, const LockRequest& request, FencingToken token,
                      WallTime time) {
  for (const std::string& name : names) {
    NamedLock& lock = *locks_.try_emplace(name).first;
    INVARIANT(is_to_be_had(&lock, request.mode), "only a lock that nobody is in the way of is granted at once");
    lock.second.permits = request.permits;
    add_hold(lock, request, Hold{request.thread, token, time, time, WaiterId(), 0});
  }
}

void LockTable::restore(const std::string& name, const LockRequest& request, const Hold& hold) {
  NamedLock& lock = *locks_.try_emplace(locks_.end(), name);
  lock.second.permits = request.permits;
  add_hold(lock, request, hold);
}

void LockTable::add_hold(NamedLock& lock, const LockRequest& request, const Hold& hold) {
  INVARIANT(lock.second.has_room_for(request.mode), "an exclusive lock has one holder, a semaphore its permits");
  lock.second.mode = request.mode;
  const auto [place, added] = lock.second.holds.try_emplace(request.session, hold);
  INVARIANT(added, "a session holds a name at most once");
  index_hold(lock, request.session, place->second);
  hash_ += hash_of(lock, request.session, place->second);
}

Hold LockTable::release(std::string_view name, SessionId session) {
  const auto lock = locks_.find(name);
  INVARIANT(lock != locks_.end(), "only a held lock is released");
  const auto found = lock->second.holds.find(session);
  INVARIANT(found != lock->second.holds.end(), "only a holder's share is released");
  const Hold hold = found->second;
  hash_ -= hash_of(*lock, session, hold);
  remove_from_index(session, hold);
  lock->second.holds.erase(found);
  tidy(lock);
  return hold;
}

// Threads and waiters were the earlier incarnation's: the new one knows neither.
void LockTable::take_over(SessionId from, SessionId to, FencingToken token, WallTime time) {
  auto node = by_session_.extract(from);
  if (node.empty()) return;
  INVARIANT(node.mapped().waits.empty(), "a takeover drops the earlier session's waiters first (L8)");
  for (const HeldLock& held : node.mapped().held) {
    Hold& hold = *held.hold;
    INVARIANT(token > hold.token, "a name's token strictly rises (L8)");
    hash_ -= hash_of(*held.lock, from, hold);
    auto& holds = held.lock->second.holds;
    auto moved = holds.extract(from);
    moved.key() = to;
    holds.insert(std::move(moved));
    if (hold.waiter) granted_.erase(hold.waiter);
    hold.thread = 0;
    hold.token = token;
    hold.granted = time;
    hold.waiter = WaiterId();
    hash_ += hash_of(*held.lock, to, hold);
  }
  node.key() = to;
  const bool inserted = by_session_.insert(std::move(node)).inserted;
  INVARIANT(inserted, "a session that takes over is new and holds nothing yet");
}

// ---- Waiting

const Waiter& LockTable::enqueue(std::span<const std::string> names, const LockRequest& request, WaiterId id,
                                 WallTime time) {
  const auto [place, added] = waiters_.try_emplace(id, Waiter{id, request, time, {}});
  INVARIANT(added, "an entry queues one request");
  Waiter& waiter = place->second;
  for (const std::string& name : names) {
    NamedLock& lock = *locks_.try_emplace(name).first;
    lock.second.permits = request.permits;
    lock.second.queue.push(waiter);
    waiter.locks.push_back(&lock);
  }
  index_wait(waiter);
  hash_ += hash_of(waiter);
  return waiter;
}

void LockTable::drop(WaiterId id) {
  const auto found = waiters_.find(id);
  INVARIANT(found != waiters_.end(), "only who waits is dropped");
  leave_queues(found->second);
  for (const NamedLock* lock : found->second.locks) tidy(locks_.find(lock->first));
  waiters_.erase(found);
}

void LockTable::drop_waits_of(SessionId session) {
  std::vector<WaiterId> ids;
  for (const Waiter* waiter : waits_of(session)) ids.push_back(waiter->id);
  for (const WaiterId id : ids) drop(id);
}

void LockTable::leave_queues(const Waiter& waiter) {
  hash_ -= hash_of(waiter);
  settled_.push_back({waiter.id, waiter.request.session});
  remove_from_index(waiter);
  for (NamedLock* lock : waiter.locks) lock->second.queue.remove(waiter);
}

std::optional<LockTable::Grant> LockTable::grant_next(FencingToken token, WallTime time) {
  while (!candidates_.empty()) {
    const auto found = waiters_.find(*candidates_.begin());
    candidates_.erase(candidates_.begin());
    if (found == waiters_.end() || !is_next_everywhere(found->second)) continue;
    auto node = waiters_.extract(found);
    const Waiter& waiter = node.mapped();
    leave_queues(waiter);
    Grant grant{waiter.request, {}};
    for (NamedLock* lock : waiter.locks) {
      add_hold(*lock, waiter.request, Hold{waiter.request.thread, token, time, time, waiter.id, 0});
      tidy(locks_.find(lock->first));
      grant.names.push_back(lock->first);
    }
    return grant;
  }
  return std::nullopt;
}

bool LockTable::is_next_everywhere(const Waiter& waiter) const {
  return std::all_of(waiter.locks.begin(), waiter.locks.end(), [&](const NamedLock* lock) {
    return &lock->second.queue.front() == &waiter && lock->second.has_room_for(waiter.request.mode);
  });
}

// After any change: a name that nobody uses is forgotten, and whoever is first now may be next.
void LockTable::tidy(Locks::iterator lock) {
  if (!lock->second.queue.empty()) {
    candidates_.insert(lock->second.queue.front().id);
  } else if (lock->second.holds.empty()) {
    locks_.erase(lock);
  }
}

// ---- The index by session, and of the waiters that were granted

void LockTable::index_hold(NamedLock& lock, SessionId session, Hold& hold) {
  auto& held = by_session_[session].held;
  hold.slot = held.size();
  held.push_back({&lock, &hold});
  if (!hold.waiter) return;
  GrantedWaiter& granted = granted_[hold.waiter];
  granted.session = session;
  granted.token = hold.token;
  ++granted.holds;
}

void LockTable::remove_from_index(SessionId session, const Hold& hold) {
  const auto found = by_session_.find(session);
  INVARIANT(found != by_session_.end(), "the session of a held lock is in the index");
  auto& held = found->second.held;
  held[hold.slot] = held.back();
  held[hold.slot].hold->slot = hold.slot;
  held.pop_back();
  if (held.empty() && found->second.waits.empty()) by_session_.erase(found);
  if (!hold.waiter) return;
  const auto granted = granted_.find(hold.waiter);
  if (--granted->second.holds == 0) granted_.erase(granted);
}

void LockTable::index_wait(const Waiter& waiter) {
  BySession& session = by_session_[waiter.request.session];
  session.waits.push_back(&waiter);
  session.names_waited_for += waiter.locks.size();
}

void LockTable::remove_from_index(const Waiter& waiter) {
  const auto found = by_session_.find(waiter.request.session);
  INVARIANT(found != by_session_.end(), "the session of a waiter is in the index");
  auto& [held, waits, names_waited_for] = found->second;
  waits.erase(std::find(waits.begin(), waits.end(), &waiter));
  names_waited_for -= waiter.locks.size();
  if (held.empty() && waits.empty()) by_session_.erase(found);
}

std::uint64_t LockTable::recomputed_hash() const {
  std::uint64_t sum = 0;
  for (const NamedLock& lock : locks_) {
    for (const auto& [session, hold] : lock.second.holds) sum += hash_of(lock, session, hold);
  }
  for (const auto& [id, waiter] : waiters_) sum += hash_of(waiter);
  return sum;
}

}  // namespace lockstep::locks

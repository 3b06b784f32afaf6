#include "protocol/locks/lock_table.hpp"

#include "protocol/base/invariant.hpp"
#include "protocol/locks/record_hash.hpp"

namespace lockstep::locks {
namespace {

// The slot is this copy's own bookkeeping: replicas that took different ways to the same locks agree.
std::uint64_t hash_of(std::string_view name, const LockTable::Lock& lock) {
  return RecordHash(RecordTag::kLock)
      .add_text(name)
      .add(lock.session.value())
      .add(lock.token.value())
      .add(static_cast<std::uint64_t>(lock.since.time_since_epoch().count()))
      .finish();
}

}  // namespace

LockTable::LockTable(const LockTable& other) : locks_(other.locks_), hash_(other.hash_) { rebuild_index(); }

LockTable& LockTable::operator=(const LockTable& other) {
  if (this != &other) *this = LockTable(other);
  return *this;
}

void LockTable::rebuild_index() {
  by_session_.clear();
  for (auto& [name, lock] : locks_) {
    Names& names = by_session_[lock.session];
    lock.slot = names.size();
    names.push_back(&name);
  }
}

const LockTable::Lock* LockTable::find(std::string_view name) const {
  const auto found = locks_.find(name);
  return found == locks_.end() ? nullptr : &found->second;
}

std::size_t LockTable::held_by(SessionId session) const {
  const auto found = by_session_.find(session);
  return found == by_session_.end() ? 0 : found->second.size();
}

void LockTable::grant(const std::string& name, SessionId session, FencingToken token, WallTime since) {
  const auto [place, added] = locks_.try_emplace(name, Lock{session, token, since, 0});
  INVARIANT(added, "a lock is granted only while nobody holds it");
  Names& names = by_session_[session];
  place->second.slot = names.size();
  names.push_back(&place->first);
  hash_ += hash_of(name, place->second);
}

void LockTable::release(std::string_view name) {
  const auto found = locks_.find(name);
  INVARIANT(found != locks_.end(), "only a held lock is released");
  const auto index = by_session_.find(found->second.session);
  INVARIANT(index != by_session_.end(), "the session of a held lock is in the index");
  Names& names = index->second;
  const std::size_t slot = found->second.slot;
  names[slot] = names.back();
  locks_.find(*names[slot])->second.slot = slot;
  names.pop_back();
  if (names.empty()) by_session_.erase(index);
  hash_ -= hash_of(found->first, found->second);
  locks_.erase(found);
}

void LockTable::take_over(SessionId from, SessionId to, FencingToken token) {
  auto node = by_session_.extract(from);
  if (node.empty()) return;
  for (const std::string* name : node.mapped()) {
    Lock& lock = locks_.find(*name)->second;
    INVARIANT(token > lock.token, "a name's token strictly rises (L8)");
    hash_ -= hash_of(*name, lock);
    lock.session = to;
    lock.token = token;
    hash_ += hash_of(*name, lock);
  }
  node.key() = to;
  const bool inserted = by_session_.insert(std::move(node)).inserted;
  INVARIANT(inserted, "a session that takes over is new and holds nothing yet");
}

std::uint64_t LockTable::recomputed_hash() const {
  std::uint64_t sum = 0;
  for (const auto& [name, lock] : locks_) sum += hash_of(name, lock);
  return sum;
}

}  // namespace lockstep::locks

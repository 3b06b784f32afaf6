// Holds: from a grant to a release, a loss or an operator's hand.
#include "protocol/client_core/holds.hpp"

#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::client_core {

std::optional<FencingToken> Holds::token_of(const std::string& name) const {
  const auto found = held_.find(name);
  if (found == held_.end()) return std::nullopt;
  return found->second;
}

std::optional<LossReason> Holds::loss_of(const std::string& name) const {
  const auto found = lost_.find(name);
  if (found == lost_.end()) return std::nullopt;
  return found->second;
}

void Holds::hold(const std::vector<std::string>& names, FencingToken token) {
  for (const std::string& name : names) {
    const auto newer = token_of(name);
    if (newer && *newer > token) continue;  // a later grant was heard of first
    if (gave_up_) {
      lost_.insert_or_assign(name, LossReason::kClosed);
    } else {
      held_.insert_or_assign(name, token);
      lost_.erase(name);
    }
  }
  // An operator took something since this was granted, and its answer was long under way.
  if (token.value() < forced_at_.value()) must_verify_ = true;
}

void Holds::released(const std::string& name) { held_.erase(name); }

bool Holds::taken(const std::string& name, FencingToken token) {
  const auto found = held_.find(name);
  if (found == held_.end() || found->second != token) return false;
  held_.erase(found);
  return true;
}

std::vector<OwnedLock> Holds::lose_all(LossReason reason) {
  std::vector<OwnedLock> locks;
  locks.reserve(held_.size());
  lost_.clear();
  for (const auto& [name, token] : std::exchange(held_, {})) {
    lost_.emplace(name, reason);
    locks.push_back({name, token});
  }
  return locks;
}

bool Holds::give_up() { return !std::exchange(gave_up_, true); }

bool Holds::end_session() { return std::exchange(gave_up_, false); }

bool Holds::was_forced(LogIndex at) {
  if (at <= forced_at_) return false;
  forced_at_ = at;
  return true;
}

bool Holds::must_verify() { return std::exchange(must_verify_, false); }

void Holds::check_invariants() const {
  INVARIANT(!gave_up_ || held_.empty(), "after a Close nothing counts as held");
  for (const auto& entry : lost_) INVARIANT(!held_.contains(entry.first), "a name is held or lost");
}

}  // namespace lockstep::client_core

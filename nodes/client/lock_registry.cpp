// Follows a client's lease events, and tells the owners of locks on the callback thread.
#include "nodes/client/lock_registry.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/overloaded.hpp"

namespace lockstep {

LockRegistry::Id LockRegistry::add(std::vector<std::string> names, FencingToken token) {
  locks_.emplace(++last_, WatchedLock{std::move(names), token, {}, {}, {}});
  return last_;
}

LockLook LockRegistry::look(Id id) const {
  const auto found = locks_.find(id);
  if (found != locks_.end() && found->second.at_loss.lost) return found->second.at_loss;
  return {std::nullopt, safe_until_};
}

void LockRegistry::on_lost(Id id, OnLost&& callback) {
  const auto found = locks_.find(id);
  if (found == locks_.end()) return;
  if (const auto reason = found->second.at_loss.lost) {
    callbacks_->post(id, [callback = std::move(callback), reason = *reason] { callback(reason); });
  } else {
    found->second.on_lost.push_back(std::move(callback));
  }
}

void LockRegistry::on_warning(Id id, Duration before, OnWarning&& callback) {
  const auto found = locks_.find(id);
  if (found != locks_.end()) found->second.warnings.push_back({before, std::move(callback)});
}

void LockRegistry::lose(Id id, LossReason reason) {
  if (const auto found = locks_.find(id); found != locks_.end()) lose(id, found->second, reason);
}

void LockRegistry::lose_all(LossReason reason) {
  for (auto& [id, lock] : locks_) lose(id, lock, reason);
}

void LockRegistry::lose(Id id, WatchedLock& lock, LossReason reason) {
  if (lock.at_loss.lost) return;
  lock.at_loss = {reason, safe_until_};
  // Nobody is warned any more. What the callbacks own goes on the callback thread, since the mutex is held here.
  if (!lock.warnings.empty()) callbacks_->post(id, [dropped = std::exchange(lock.warnings, {})] {});
  for (OnLost& callback : std::exchange(lock.on_lost, {})) {
    callbacks_->post(id, [callback = std::move(callback), reason] { callback(reason); });
  }
}

// Without one of its names a lock is not what was asked for.
void LockRegistry::lose(const std::vector<OwnedLock>& gone, LossReason reason) {
  for (auto& [id, lock] : locks_) {
    const WatchedLock& held = lock;
    const bool is_its_own = std::any_of(gone.begin(), gone.end(), [&](const OwnedLock& one) {
      return one.token == held.token && std::binary_search(held.names.begin(), held.names.end(), one.name);
    });
    if (is_its_own) lose(id, lock, reason);
  }
}

void LockRegistry::apply(const LeaseEvent& event) {
  std::visit(Overloaded{[&](const LeaseRenewed& renewed) { safe_until_ = renewed.safe_until; },
                        [&](const LeaseLost& lost) { lose(lost.locks, lost.reason); },
                        [&](const LocksForced& forced) { lose(forced.locks, LossReason::kForced); }},
             event);
}

void LockRegistry::warn(Time now, std::optional<Time> safe_until) {
  if (!safe_until) return;
  for (auto& [id, lock] : locks_) {
    for (Warning& warning : lock.warnings) {
      if (warning.told_of == safe_until || *safe_until - warning.before > now) continue;
      warning.told_of = safe_until;
      callbacks_->post(id, [callback = warning.callback, left = *safe_until - now] { callback(left); });
    }
  }
}

Time LockRegistry::next_warning(std::optional<Time> safe_until) const {
  Time next = Time::max();
  if (!safe_until) return next;
  for (const auto& [id, lock] : locks_) {
    for (const Warning& warning : lock.warnings) {
      if (warning.told_of != safe_until) next = std::min(next, *safe_until - warning.before);
    }
  }
  return next;
}

}  // namespace lockstep

// Adds at the end, removes anywhere, and counts what stands before.
#include "protocol/locks/wait_queue.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/locks/lock_table.hpp"

namespace lockstep::locks {

std::size_t WaitQueue::before(const Waiter& waiter) const {
  const auto has_lower_id = [](const Waiter* queued, WaiterId id) { return queued->id < id; };
  const auto found = std::lower_bound(begin(), end(), waiter.id, has_lower_id);
  INVARIANT(found != end() && *found == &waiter, "a waiter is in the queue of every lock it waits for");
  return static_cast<std::size_t>(found - begin());
}

void WaitQueue::push(const Waiter& waiter) {
  INVARIANT(empty() || back().id < waiter.id, "waiters queue in the order of the log");
  waiters_.push_back(&waiter);
}

void WaitQueue::remove(const Waiter& waiter) {
  const std::size_t place = before(waiter);
  if (place != 0) {
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(first_ + place));
    return;
  }
  ++first_;
  if (empty()) {
    clear();
  } else if (first_ > waiters_.size() / 2) {  // so that moving costs no more than the removals did
    waiters_.erase(waiters_.begin(), waiters_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void WaitQueue::clear() {
  waiters_ = {};
  first_ = 0;
}

}  // namespace lockstep::locks

// Those who wait for one lock, in the order of the entries that queued them: strictly first in, first out.
//
// Points to the waiters, which the lock table owns. Empty, it owns no memory: most locks are never
// waited for. Taking the first costs nothing, leaving from the middle a move of what is behind.
#pragma once

#include <cstddef>
#include <vector>

#include "protocol/base/types.hpp"

namespace lockstep::locks {

struct Waiter;

class WaitQueue {
 public:
  using Iterator = std::vector<const Waiter*>::const_iterator;

  bool empty() const { return first_ == waiters_.size(); }
  std::size_t size() const { return waiters_.size() - first_; }
  Iterator begin() const { return waiters_.begin() + static_cast<std::ptrdiff_t>(first_); }
  Iterator end() const { return waiters_.end(); }
  const Waiter& front() const { return *waiters_[first_]; }
  const Waiter& back() const { return *waiters_.back(); }
  // How many are before this one, which must be in the queue.
  std::size_t before(const Waiter& waiter) const;
  const Waiter& at(std::size_t place) const { return *waiters_[first_ + place]; }

  // Must have been queued after all others.
  void push(const Waiter& waiter);
  void remove(const Waiter& waiter);
  void clear();

 private:
  std::vector<const Waiter*> waiters_;
  std::size_t first_ = 0;  // those before it have left
};

}  // namespace lockstep::locks

// The last grants that ended, oldest first: one ring for all names, the same on every node.
//
// Part of the replicated state and of its hash, since its answers come from any node. Only what is over is
// in it; who holds what now is the lock table's.
// Invariant: positions rise by one, so that a reader that comes back sees whether it missed something.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "protocol/locks/views.hpp"

namespace lockstep::locks {

class History {
 public:
  explicit History(const Bounds& bounds = {}) : max_size_(bounds.history), page_bytes_(bounds.page_bytes) {}

  // Gives the event its position, and forgets the oldest if there are Bounds::history.
  void add(HistoryEvent event);
  // An event as it was in another history, in order of position.
  void restore(HistoryEvent event);

  // Events after `after` (0: all), of one name or, if that is empty, of all, at most `limit`, oldest first.
  Page<HistoryEvent> read(std::string_view name, std::uint64_t after, std::size_t limit) const;

  std::vector<HistoryEvent> all() const;
  std::size_t size() const { return ring_.size(); }
  std::uint64_t hash() const { return hash_; }
  std::uint64_t recomputed_hash() const;  // from every record: what hash() must equal

 private:
  struct Kept {
    HistoryEvent event;
    std::uint64_t hash = 0;  // so that forgetting costs nothing
  };
  std::size_t max_size_;
  std::size_t page_bytes_;
  std::deque<Kept> ring_;
  std::uint64_t last_position_ = 0;
  std::uint64_t hash_ = 0;
};

}  // namespace lockstep::locks

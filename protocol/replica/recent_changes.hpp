// What the last entries did to locks, for those who watch: as far back as there is room.
//
// Entries are given out whole: a watcher never has half of what one entry did.
// A value: copyable, not thread-safe.
#pragma once

#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/locks/views.hpp"

namespace lockstep {

class RecentChanges {
 public:
  explicit RecentChanges(std::size_t max_size) : max_size_(max_size) {}

  // The changes of one entry, a later one than any before.
  void add(std::vector<locks::LockChange> entry);

  // Nothing before `floor`, or at it, is known.
  void restart(LogIndex floor);

  struct Part {
    std::vector<locks::LockChange> changes;
    std::optional<LogIndex> last;  // not complete: the last entry included, and there are more
  };
  // The changes after `from` of names that start with `prefix`, at most `limit`. None: not all are known any
  // more, or one entry alone has more than `limit`.
  std::optional<Part> after(LogIndex from, std::string_view prefix, std::size_t limit) const;

 private:
  std::size_t max_size_;
  LogIndex floor_;  // all changes after it are here
  std::deque<locks::LockChange> changes_;
};

}  // namespace lockstep

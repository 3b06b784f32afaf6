// The replicated log in memory: entries from index 1 on.
//
// It knows positions and terms, not meaning: what is committed, verified or durable is the concern of
// its users. Index 0 stands before the first entry, has term 0 and always matches.
// Snapshots will cut its front off; until then it holds everything.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "protocol/raft/entry.hpp"

namespace lockstep::raft {

class Log {
 public:
  Log() = default;
  explicit Log(std::vector<Entry> entries);

  LogIndex last_index() const { return LogIndex(entries_.size()); }
  Term last_term() const { return term_at(last_index()); }
  WallTime last_time() const;
  bool contains(LogIndex index) const { return index.value() != 0 && index <= last_index(); }
  const Entry& at(LogIndex index) const;  // index must be contained
  Term term_at(LogIndex index) const;     // 0 for index 0; index must be contained otherwise

  // Whether the entry at `index` is of `term`: the consistency check of Raft section 5.3.
  bool matches(LogIndex index, Term term) const;
  // The last index at or below `from` whose term is not above `term`: where two logs may yet agree (R7).
  LogIndex last_not_above(LogIndex from, Term term) const;
  // Raft section 5.4.1: is a log that ends with (index, term) at least as complete as this one?
  bool is_up_to_date(LogIndex index, Term term) const;

  void append(Entry entry);
  void truncate_from(LogIndex first);  // drops `first` and everything after it

  // Entries after `after`, up to `max_bytes` of them, but at least one if there is one.
  std::vector<Entry> slice(LogIndex after, std::size_t max_bytes) const;

 private:
  std::deque<Entry> entries_;  // entries_[i] has index i + 1
};

}  // namespace lockstep::raft

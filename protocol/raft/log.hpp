// The replicated log in memory: the entries that follow its base.
//
// The base is entry 0, before the first, which has term 0; or the last of those entries that a snapshot stands
// for and that were dropped. It knows positions and terms, not meaning: what is committed, verified or durable
// is the concern of its users, who drop only what is committed.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "protocol/raft/entry.hpp"

namespace lockstep::raft {

class Log {
 public:
  Log() = default;
  explicit Log(std::vector<Entry> entries, EntryId base = {}, WallTime base_time = {});

  const EntryId& base() const { return base_; }
  LogIndex last_index() const { return base_.index + entries_.size(); }
  Term last_term() const { return term_at(last_index()); }
  WallTime last_time() const { return entries_.empty() ? base_time_ : entries_.back().time; }
  bool contains(LogIndex index) const { return index > base_.index && index <= last_index(); }
  const Entry& at(LogIndex index) const;  // index must be contained
  Term term_at(LogIndex index) const;     // of the base, or of an entry that is contained

  // Whether the entry at `index` is of `term`: the consistency check of Raft section 5.3. Whatever is below the
  // base is committed, so it matches for everyone who may ask (S3).
  bool matches(LogIndex index, Term term) const;
  // The last index at or below `from` whose term is not above `term`: where two logs may yet agree (R7). Not
  // below the base, whatever its term.
  LogIndex last_not_above(LogIndex from, Term term) const;
  // Raft section 5.4.1: is a log that ends with (index, term) at least as complete as this one?
  bool is_up_to_date(LogIndex index, Term term) const;

  void append(Entry entry);
  void truncate_from(LogIndex first);  // drops `first` and everything after it
  void drop_through(LogIndex last);    // drops `last`, which is contained, and everything before it

  // Entries after `after`, up to `max_bytes` of them, but at least one if there is one.
  std::vector<Entry> slice(LogIndex after, std::size_t max_bytes) const;

 private:
  EntryId base_;
  WallTime base_time_{};
  std::deque<Entry> entries_;  // entries_[i] has index base + 1 + i
};

}  // namespace lockstep::raft

// Positions and terms of the log in memory (Raft sections 5.3 and 5.4.1, R7).

#include "protocol/raft/log.hpp"

#include <algorithm>
#include <iterator>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

Log::Log(std::vector<Entry> entries, EntryId base, WallTime base_time)
    : base_(base),
      base_time_(base_time),
      entries_(std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end())) {}

const Entry& Log::at(LogIndex index) const {
  INVARIANT(contains(index), "only an entry that the log holds can be read");
  return entries_[index - base_.index - 1];
}

Term Log::term_at(LogIndex index) const { return index == base_.index ? base_.term : at(index).term; }

bool Log::matches(LogIndex index, Term term) const {
  return index < base_.index || (index <= last_index() && term_at(index) == term);
}

LogIndex Log::last_not_above(LogIndex from, Term term) const {
  LogIndex index = std::min(from, last_index());
  while (index > base_.index && term_at(index) > term) index = index.previous();
  return std::max(index, base_.index);
}

bool Log::is_up_to_date(LogIndex index, Term term) const {
  return term > last_term() || (term == last_term() && index >= last_index());
}

void Log::append(Entry entry) {
  INVARIANT(entry.term >= last_term(), "terms never fall along a log");
  entries_.push_back(std::move(entry));
}

void Log::truncate_from(LogIndex first) {
  INVARIANT(contains(first), "only what is there can be dropped");
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(first - base_.index - 1), entries_.end());
}

void Log::drop_through(LogIndex last) {
  const Entry& entry = at(last);
  const EntryId base{last, entry.term};
  base_time_ = entry.time;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(last - base_.index));
  base_ = base;
}

std::vector<Entry> Log::slice(LogIndex after, std::size_t max_bytes) const {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (LogIndex index = after.next(); index <= last_index(); index = index.next()) {
    const Entry& entry = at(index);
    bytes += size_of(entry);
    if (!entries.empty() && bytes > max_bytes) break;
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace lockstep::raft

// What a leader has appended that is not committed yet, and how much of the log it has published (R14, R15).
//
// It owns the place up to which everything was broadcast once, and what bounds a leader: the bytes of uncommitted
// entries, beyond which proposals are answered Busy, and the broadcasts with uncommitted entries, beyond which nothing
// more is published.
// Invariant: the bytes are those of the entries after the commit index; every frame ends after the commit index, and
// not after what was published.
//
// It holds no entries and knows no bounds: both are passed in. A value, made again in each term.
#pragma once

#include <cstddef>
#include <deque>

#include "protocol/base/types.hpp"
#include "protocol/raft/log.hpp"

namespace lockstep::raft {

class Backlog {
 public:
  // Of a leader that has appended nothing itself: what the log holds counts as published.
  Backlog(const Log& log, LogIndex commit);

  LogIndex published() const { return published_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t frames() const { return frames_.size(); }

  void appended(const Entry& entry);
  // Everything up to `last` was broadcast.
  void published_through(LogIndex last, LogIndex commit);
  // The log begins after this index: there is nothing to publish up to there.
  void skip_through(LogIndex base);
  // The commit index is about to go from `from` to `to`.
  void committed(const Log& log, LogIndex from, LogIndex to);

  // All that was appended is committed.
  bool is_idle() const { return bytes_ == 0 && frames_.empty(); }

  void check_invariants(const Log& log, LogIndex commit) const;

 private:
  LogIndex published_;
  std::deque<LogIndex> frames_;  // last index of each broadcast that is not committed yet
  std::size_t bytes_ = 0;
};

}  // namespace lockstep::raft

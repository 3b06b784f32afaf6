// R3: up to which index the log is on this node's disk, exactly.
//
// Writes become durable one by one and late. A truncation lowers the durable index at once. A write that
// was still under way when entries of it were replaced never counts for those when it is persisted: what
// it made durable is no longer what the log says. Writes count in the order they were asked, so a gap
// is never skipped.
// Invariant: writes are numbered in the order they were asked, and the oldest of those kept here is not done.
#pragma once

#include <deque>
#include <optional>

#include "protocol/base/types.hpp"

namespace lockstep::raft {

class Durability {
 public:
  explicit Durability(LogIndex restored) : durable_(restored) {}

  // The log is durable up to and including this index.
  LogIndex index() const { return durable_; }

  // Entries [first, last] were handed to the disk as part of `write`. A write without entries has last < first, or both
  // none.
  void started(WriteId write, LogIndex first, LogIndex last, Time now);
  // The log dropped `first` and everything after it.
  void truncated_from(LogIndex first);
  // The disk says `write` is durable. A late or repeated word about an unknown write changes nothing.
  void persisted(WriteId write);

  // Since when the disk has had the oldest unfinished write; none if there is no such write (R14).
  std::optional<Time> waiting_since() const;

  // `last_index` is the log's: nothing beyond it counts, now or later.
  void check_invariants(LogIndex last_index) const;

 private:
  friend struct Inside;  // of the explorer
  struct UnfinishedWrite {
    WriteId id;
    LogIndex first;
    LogIndex last;  // of what the log still says; below `first` if all of it was replaced
    Time since{};
    bool is_done = false;
  };
  std::deque<UnfinishedWrite> unfinished_;
  LogIndex durable_;
};

}  // namespace lockstep::raft

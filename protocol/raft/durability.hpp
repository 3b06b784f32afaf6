// R3: up to which index the log is on this node's disk, exactly.
//
// Writes complete one by one and late. A truncation lowers the durable index at once, and a write that
// was still under way when entries of it were replaced never counts for those when it completes: what
// it made durable is no longer what the log says. Writes count in the order they were asked, so a gap
// is never skipped.
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

  // Entries [first, last] were handed to the disk as part of `write`. A write without entries has last < first.
  void started(WriteId write, LogIndex first, LogIndex last, Time now);
  // The log dropped `first` and everything after it.
  void truncated_from(LogIndex first);
  // The disk says `write` is durable. Late or repeated completions of unknown writes change nothing.
  void completed(WriteId write);

  // Since when the disk has owed the oldest unfinished write; none if it owes nothing (R14).
  std::optional<Time> waiting_since() const;

 private:
  friend struct Inside;  // of the explorer
  struct Pending {
    WriteId write;
    LogIndex first;
    LogIndex last;  // of what the log still says; below `first` if all of it was replaced
    Time since{};
    bool done = false;
  };
  std::deque<Pending> pending_;
  LogIndex durable_;
};

}  // namespace lockstep::raft

// What the records of a log add up to, read in the order of their batches. The same for a node that starts and for a
// compaction (S6).
//
// A record of index i takes the place of everything from i on, so truncation needs no record of its own. A restart
// record makes all before it void: the log goes on after its index. A log whose front was cut off may begin with any
// index; then nobody has said of which term the entry before it was.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "nodes/storage/log_format.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

struct LogContents {
  raft::EntryId base;                // what the entries follow. Term 0 with another index than 0: not known
  std::vector<raft::Entry> entries;  // from base.index + 1 on
  LogIndex last() const { return base.index + entries.size(); }
};

class LogReplay {
 public:
  // `cut`: the log's front was cut off.
  explicit LogReplay(bool cut) : cut_(cut) {}

  // Takes one batch, whose checksum is right. An error says what makes no sense in it.
  tl::expected<void, std::string> take(const Batch& batch);

  const LogContents& contents() const { return contents_; }
  LogContents take_contents() { return std::move(contents_); }

 private:
  tl::expected<void, std::string> take(Record record);
  bool may_begin_with(LogIndex index) const;
  Term last_term() const;

  bool cut_;
  bool begun_ = false;
  LogContents contents_;
};

}  // namespace lockstep

// One node of the model `install`: the production Raft on a disk that holds snapshots too and completes writes one by
// one, in order and late, and what a Replica makes of it.
//
// A state is the list of the terms of all entries applied, so it says by itself which log it stands for. It is
// written twice into a snapshot, once in each of its two parts: parts of different snapshots do not agree. What a
// Replica does is done here: it installs what came in whole, applies, and counts an installed state as its own when
// Raft says that it is durable.
// Time is abstract, as in raft_node.hpp. A value.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "protocol/raft/raft.hpp"
#include "tests/explore/projection.hpp"

namespace lockstep::explore {

// The terms of entries 1, 2 .. as digits: what tells a log from any other, as entry (index, term) is made once.
using History = std::string;

inline char digit_of(Term term) { return static_cast<char>('0' + term.value()); }
inline History prefix_of(const History& history, std::uint64_t length) { return history.substr(0, length); }
inline LogIndex last_of(const History& history) { return LogIndex(history.size()); }
inline Term term_at(const History& history, std::uint64_t index) {
  return index == 0 ? Term() : Term(static_cast<std::uint64_t>(history[index - 1] - '0'));
}

inline constexpr std::size_t kPartBytes = 12;  // half of a snapshot's state
raft::SharedSnapshot snapshot_of(const History& history);
History history_of(const raft::Snapshot& snapshot);  // Violation if its parts do not belong together

struct SnapshotDisk {
  raft::HardState hard_state;
  History log;                                  // what is below the base is not there: the snapshot stands for it
  LogIndex base;                                // the log on the disk begins after it
  std::vector<raft::SharedSnapshot> snapshots;  // oldest first, at most two
  std::deque<raft::Write> writes;

  enum class Part : std::uint8_t { kNothing, kSnapshot, kLog };  // of one write, in the order in which they are done
  void complete();
  void complete_part(Part part);  // of the oldest
  void keep(raft::SharedSnapshot snapshot);
  // What a node that starts finds: records above the newest snapshot count only if the one at its index has its term.
  SnapshotDisk recovered() const;
};

class InstallNode {
 public:
  InstallNode(NodeId self, SnapshotDisk disk);

  // Events. Each hands to the disk and keeps for take_sent() what comes of it.
  void campaign();
  void propose();
  void receive(raft::Message message);  // a Vote or an answer to a Fetch is to its latest question, if its number is 1
  void persist();
  void crash(std::size_t done, SnapshotDisk::Part part);
  void begin_compaction();
  void end_compaction();

  std::vector<raft::Message> take_sent();
  std::vector<raft::SnapshotRead> take_reads();
  void snapshot_read(const raft::SnapshotRead& read, std::string bytes);
  void project(Projection& out) const;

  const raft::Raft& raft() const { return raft_; }
  const SnapshotDisk& disk() const { return disk_; }
  const History& history() const { return history_; }  // of Raft's log, with what its base stands for
  const History& applied() const { return applied_; }
  LogIndex compacting() const { return compacting_; }

 private:
  void restart();
  void let_time_pass();
  void take_output();
  void take_snapshot(raft::SharedSnapshot snapshot);
  void follow_log();
  void apply();
  void check_sent(const raft::Message& message) const;
  void check() const;

  SnapshotDisk disk_;
  Time clock_{};
  CallNumber vote_call_;
  CallNumber fetch_call_;
  std::vector<raft::Message> sent_;
  std::vector<raft::SnapshotRead> reads_;
  raft::Raft raft_;
  History history_;
  History applied_;
  std::optional<History> next_state_;  // of a snapshot on its way to the disk
  LogIndex compacting_;                // up to where; none: it is not
};

}  // namespace lockstep::explore

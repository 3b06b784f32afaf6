// One node of the model `install`: a disk that holds snapshots too, and what a Replica makes of them.
//
// A state is the list of the terms of all entries applied, so it says by itself which log it stands for. It is
// written twice into a snapshot, once in each of its two parts: parts of different snapshots do not agree. What a
// Replica does is done here: it installs what came in whole, applies, and counts an installed state as its own when
// Raft says that it is durable. All this follows every event; what leaves, for the disk too, leaves when a turn ends.
#pragma once

#include <optional>
#include <vector>

#include "tests/explore/timeless_node.hpp"

namespace lockstep::explore {

struct SnapshotDisk : LateDisk {
  LogShape log;                     // what is below the base is not there: the snapshot stands for it
  LogIndex base;                    // the log on the disk begins after it
  std::vector<LogShape> snapshots;  // what each stands for; oldest first, at most two

  void complete();
  void complete_part(Part part);  // of the oldest
  void keep(LogShape snapshot);
  // What a node that starts finds: records above the newest snapshot count only if the one at its index has its term.
  bool log_agrees() const;
  LogShape recovered_log() const { return log_agrees() ? log : snapshots.back(); }
  void recover();
};

class InstallNode : public TimelessNode {
 public:
  InstallNode(NodeId self, SnapshotDisk disk, std::uint64_t turn);  // so many events of one turn

  void happen(const Event& event, LogShape log);  // `log` is that of the leader of a message's term
  Facts facts() const;
  void check(const Facts& facts) const;
  void check_answers() const;  // whoever asks, and whatever: it changes nothing on the leader
  void check_since(const InstallNode& before, const Event& event) const;
  void project(Projection& out) const;

 private:
  void persist();
  void persist_all();
  void crash(std::size_t done, Part part);
  void begin_compaction();
  void end_compaction();
  void follow();
  void end_turn();
  void take_snapshot(raft::SharedSnapshot snapshot);
  void follow_log();
  void apply();
  void check_answer_to(const raft::Fetch& fetch) const;

  std::uint64_t turn_;
  std::uint64_t events_of_turn_ = 0;
  SnapshotDisk disk_;
  LogShape history_;  // of Raft's log, with what its base stands for
  LogShape applied_;
  std::optional<LogShape> next_state_;  // of a snapshot on its way to the disk
  LogIndex compacting_;                 // up to where; none: it is not
};

}  // namespace lockstep::explore

// What a node's disk holds, as values instead of bytes: the contract of raft::Write and of compaction, in the
// fewest lines. RaftWorld, ReplicaWorld and the simulator store with it; when a write completes, or is lost, is theirs.
// A MemoryDisk holds bytes, below the production storage.
#pragma once

#include <optional>
#include <vector>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::testing {

class ModelDisk {
 public:
  ModelDisk() = default;
  explicit ModelDisk(NodeId node) { durable_.node = node; }
  explicit ModelDisk(raft::Restored durable) : durable_(std::move(durable)) {
    if (durable_.snapshot) snapshots_.push_back(durable_.snapshot);
  }

  // What a process would start from.
  const raft::Restored& durable() const { return durable_; }
  LogIndex last_index() const { return durable_.base.index + durable_.entries.size(); }
  // The entry is on the disk, or a snapshot that stands for it.
  bool has(LogIndex index, Term term) const {
    if (index < durable_.base.index) return true;
    if (index == durable_.base.index) return term == durable_.base.term;
    return index <= last_index() && durable_.entries[index - durable_.base.index - 1].term == term;
  }
  // One that can be read still; none: it is gone.
  raft::SharedSnapshot snapshot_at(LogIndex index) const {
    for (const raft::SharedSnapshot& snapshot : snapshots_) {
      if (snapshot->head.index == index) return snapshot;
    }
    return nullptr;
  }
  const std::vector<raft::SharedSnapshot>& snapshots() const { return snapshots_; }  // at most two, the newest is last

  // A crash may leave the parts of a write in this order, and only the first of them.
  void make_durable(const raft::Write& write) {
    make_snapshot_durable(write);
    make_entries_durable(write);
    if (write.hard_state) durable_.hard_state = *write.hard_state;
  }
  // S3: it takes the place of the whole log.
  void make_snapshot_durable(const raft::Write& write) {
    if (!write.snapshot) return;
    durable_.entries.clear();
    durable_.base = {write.snapshot->head.index, write.snapshot->head.term};
    keep(write.snapshot);
  }
  void make_entries_durable(const raft::Write& write) {
    if (write.entries.empty()) return;
    INVARIANT(write.first > durable_.base.index && write.first <= last_index().next(),
              "a write leaves no gap in the log");
    durable_.entries.resize(write.first - durable_.base.index - 1);
    durable_.entries.insert(durable_.entries.end(), write.entries.begin(), write.entries.end());
  }

  // S6: "keep two; keep the log back to the older one".
  void compacted(const raft::SharedSnapshot& snapshot) {
    if (durable_.snapshot && snapshot->head.index <= durable_.snapshot->head.index) return;
    keep(snapshot);
    if (snapshots_.size() < 2) return;
    const raft::SnapshotHead& older = snapshots_.front()->head;
    if (older.index <= durable_.base.index) return;
    const auto dropped = static_cast<std::ptrdiff_t>(older.index - durable_.base.index);
    durable_.entries.erase(durable_.entries.begin(), durable_.entries.begin() + dropped);
    durable_.base = {older.index, older.term};
  }

  // Rot in the newest snapshot: the one before it serves, and the log since. False: there is none, or the log does not
  // reach back to it.
  bool lose_newest_snapshot() {
    if (snapshots_.size() < 2 || snapshots_.front()->head.index < durable_.base.index) return false;
    snapshots_.pop_back();
    durable_.snapshot = snapshots_.back();
    return true;
  }
  raft::HardState& hard_state() { return durable_.hard_state; }
  // Acknowledged data was damaged (S2): entries after `last`, which the newest snapshot does not reach beyond.
  void lose_entries_after(LogIndex last) { durable_.entries.resize(last - durable_.base.index); }

 private:
  void keep(const raft::SharedSnapshot& snapshot) {
    durable_.snapshot = snapshot;
    snapshots_.push_back(snapshot);
    if (snapshots_.size() > 2) snapshots_.erase(snapshots_.begin());
  }

  raft::Restored durable_;
  std::vector<raft::SharedSnapshot> snapshots_;  // the newest is last
};

}  // namespace lockstep::testing

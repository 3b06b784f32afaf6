// One node's disk: what is on it, and what is on its way there.
//
// Writes become durable one by one, in the order they were asked. A crash loses those still on their
// way, except a prefix of them; of the write after that prefix the first parts may survive without the
// rest, which is what raft::Write allows.
#pragma once

#include <deque>

#include "protocol/base/random.hpp"
#include "protocol/replica/fold.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/support/model_disk.hpp"

namespace lockstep::simulation {

class SimDisk {
 public:
  explicit SimDisk(NodeId node) : disk_(node) {}

  const raft::Restored& durable() const { return disk_.durable(); }
  LogIndex last_index() const { return disk_.last_index(); }
  bool has(LogIndex index, Term term) const { return disk_.has(index, term); }
  bool has_entry_1() const { return durable().snapshot || !durable().entries.empty(); }

  std::size_t outstanding() const { return outstanding_.size(); }
  void submit(raft::Write write) { outstanding_.push_back(std::move(write)); }
  // The oldest outstanding write is durable now.
  WriteId complete_oldest();

  // Folds what is on it, and makes the snapshot durable. None: a newer one was installed meanwhile.
  std::optional<raft::SnapshotHead> compact(const Compaction& wanted);
  std::string read(const raft::SnapshotRead& read) const;

  void crash(Random& random, Coverage& coverage);
  // Another disk takes its place: a new node.
  void wipe(NodeId node) { *this = SimDisk(node); }
  // S2: acknowledged data is damaged. Of the entries only some are left, at least up to `kept`, and recovery has
  // noted up to which index there may have been more. What a snapshot stands for is not lost, unless the snapshot is
  // damaged as well, and then the older one serves.
  void damage(Random& random, LogIndex kept, Coverage& coverage);

 private:
  void note_highest() { highest_ever_ = std::max(highest_ever_, disk_.last_index()); }

  testing::ModelDisk disk_;
  LogIndex highest_ever_;  // index that was ever written here, replaced or not
  std::deque<raft::Write> outstanding_;
};

}  // namespace lockstep::simulation

// One node's disk: what is on it, and what is on its way there.
//
// Writes become durable one by one, in the order they were asked. A crash loses those still on their
// way, except a prefix of them; of the write after that prefix the entries may survive without the
// hard state, which is what raft::Write allows.
#pragma once

#include <deque>

#include "protocol/base/random.hpp"
#include "protocol/raft/entry.hpp"
#include "tests/simulation/coverage.hpp"

namespace lockstep::simulation {

class SimDisk {
 public:
  explicit SimDisk(NodeId node) { durable_.node = node; }

  const raft::Restored& durable() const { return durable_; }
  bool has(LogIndex index, Term term) const {
    return index.value() <= durable_.entries.size() && durable_.entries[index.value() - 1].term == term;
  }

  std::size_t outstanding() const { return outstanding_.size(); }
  void submit(raft::Write write) { outstanding_.push_back(std::move(write)); }
  // The oldest outstanding write is durable now.
  WriteId complete_oldest();

  void crash(Random& random, Coverage& coverage);
  // Another disk takes its place: a new node.
  void wipe(NodeId node) { *this = SimDisk(node); }
  // S2: acknowledged data is damaged. Of the entries only some, at least `kept`, are left, and recovery has
  // noted up to which index there may have been more.
  void damage(Random& random, std::size_t kept);

 private:
  void make_durable(const std::vector<raft::Entry>& entries, LogIndex first);

  raft::Restored durable_;
  LogIndex highest_ever_;  // index that was ever written here, replaced or not
  std::deque<raft::Write> outstanding_;
};

}  // namespace lockstep::simulation

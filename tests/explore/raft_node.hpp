// One node of the models `replication` and `repair`: the production Raft on a disk that completes writes one by one, in
// order and late.
//
// Raft and not Replica: what replication promises is Raft's alone, and a Replica adds clients, barriers and a state
// machine, which would multiply the states without adding a behaviour of the log.
//
// Time is abstract. Every timeout may pass at any moment, since elections, campaigns and steps down are events; a
// request for a vote always comes when no leader was heard for long, so R9's protection prunes nothing. A pre-vote
// is granted whenever the node asks: it changes nothing at those who are asked, and guards no promise.
// A value, like what it holds.
#pragma once

#include <deque>
#include <vector>

#include "protocol/raft/raft.hpp"
#include "tests/explore/projection.hpp"

namespace lockstep::explore {

// What is on a disk, and what was asked of it since.
struct Disk {
  raft::HardState hard_state;
  std::vector<raft::Entry> entries;
  LogIndex highest;  // ever written
  std::deque<raft::Write> writes;

  void complete(std::size_t count);
  void complete_entries_of_next();  // within one write the entries come first
};

class RaftNode {
 public:
  explicit RaftNode(NodeId self);  // formed, with entry 1

  // Events. Each hands to the disk and keeps for take_sent() what comes of it.
  void campaign();                          // a timeout, and then a quorum that would grant votes
  void lose_quorum();                       // of a leader: a timeout without answers
  void propose();                           // of a leader
  void receive(raft::Message message);      // to this node; a Vote or an answer to a Fetch is to its latest question
  void persist();                           // the oldest write is done, and the node hears it
  void crash(std::size_t done, bool half);  // so many of the writes got to the disk; of the next, perhaps the entries
  void damage(LogIndex kept);               // S2: the log beyond is found damaged at a restart

  // What left the node since the last call. Violation if anything left before what it says was on the disk.
  std::vector<raft::Message> take_sent();
  void project(Projection& out) const;

  const raft::Raft& raft() const { return raft_; }
  const Disk& disk() const { return disk_; }

 private:
  void restart();
  void let_time_pass();
  void take_output();
  void check_sent(const raft::Message& message) const;

  Disk disk_;
  Time clock_{};
  CallNumber vote_call_;   // of the latest request for votes
  CallNumber fetch_call_;  // of the latest Fetch
  std::vector<raft::Message> sent_;
  raft::Raft raft_;
};

}  // namespace lockstep::explore

// One node of the models `replication` and `repair`: a log that is whole, and a disk that may be found damaged (S2).
#pragma once

#include <vector>

#include "tests/explore/timeless_node.hpp"

namespace lockstep::explore {

struct Disk : LateDisk {
  std::vector<raft::Entry> entries;
  LogIndex highest;  // ever written

  void complete(std::size_t count);
  void complete_entries_of_next();  // within one write the entries come first
};

class RaftNode : public TimelessNode {
 public:
  explicit RaftNode(NodeId self);  // formed, with entry 1

  void happen(const Event& event, LogShape log);  // `log` is that of the leader of an Append's term
  Facts facts() const;
  void check(const Facts& facts) const { check_state(disk_, facts); }
  void check_answers() const;  // what any Fetch is answered, whoever asks: it changes nothing on the leader
  void check_since(const RaftNode& before, const Event& event) const;
  void project(Projection& out) const;

 private:
  void lose_quorum();                       // of a leader: a timeout without answers
  void persist();                           // the oldest write is done, and the node hears it
  void crash(std::size_t done, Part part);  // so many of the writes got to the disk; of the next, perhaps the entries
  void damage(LogIndex kept);               // S2: the log beyond is found damaged at a restart
  void restart();
  void take_output();

  Disk disk_;
};

}  // namespace lockstep::explore

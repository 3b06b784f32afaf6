// A follower: takes its leader's entries, asks for what it misses, acknowledges what it has (R2 to R4, R7, R8, S3).
//
// It owns what only a follower needs, of one term's leader: who that is, the outstanding Fetch, the Appends ahead of a
// gap, and what is to be acknowledged. All of it is gone when the role or the leader changes.
//
// Repair by pulling: its question is "my entry at this index is of this term". The leader sends what follows if it has
// the same entry, else names an earlier point where the two logs may agree. One Fetch is outstanding at a time, and
// only its answer moves the next question. So late answers cannot make it jump about.
//
// It changes no role: Raft does. It acknowledges only what is verified and durable (R3).
// A value.
#pragma once

#include <optional>

#include "protocol/raft/ahead_buffer.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/raft/node_state.hpp"

namespace lockstep::raft {

class Follower {
 public:
  NodeId leader() const { return leader_; }  // none: not known

  // Whom it follows. A term has one leader, so it never becomes another.
  void adopt_leader(NodeState& node, NodeId leader);
  // Somebody named the leader of our term: ask it where we stand. Only hearing it restarts the election timer.
  void take_hint(NodeState& node, Time now, NodeId leader);

  // Messages of the leader that it follows.
  void on_append(NodeState& node, Time now, const Append& append);
  void on_snapshot_part(NodeState& node, Time now, const SnapshotPart& part);

  // S3: the whole log is dropped and goes on after the snapshot.
  void install(NodeState& node, Time now, SharedSnapshot snapshot);
  // More became durable, or may be acknowledged at last.
  void note_ack_due() { ack_due_ = true; }
  // When nothing holds back what leaves (R1).
  void send_ack_if_due(NodeState& node);

  // Asks again for what did not come, or, after a silence, whether it misses anything (R8).
  void tick(NodeState& node, Time now);
  Time next_deadline() const;

  // It misses nothing, and asks for nothing. Under repair it owes its acknowledgement until that is over (S2).
  bool is_idle(const NodeState& node) const {
    return !fetch_ && ahead_.is_idle() && (!ack_due_ || node.is_repairing());
  }
  void check_invariants(const NodeState& node) const;

 private:
  friend struct Inside;  // of the explorer
  struct OutstandingFetch {
    CallNumber number;
    LogIndex index;
    Duration patience{};
    Time deadline{};
  };

  void heard_leader(NodeState& node, Time now);
  void drain_ahead(NodeState& node);
  void note_ack_due_for(const NodeState& node, const Append& append);
  void on_fetch_answer(NodeState& node, Time now, const Append& append);
  void take_part(NodeState& node, Time now, const SnapshotPart& part);
  void go_on_after_snapshot(NodeState& node, Time now);
  void start_fetch(NodeState& node, Time now, LogIndex index);
  void repeat_fetch(NodeState& node, Time now);
  void send_fetch(NodeState& node, Time now, LogIndex index, Duration patience);

  NodeId leader_;
  std::optional<OutstandingFetch> fetch_;
  AheadBuffer ahead_;
  LogIndex leader_last_;  // the highest index this term's leader was seen to have
  bool ack_due_ = false;
  Round round_;  // the latest round heard
  Round acked_round_;
  Time silence_probe_{};  // when to fetch if the leader stays silent (R8)
};

}  // namespace lockstep::raft

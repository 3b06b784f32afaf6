// A leader: appends, publishes once to everyone, counts acknowledgements, answers Fetches and barriers (R4 to R7, L2).
//
// It owns what only a leader needs, for one term: the progress of its peers, its backlog, and its rounds. There is no
// next index and no send state per follower: a follower that misses something pulls it with Fetch.
// Invariant: from its no-op on, the log holds entries of its own term only, and of those only does it count copies
// (R6).
//
// It changes no role: Raft does. It counts itself by what its own disk has, like everyone.
// A value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/raft/backlog.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/raft/node_state.hpp"
#include "protocol/raft/progress.hpp"
#include "protocol/raft/rounds.hpp"

namespace lockstep::raft {

class Leader {
 public:
  // Begins to lead the node's term: appends its no-op.
  Leader(NodeState& node, Time now);

  Proposed propose(NodeState& node, Now now, std::string command);
  // The barrier waits for a round, and for its index, which is set here. Its sessions count as renewed on arrival (L2).
  void ask_barrier(NodeState& node, ReadyBarrier barrier);

  // Messages of others, of this term.
  void on_ack(NodeState& node, Time now, NodeId from, const Ack& ack);
  void on_fetch(NodeState& node, ConnectionId connection, NodeId from, const Fetch& fetch);
  void on_forward(NodeState& node, Now now, ConnectionId connection, NodeId from, const Forward& forward);

  // More of its own log is durable.
  void persisted(NodeState& node);
  // Publishes what is new, or, when it is time or something must be heard of, that nothing is.
  void publish(NodeState& node, Time now);
  // None: it goes on. Otherwise it must not lead any longer, and why (R10, R14).
  std::optional<std::string_view> reason_to_step_down(NodeState& node, Time now);
  // It leads no longer: those who wait for a barrier ask another.
  void refuse_barriers(NodeState& node) const;

  // All that it appended is committed. A round of a barrier may be under way.
  bool is_idle() const { return backlog_.is_idle() && !announce_; }
  Time next_heartbeat() const { return next_heartbeat_; }
  Duration quorum_silence(Time now) const { return progress_.silence_of_quorum(now); }
  // It has applied an entry of its own term: what it knows is complete (R6).
  bool has_full_state(const NodeState& node) const { return node.log.applicable_index() >= noop_; }
  Round latest_round() const { return rounds_.latest(); }
  Round confirmed_round() const { return rounds_.confirmed(); }

  void check_positions(const NodeState& node) const;   // in a few comparisons
  void check_invariants(const NodeState& node) const;  // all

 private:
  friend struct Inside;  // of the explorer

  void append(NodeState& node, Entry entry);
  void advance_commit(NodeState& node);
  void confirm_rounds(NodeState& node);
  void release_barriers(NodeState& node);
  bool publish_entries(NodeState& node);
  Append next_append(const NodeState& node, LogIndex after, std::vector<Entry> entries) const;

  Progress progress_;
  Backlog backlog_;
  Rounds rounds_;
  LogIndex noop_;          // this leader's own first entry (R6)
  bool announce_ = false;  // a broadcast is due although there is nothing new to replicate
  Time next_heartbeat_{};
};

}  // namespace lockstep::raft

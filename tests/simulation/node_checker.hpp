// What must be true of the nodes, after every step of any of them and of every message that leaves one.
//
// It looks at the nodes from outside, at all of them and at their disks at once, which no node can. So
// it finds a broken promise when it is made and not only when a later failure makes it matter.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "protocol/replica/replica.hpp"
#include "tests/simulation/reference.hpp"
#include "tests/simulation/sim_node.hpp"

namespace lockstep::simulation {

class NodeChecker {
 public:
  // `nodes` outlive the checker.
  NodeChecker(const std::deque<SimNode>& nodes, const locks::Bounds& bounds, Coverage& coverage);

  // A process starts at this place, from what its disk holds.
  void started(Place place) { tracks_[place] = Track{}; }
  // From where on this process has seen every entry itself: before that a snapshot stands for them.
  LogIndex floor(Place place) const { return tracks_[place].floor; }
  void after_step(Time now, Place place, const Replica& replica);
  void leaving(Place place, const Replica& replica, const raft::Message& message);

  // S6: a snapshot that this node made, or was given, is that of every node at its index, and of the reference.
  void check_snapshot(Place place, const raft::SnapshotHead& head);

  // Of the cluster that this node belongs to; none while it is blank.
  const Reference* reference_of(const Replica& replica) const;
  // Of the cluster that decides things. (After a disk was wiped, another may have formed, but it can never
  // have a quorum beside the first.)
  const Reference* main_reference() const;
  // Every committed entry of the node against the cluster's.
  void compare_whole_log(Place place, const Replica& replica) const;

 private:
  // What a process showed after its last step; it may only rise.
  struct Track {
    Term term;
    NodeId vote;
    LogIndex commit;
    LogIndex applied;
    LogIndex base;
    LogIndex floor;
    LogIndex last_index;
    Term last_term;
    bool was_leader = false;
    bool was_repairing = false;
  };

  Reference& reference_for(const raft::Raft& raft);
  void check_nothing_falls(Place place, const Replica& replica);
  void check_leader(Place place, const raft::Raft& raft);
  void check_log_of_leader(Place place, const raft::Raft& raft, const Reference& reference) const;
  void check_commits(Time now, Place place, const raft::Raft& raft);
  void check_is_on_a_quorum(const raft::Raft& raft, LogIndex index) const;
  void check_state(Place place, const Replica& replica, const Reference& reference) const;
  void check_term_is_durable(Place place, const raft::Message& message);
  void check_vote(Place place, const raft::Message& message, NodeId candidate);
  void check_ack(Place place, const Replica& replica, const raft::Message& message, const raft::Ack& ack) const;
  const SimNode* node_of(NodeId id) const;

  const std::deque<SimNode>* nodes_;
  locks::Bounds bounds_;  // of the clusters' states
  Coverage* coverage_;
  std::vector<Track> tracks_;
  std::map<ClusterId, Reference> references_;
  std::map<std::pair<ClusterId, Term>, NodeId> leaders_;
  std::map<std::pair<NodeId, Term>, NodeId> votes_;  // by voter: what left the node, across its crashes
  std::map<NodeId, Term> last_term_said_;
  std::map<std::pair<ClusterId, LogIndex>, raft::SnapshotHead> heads_;
};

}  // namespace lockstep::simulation

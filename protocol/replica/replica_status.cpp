// Where a node stands, for people.

#include "protocol/replica/read_answers.hpp"
#include "protocol/replica/replica.hpp"

namespace lockstep {

wire::Role Replica::role() const {
  if (!raft_) return wire::Role::kForming;
  return raft_->is_leader()          ? wire::Role::kLeader
         : raft_->is_candidate()     ? wire::Role::kCandidate
         : raft_->is_pre_candidate() ? wire::Role::kPreCandidate
                                     : wire::Role::kFollower;
}

wire::StatusAnswer Replica::status(Time now) const {
  wire::StatusAnswer status;
  status.name = options_.name;
  status.role = role();
  status.node = self_;
  status.applied_index = applied_;
  status.state_hash = state_.hash();
  status.locks = state_.lock_count();
  status.sessions = state_.session_count();
  status.pending = desk_.size();
  status.rejected_frames = rejected_frames_;
  status.age_ms = age_in_ms(desk_.age(now));
  status.pid = options_.pid;
  status.version = options_.version;
  for (const InitialMember& member : options_.initial_members) {
    const raft::Member* known = raft_ ? raft_->configuration().find(member.name) : nullptr;
    status.members.push_back({member.name, member.client_endpoint, known != nullptr ? known->id : NodeId()});
  }
  if (!raft_) return status;

  status.cluster = raft_->configuration().cluster;
  status.term = raft_->term();
  if (const raft::Member* leader = raft_->configuration().find(raft_->leader())) status.leader = leader->name;
  status.last_index = raft_->log().last_index();
  status.commit_index = raft_->commit_index();
  status.durable_index = raft_->durable_index();
  return status;
}

}  // namespace lockstep

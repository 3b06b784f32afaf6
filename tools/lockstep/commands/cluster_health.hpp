// Whether the cluster serves, judged from what its members said of themselves: the last line of `status`, and its exit
// code.
#pragma once

#include <string>
#include <vector>

#include "lockstep/client.hpp"

namespace lockstep {

// What one member said, or why it could not be asked.
struct MemberReport {
  MemberInfo member;
  Expected<NodeStatus> answer;
};

enum class HealthKind {
  kHealthy,     // every member answers, and follows one leader
  kDegraded,    // a quorum follows one leader, but a member is missing, or follows nobody
  kForming,     // nobody that answers is part of the cluster yet: it forms when all members are up
  kNoLeader,    // a quorum answers, but it follows nobody: an election
  kQuorumLost,  // too few members can be reached from here
};
std::string_view to_string(HealthKind kind);  // "healthy", "degraded", "forming", "no_leader", "quorum_lost"

struct ClusterHealth {
  HealthKind kind = HealthKind::kQuorumLost;
  std::string why;  // "a leads; c is unreachable"

  std::string text() const;  // "degraded: a leads; c is unreachable"
  bool serves() const { return kind == HealthKind::kHealthy || kind == HealthKind::kDegraded; }
};

ClusterHealth health_of(const std::vector<MemberReport>& reports);
// Whether one node does what it can: it answers, and it is healthy if it knows a leader.
ClusterHealth health_of_node(const NodeStatus& status);

}  // namespace lockstep

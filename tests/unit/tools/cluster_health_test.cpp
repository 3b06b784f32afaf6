// Whether a cluster serves, by what its members say.
#include "tools/lockstep/commands/cluster_health.hpp"

#include <doctest/doctest.h>

namespace lockstep::cluster_health_test {
namespace {

MemberReport says(const std::string& name, const std::string& leader, std::uint64_t term) {
  NodeStatus status;
  status.name = name;
  status.leader = leader;
  status.role = name == leader ? NodeRole::kLeader : NodeRole::kFollower;
  status.term = Term(term);
  return {{name, "tcp://127.0.0.1:1", NodeId(1)}, status};
}

MemberReport silent(const std::string& name) {
  return {{name, "tcp://127.0.0.1:1", NodeId(1)}, tl::unexpected(Error{ErrorCode::kUnavailable, false, "", {}})};
}

void check(const std::vector<MemberReport>& reports, HealthKind kind, const std::string& text) {
  const ClusterHealth health = health_of(reports);
  CHECK(health.kind == kind);
  CHECK(health.text() == text);
  CHECK(health.serves() == (kind == HealthKind::kHealthy || kind == HealthKind::kDegraded));
}

}  // namespace

TEST_CASE("a quorum that follows one leader serves, with all members or without some") {
  check({says("a", "a", 1)}, HealthKind::kHealthy, "healthy: a leads, the only member");
  check({says("a", "b", 3), says("b", "b", 3), says("c", "b", 3)}, HealthKind::kHealthy,
        "healthy: b leads, all members follow");
  check({says("a", "b", 3), says("b", "b", 3), silent("c")}, HealthKind::kDegraded,
        "degraded: b leads; c is unreachable");
  check({says("a", "b", 3), says("b", "b", 3), says("c", "", 3)}, HealthKind::kDegraded,
        "degraded: b leads; c is without a leader");
  check({says("a", "b", 3), says("b", "b", 3), says("c", "a", 2)}, HealthKind::kDegraded,
        "degraded: b leads; c is without a leader");
  MemberReport late = says("c", "b", 3);
  late.answer->age = std::chrono::seconds(9);
  check({says("a", "b", 3), says("b", "b", 3), late}, HealthKind::kDegraded, "degraded: b leads; c is far behind");
}

TEST_CASE("a cluster that has not formed is told as such, with the members that are missing") {
  const auto forming = [](const std::string& name) {
    MemberReport report = says(name, "", 0);
    report.answer->role = NodeRole::kForming;
    return report;
  };
  check({forming("a"), silent("b"), silent("c")}, HealthKind::kForming,
        "forming: waits for b and c; all members must be up once");
  check({forming("a"), forming("b"), silent("c")}, HealthKind::kForming,
        "forming: waits for c; all members must be up once");
  check({forming("a"), forming("b"), forming("c")}, HealthKind::kForming,
        "forming: all members answer; if it lasts, their logs say what they wait for");
  // One that is part of the cluster knows better.
  check({forming("a"), says("b", "", 4), silent("c")}, HealthKind::kNoLeader,
        "no leader: a and b answer, but too few follow one leader; c is unreachable");
  check({forming("a"), says("b", "b", 4), says("c", "b", 4)}, HealthKind::kDegraded,
        "degraded: b leads; a is without a leader");
  CHECK(health_of_node(*forming("a").answer).text() == "forming: a waits for other members: its log says for which");
}

TEST_CASE("without a quorum that follows one leader nothing is served") {
  check({says("a", "", 4), says("b", "", 4), says("c", "", 4)}, HealthKind::kNoLeader,
        "no leader: a, b and c answer, but too few follow one leader");
  check({says("a", "a", 5), says("b", "", 5), silent("c")}, HealthKind::kNoLeader,
        "no leader: a and b answer, but too few follow one leader; c is unreachable");
  check({says("a", "c", 2), says("b", "b", 3), silent("c")}, HealthKind::kNoLeader,
        "no leader: a and b answer, but too few follow one leader; c is unreachable");
  // Others may still name the leader that has just died.
  check({says("a", "c", 2), says("b", "c", 2), silent("c")}, HealthKind::kNoLeader,
        "no leader: a and b answer, but too few follow one leader; c is unreachable");
  check({silent("a"), silent("b"), says("c", "a", 3)}, HealthKind::kQuorumLost, "quorum lost: a and b are unreachable");
  check({silent("a")}, HealthKind::kQuorumLost, "quorum lost: a is unreachable");
}

TEST_CASE("a node alone is healthy if it knows a leader, whatever becomes of the others") {
  CHECK(health_of_node(*says("a", "b", 3).answer).text() == "healthy: a follows b");
  CHECK(health_of_node(*says("a", "a", 3).answer).text() == "healthy: a leads");
  const ClusterHealth alone = health_of_node(*says("a", "", 3).answer);
  CHECK(alone.text() == "no leader: a answers, but knows no leader");
  CHECK_FALSE(alone.serves());
}

}  // namespace lockstep::cluster_health_test

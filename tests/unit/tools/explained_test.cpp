// What an unavailable cluster is said to lack.
#include "tools/lockstep/commands/explained.hpp"

#include <doctest/doctest.h>

#include "tests/support/fake_node.hpp"
#include "tests/support/port_of_nobody.hpp"

namespace lockstep::explained_test {
namespace {

using namespace std::chrono_literals;

MemberReport answers(const std::string& name, const std::string& leader) {
  NodeStatus status;
  status.name = name;
  status.leader = leader;
  status.role = name == leader ? NodeRole::kLeader : NodeRole::kFollower;
  return {{name, "tcp://127.0.0.1:1", NodeId(1)}, status};
}

MemberReport silent(const std::string& name) {
  return {{name, "tcp://127.0.0.1:1", NodeId(1)}, tl::unexpected(Error{ErrorCode::kUnavailable, false, "", {}})};
}

Report unavailable() { return report_of("a", Error{ErrorCode::kUnavailable, false, "no answer within 5 s", {}}); }

}  // namespace

TEST_CASE("a cluster without a leader is told as such, with the nodes that are missing") {
  CHECK(why_nothing_came("a", {answers("a", ""), silent("b"), silent("c")}) ==
        "node a answers, but the cluster has no leader: 2 of its 3 nodes must reach each other, and b and c are "
        "unreachable");
  CHECK(why_nothing_came("a", {answers("a", ""), answers("b", ""), silent("c")}) ==
        "node a answers, but the cluster has no leader: a and b answer, but too few follow one leader; c is "
        "unreachable");
}

TEST_CASE("a cluster that has not formed is told as such, with the nodes that it waits for") {
  MemberReport forming = answers("a", "");
  forming.answer->role = NodeRole::kForming;
  CHECK(why_nothing_came("a", {forming, silent("b"), silent("c")}) ==
        "node a answers, but the cluster has not formed yet: waits for b and c; all members must be up once");
}

TEST_CASE("a leader that a node knows is not denied because it cannot be seen from here") {
  CHECK(why_nothing_came("a", {answers("a", "b"), silent("b"), silent("c")}) ==
        "node a answers, but no quorum did in time; seen from here: quorum lost: b and c are unreachable");
}

TEST_CASE("a cluster that serves by now is told as such") {
  CHECK(why_nothing_came("b", {answers("a", "a"), answers("b", "a"), answers("c", "a")}) ==
        "node b answers, and by now the cluster serves (healthy: a leads, all members follow)");
}

TEST_CASE("only what is unavailable is explained, and only if a node can be asked") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  GlobalOptions options;
  options.timeout = 300ms;
  options.servers = {node.endpoint()};
  state->members = {{"fake", node.endpoint(), NodeId(1)}};
  const Report held = report_of("a", Error{ErrorCode::kAlreadyHeld, true, "why", {}});
  CHECK(explained(options, held).text == held.text);
  Report last_of_several = unavailable();
  last_of_several.error->detail += "; tried tcp://127.0.0.1:1 (cannot connect)";  // which was a moment ago
  last_of_several.advice = "as it was";
  last_of_several.exit_code = 4;
  options.timeout = 60s;
  const Report told = explained(options, last_of_several);
  CHECK(told.text ==
        "a: unavailable: node fake answers, and by now the cluster serves (healthy: fake leads, the only member); "
        "no answer within 1 min");
  CHECK(told.advice == "as it was");
  CHECK(told.json["name"] == "a");
  CHECK(told.exit_code == 4);

  const testing::PortOfNobody nobody;
  options.timeout = 300ms;
  options.servers = {nobody.endpoint()};
  CHECK(explained(options, unavailable()).text == unavailable().text);
}

}  // namespace lockstep::explained_test

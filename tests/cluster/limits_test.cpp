// Goal: what the configuration allows the cluster to hold is what it holds: each of [limits] becomes an error that
// names it and an exit code. Method: a node whose limits are small, and a user for each session that they must stop.
#include "tests/support/user.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr const char* kSmallLimits = R"(
[limits]
locks = 3
sessions = 3
locks_per_session = 2
waiters_per_lock = 1
)";

void check_refused(User& user, const std::vector<std::string>& arguments, const std::string& error) {
  const Result refused = user.run_json(arguments);
  CAPTURE(refused.out);
  CHECK(refused.exit_code == 4);
  CHECK(refused.object()["error"] == error);
  CHECK(refused.object()["definite"] == true);
}

}  // namespace

TEST_CASE("each limit of the state stops whoever would exceed it, and says which it is") {
  StartedCluster cluster(1, kSmallLimits);
  User alice(cluster);
  REQUIRE(alice.run({"preempt", "a"}).exit_code == 0);
  REQUIRE(alice.run({"preempt", "b"}).exit_code == 0);
  check_refused(alice, {"preempt", "c"}, "too_many_session_locks");

  User bob(cluster);
  REQUIRE(bob.run({"preempt", "c"}).exit_code == 0);
  check_refused(bob, {"preempt", "d"}, "too_many_locks");

  User carol(cluster);
  Process waiting = carol.start({"acquire", "a"});
  REQUIRE(wait_until([&] { return alice.run_json({"check", "a"}).object()["waiter_count"] == 1; }));
  check_refused(bob, {"acquire", "a"}, "too_many_waiters");

  // All three sessions hold a lock or wait for one, so none makes room.
  User dave(cluster);
  check_refused(dave, {"preempt", "c"}, "too_many_sessions");

  REQUIRE(alice.run({"release", "a"}).exit_code == 0);
  CHECK(waiting.wait().exit_code == 0);
  CHECK(bob.run({"release", "c"}).exit_code == 0);
  CHECK(dave.run({"preempt", "c"}).exit_code == 0);
}

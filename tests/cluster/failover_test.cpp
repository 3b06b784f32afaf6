// Goal: the death or the standstill of a node costs its clients a moment, never a lock, and never a second run.
// Method: kill -9 and SIGSTOP on real nodes, by role.
#include <doctest/doctest.h>

#include "tests/support/cluster.hpp"

using namespace lockstep;
using lockstep::testing::RawClient;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

ClientId client_called(std::uint8_t number) {
  ClientId client;
  client.bytes[15] = number;
  return client;
}

locks::Execute preempt(SessionId session, std::uint64_t number, const std::string& name) {
  return {session, RequestNumber(number), RequestNumber(number), locks::Preempt{name}};
}
locks::Execute release(SessionId session, std::uint64_t number, const std::string& name) {
  return {session, RequestNumber(number), RequestNumber(number), locks::Release{name}};
}

// Until the node has applied `index`, as a node that was down must.
bool catches_up(StartedCluster& cluster, const std::string& name, LogIndex index) {
  return wait_until([&] {
    const auto status = cluster.status(name);
    return status && status->applied_index >= index;
  });
}

}  // namespace

TEST_CASE("after kill -9 of the leader the lock is still owned, and the next preempt works") {
  StartedCluster cluster(3);
  const std::string leader = cluster.leader();
  const std::vector<std::string> rest = cluster.names_but(leader);
  Client owner = cluster.client({rest[0], rest[1]});
  const auto granted = owner.preempt("kept");
  REQUIRE(granted);
  REQUIRE(granted->granted);

  cluster.kill(leader);

  Client other = cluster.client({rest[1], rest[0]});
  const auto refused = other.preempt("kept");
  REQUIRE(refused);
  CHECK_FALSE(refused->granted);
  CHECK(refused->owner == owner.client_id());
  CHECK(refused->token == granted->token);
  const auto next = other.preempt("next");
  REQUIRE(next);
  CHECK(next->granted);
  const auto released = owner.release("kept");
  REQUIRE(released);
  CHECK(released->released);
  const auto taken = other.preempt("kept");
  REQUIRE(taken);
  CHECK(taken->granted);
  CHECK(taken->token > granted->token);

  // The node that was killed comes back, learns what it missed, and serves it from its own map.
  cluster.start(leader);
  REQUIRE(catches_up(cluster, leader, taken->applied_index));
  const auto seen = cluster.client({leader}).check("kept");
  REQUIRE(seen);
  REQUIRE(seen->lock);
  CHECK(seen->lock->holders.at(0).owner == other.client_id());
}

TEST_CASE("one node after the other is killed and comes back, and every lock is still there") {
  StartedCluster cluster(3);
  Client owner = cluster.client(cluster.names());
  std::size_t locks = 0;
  for (const std::string& name : cluster.names()) {
    REQUIRE(owner.preempt("round/" + std::to_string(++locks)));
    cluster.kill(name);
    const auto while_down = owner.preempt("round/" + std::to_string(++locks));
    REQUIRE(while_down);
    CHECK(while_down->granted);
    cluster.start(name);
    REQUIRE(catches_up(cluster, name, while_down->applied_index));
  }
  for (const std::string& name : cluster.names()) {
    const auto all = cluster.client({name}).list("round/", "", 100, wire::ReadMode::kLinearizable);
    REQUIRE(all);
    CHECK(all->locks.size() == locks);
  }
}

TEST_CASE("without a quorum a request ends unavailable, and with it again it is settled") {
  StartedCluster cluster(3);
  const std::string last = cluster.follower();
  Client client = cluster.client({last});
  REQUIRE(client.preempt("before"));
  for (const std::string& name : cluster.names_but(last)) cluster.kill(name);
  const auto failed = client.preempt("meanwhile", std::chrono::seconds(2));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().is(ErrorCode::kUnavailable));
  CHECK_FALSE(failed.error().definite);
  const auto stale = client.check("before", wire::ReadMode::kLinearizable, std::chrono::seconds(1));
  CHECK_FALSE(stale);

  for (const std::string& name : cluster.names_but(last)) cluster.start(name);
  const auto settled = client.preempt("meanwhile");
  REQUIRE(settled);
  CHECK(settled->owner == client.client_id());
}

TEST_CASE("a request that is repeated through another node runs once") {
  StartedCluster cluster(3);
  RawClient a = cluster.raw_client("a");
  RawClient b = cluster.raw_client("b");
  const SessionId session = a.open_session(client_called(1));
  const auto first = a.ask_for<locks::Granted>(preempt(session, 1, "once"));
  // A second run would find the lock held, by the client itself.
  CHECK(b.ask_for<locks::Granted>(preempt(session, 1, "once")) == first);
  CHECK(a.ask_for<locks::Granted>(preempt(session, 1, "once")) == first);
}

TEST_CASE("a retry across a node that was killed runs once, whoever was killed and whether it had answered") {
  for (const bool kill_the_leader : {true, false}) {
    for (const bool wait_for_answer : {true, false}) {
      CAPTURE(kill_the_leader);
      CAPTURE(wait_for_answer);
      StartedCluster cluster(3);
      const std::string victim = kill_the_leader ? cluster.leader() : cluster.follower();
      RawClient through_victim = cluster.raw_client(victim);
      const SessionId session = through_victim.open_session(client_called(1));
      std::optional<locks::Granted> first;
      if (wait_for_answer) {
        first = through_victim.ask_for<locks::Granted>(preempt(session, 1, "retried"));
      } else {
        through_victim.send(preempt(session, 1, "retried"));
      }
      cluster.kill(victim);

      RawClient through_another = cluster.raw_client(cluster.names_but(victim).front());
      const auto repeated = through_another.ask_for<locks::Granted>(preempt(session, 1, "retried"));
      if (first) CHECK(repeated == *first);
      cluster.start(victim);
      RawClient through_victim_again = cluster.raw_client(victim);
      CHECK(through_victim_again.ask_for<locks::Granted>(preempt(session, 1, "retried")) == repeated);
    }
  }
}

TEST_CASE("the copy of a request that a standing-still node wakes up with does nothing any more") {
  StartedCluster cluster(3);
  const std::string sleeper = cluster.follower();
  const std::string awake = cluster.names_but(sleeper).front();
  RawClient through_sleeper = cluster.raw_client(sleeper);
  RawClient through_other = cluster.raw_client(awake);
  const SessionId session = through_sleeper.open_session(client_called(1));

  cluster.pause(sleeper);
  through_sleeper.send(preempt(session, 1, "zombie"));  // waits in the sleeper's socket
  CHECK(through_other.ask_for<locks::Granted>(preempt(session, 1, "zombie")).token);
  through_other.ask_for<locks::Released>(release(session, 2, "zombie"));
  cluster.resume(sleeper);

  // Once the sleeper has answered a later request of the same connection, it has handled the old copy.
  wire::CheckRequest check;
  check.name = "zombie";
  check.mode = wire::ReadMode::kLinearizable;
  CHECK_FALSE(through_sleeper.ask_for<wire::CheckAnswer>(check).lock);
  through_sleeper.ask_for<locks::Granted>(preempt(session, 3, "after the zombie"));
  CHECK_FALSE(through_other.ask_for<wire::CheckAnswer>(check).lock);
}

TEST_CASE("a leader that stood still does not answer from its old map, and follows the new one") {
  StartedCluster cluster(3);
  const std::string old_leader = cluster.leader();
  const std::vector<std::string> rest = cluster.names_but(old_leader);
  Client first = cluster.client({old_leader});
  REQUIRE(first.preempt("moved"));

  RawClient through_old = cluster.raw_client(old_leader);
  through_old.ask(wire::StatusRequest{});  // the connection is up
  cluster.pause(old_leader);
  wire::CheckRequest check;
  check.name = "moved";
  check.mode = wire::ReadMode::kLinearizable;

  // The others elect a leader, and the lock changes hands while the old one knows nothing of it.
  Client owner = cluster.client({rest[0]});
  REQUIRE(cluster.leader() != old_leader);
  REQUIRE(owner.preempt("new"));
  check.name = "new";
  through_old.send(check);
  cluster.resume(old_leader);
  const auto answer = through_old.receive();
  REQUIRE(answer);
  if (const auto* found = std::get_if<wire::CheckAnswer>(&answer->body)) {
    REQUIRE(found->lock);
    CHECK(found->lock->holders.at(0).owner == owner.client_id());
  } else {
    // It may say that it cannot tell, but never that the lock is free.
    REQUIRE(std::holds_alternative<wire::ErrorAnswer>(answer->body));
    CHECK(error_info(std::get<wire::ErrorAnswer>(answer->body).code).certainty != Certainty::kDefinite);
  }
  CHECK(cluster.leader() != old_leader);
}

TEST_CASE("all nodes stop at SIGTERM, and go on where they were when they are started again") {
  StartedCluster cluster(3);
  Client client = cluster.client(cluster.names());
  const auto granted = client.preempt("over a restart");
  REQUIRE(granted);
  for (const std::string& name : cluster.names()) CHECK(cluster.stop(name).exit_code == 0);
  cluster.start_all();
  const auto held = cluster.client(cluster.names()).check("over a restart", wire::ReadMode::kLinearizable);
  REQUIRE(held);
  REQUIRE(held->lock);
  CHECK(held->lock->holders.at(0).owner == client.client_id());
  CHECK(held->lock->holders.at(0).token == granted->token);
}

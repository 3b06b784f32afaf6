// Barriers: a read index that is never stale, through rounds of one leader (thesis section 6.4; L2).
#include <doctest/doctest.h>

#include "tests/support/raft_world.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::barriers_test {

using namespace lockstep::raft;

namespace {

RaftWorld led_by_a(const std::string& names = "a b c") {
  RaftWorld world(names);
  world.elect("a");
  return world;
}

}  // namespace

TEST_CASE("a barrier is answered when a round published after it was acknowledged by a majority (L2)") {
  RaftWorld world = led_by_a();
  const CallNumber number = world.request_barrier("a");
  CHECK(world.barriers("a").empty());
  REQUIRE(world.in_flight<Append>("a", "b").size() == 1);
  CHECK(world.in_flight<Append>("a", "b")[0].round == Round(1));
  world.deliver("a", "b");
  world.deliver("b", "a");
  CHECK(world.barriers("a") == std::vector{BarrierAnswer{number, LogIndex(2), {}}});
}

TEST_CASE("a round that was published before the barrier came proves nothing for it (etcd #20418)") {
  RaftWorld world = led_by_a();
  world.request_barrier("a");
  world.deliver("a", "b");
  const CallNumber late = world.request_barrier("a");  // round 1 is on its way back
  world.deliver("b", "a");
  CHECK(world.barriers("a").size() == 1);
  world.deliver("a", "b");
  world.deliver("b", "a");
  REQUIRE(world.barriers("a").size() == 2);
  CHECK(world.barriers("a")[1].number == late);
}

TEST_CASE("barriers that come while a round is under way share the next one (L2)") {
  RaftWorld world = led_by_a();
  world.request_barrier("a");
  for (int i = 0; i < 5; ++i) world.request_barrier("a");
  CHECK(world.in_flight<Append>("a", "b").size() == 1);
  world.deliver();
  CHECK(world.barriers("a").size() == 6);
  world.tick("a");
  CHECK(world.in_flight<Append>("a", "b").back().round == Round(2));
}

TEST_CASE("one follower's acks are not a majority of five") {
  RaftWorld world = led_by_a("a b c d e");
  world.request_barrier("a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  CHECK(world.barriers("a").empty());
  world.deliver("a", "d");
  world.deliver("d", "a");
  CHECK(world.barriers("a").size() == 1);
}

TEST_CASE("a barrier's index is the commit index when it came, not a later one") {
  RaftWorld world = led_by_a();
  world.request_barrier("a");
  world.propose("a", "x");
  world.deliver();
  REQUIRE(world.barriers("a").size() == 1);
  CHECK(world.barriers("a")[0].index == LogIndex(2));
}

// etcd #7331: before that a new leader may not know what was committed.
TEST_CASE("no barrier is answered before the leader's own first entry is committed and applied (R6)") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  world.disk_is_late("c", true);
  world.timeout("a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  world.deliver("a", "b");
  world.persist_all("b");
  world.deliver("b", "a");
  REQUIRE(world.node("a").is_leader());
  world.request_barrier("a");
  world.deliver("a", "b");
  world.deliver("b", "a");  // it heard the round, but the entry is not on its disk
  CHECK(world.node("a").commit_index() == LogIndex(1));
  CHECK(world.barriers("a").empty());
  world.persist_all("b");
  world.deliver("b", "a");
  REQUIRE(world.barriers("a").size() == 1);
  CHECK(world.barriers("a")[0].index == LogIndex(2));
}

TEST_CASE("no barrier is answered before the leader can apply its index") {
  RaftWorld world = led_by_a();
  world.disk_is_late("a", true);
  world.propose("a", "x");
  world.deliver();
  REQUIRE(world.node("a").commit_index() == LogIndex(3));
  world.request_barrier("a");
  world.deliver();
  CHECK(world.barriers("a").empty());
  world.persist("a");
  REQUIRE(world.barriers("a").size() == 1);
  CHECK(world.barriers("a")[0].index == LogIndex(3));
}

TEST_CASE("a follower acknowledges the round of every Append of its term, matched or not (L2)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(2), Append{LogIndex(50), Term(2), {}, LogIndex(2), Round(7), {}, {}});
  REQUIRE(world.in_flight<Ack>("b", "a").size() == 1);
  CHECK(world.in_flight<Ack>("b", "a")[0] == Ack{LogIndex(2), Round(7)});
}

TEST_CASE("a lost round is heard of again in the next heartbeat") {
  RaftWorld world = led_by_a();
  world.request_barrier("a");
  world.drop("a", "b");
  world.drop("a", "c");
  world.tick("a");
  world.deliver();
  CHECK(world.barriers("a").size() == 1);
}

TEST_CASE("an ack of a round that was never published confirms nothing") {
  RaftWorld world = led_by_a();
  world.request_barrier("a");
  world.receive("a", "b", Term(2), Ack{LogIndex(2), Round(2)});
  CHECK(world.barriers("a").empty());
}

TEST_CASE("a leader that others have replaced answers no barrier (thesis section 6.4)") {
  RaftWorld world = led_by_a();
  world.isolate("a");
  world.elect("b");
  world.propose("b", "x");
  world.deliver();
  REQUIRE(world.node("a").is_leader());
  world.request_barrier("a");
  world.heal();
  world.tick("b");
  world.deliver();
  CHECK(world.barriers("a").empty());
  CHECK_FALSE(world.node("a").is_leader());
}

TEST_CASE("a follower's barrier is answered by the leader, under its number (L2)") {
  RaftWorld world = led_by_a();
  const CallNumber number = world.request_barrier("b");
  world.deliver();
  CHECK(world.barriers("b") == std::vector{BarrierAnswer{number, LogIndex(2), {}}});
  CHECK(world.barriers("a").empty());
}

TEST_CASE("the leader hears of renewals when the barrier arrives, before any round is confirmed (L2)") {
  RaftWorld world = led_by_a();
  const CallNumber number = world.request_barrier("b", {SessionId(5), SessionId(9)});
  CHECK(world.renewed("a").empty());
  world.deliver("b", "a");
  CHECK(world.renewed("a") == std::vector{SessionId(5), SessionId(9)});
  CHECK(world.in_flight<BarrierAnswer>("a", "b").empty());
  world.deliver();
  const std::vector<Renewal> verdicts(2, Renewal::kRenewed);
  CHECK(world.barriers("b") == std::vector{BarrierAnswer{number, LogIndex(2), verdicts}});
  CHECK(world.renewed("b").empty());
}

TEST_CASE("a leader hears of its own clients' renewals in the same way (L2)") {
  RaftWorld world = led_by_a();
  const CallNumber number = world.request_barrier("a", {SessionId(7)});
  CHECK(world.renewed("a") == std::vector{SessionId(7)});
  CHECK(world.barriers("a").empty());
  world.deliver();
  CHECK(world.barriers("a") == std::vector{BarrierAnswer{number, LogIndex(2), {Renewal::kRenewed}}});
}

TEST_CASE("whoever does not lead hands no renewal up, and without a leader none is sent (L2)") {
  RaftWorld world = led_by_a();
  world.receive("b", "c", Term(2), Barrier{CallNumber(5), {SessionId(7)}});
  CHECK(world.renewed("b").empty());
  RaftWorld leaderless("a b c");
  leaderless.request_barrier("b", {SessionId(7)});
  CHECK(leaderless.in_flight().empty());
}

TEST_CASE("a leader has its full state once its own first entry is applicable, and not before (R6)") {
  RaftWorld world("a b c");
  world.timeout("a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  REQUIRE(world.node("a").is_leader());
  CHECK_FALSE(world.node("a").leads_with_full_state());
  world.deliver();
  CHECK(world.node("a").leads_with_full_state());
  CHECK_FALSE(world.node("b").leads_with_full_state());
}

TEST_CASE("a leader knows for how long no quorum has answered; a lone one is its own quorum (R10, L5)") {
  RaftWorld world = led_by_a();
  CHECK(world.node("a").quorum_silence(world.now()) == Duration::zero());
  world.isolate("b");
  world.isolate("c");
  world.advance(std::chrono::milliseconds(300));
  CHECK(world.node("a").quorum_silence(world.now()) == std::chrono::milliseconds(300));
  RaftWorld alone = led_by_a("a");
  alone.advance(std::chrono::hours(1));
  CHECK(alone.node("a").quorum_silence(alone.now()) == Duration::zero());
}

TEST_CASE("a leader that steps down sends waiting askers away (L2)") {
  RaftWorld world = led_by_a();
  world.receive("a", "b", Term(2), Barrier{CallNumber(5), {}});
  world.receive("a", "c", Term(9), Ack{LogIndex(1), Round()});
  CHECK(world.in_flight<NotLeader>("a", "b") == std::vector{NotLeader{CallNumber(5), NodeId()}});
  CHECK(world.in_flight<BarrierAnswer>("a", "b").empty());
}

TEST_CASE("whoever does not lead, and a leader asked in an older term, answers a barrier with NotLeader") {
  RaftWorld world = led_by_a();
  world.receive("b", "c", Term(2), Barrier{CallNumber(5), {}});
  CHECK(world.in_flight<NotLeader>("b", "c") == std::vector{NotLeader{CallNumber(5), world.id("a")}});
  world.receive("a", "c", Term(1), Barrier{CallNumber(6), {}});
  CHECK(world.in_flight<NotLeader>("a", "c") == std::vector{NotLeader{CallNumber(6), world.id("a")}});
}

TEST_CASE("a lone node confirms its rounds by itself") {
  RaftWorld world("a");
  world.tick("a");
  const CallNumber number = world.request_barrier("a");
  CHECK(world.barriers("a") == std::vector{BarrierAnswer{number, LogIndex(2), {}}});
}

TEST_CASE("rounds start from nothing in each term: an old leader's are not the new one's") {
  RaftWorld world = led_by_a();
  for (int i = 0; i < 5; ++i) {
    world.request_barrier("a");
    world.deliver();
  }
  world.crash("a");
  world.elect("b");
  world.request_barrier("b");
  CHECK(world.in_flight<Append>("b", "c").back().round == Round(1));
  CHECK(world.barriers("b").empty());
  world.deliver();
  CHECK(world.barriers("b").size() == 1);
}

}  // namespace lockstep::barriers_test

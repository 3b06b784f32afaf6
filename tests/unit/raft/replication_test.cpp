// Broadcast replication: what is published, accepted, acknowledged and committed (Raft sections 5.3 and 5.4;
// R1 to R7, R10, R14, R15).
#include <doctest/doctest.h>

#include "tests/support/raft_world.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::replication_test {

using namespace lockstep::raft;

namespace {

constexpr auto kMaxTimeout = std::chrono::milliseconds(1000);

Entry entry(std::uint64_t term, const std::string& command = "made up") { return {Term(term), {}, Command{command}}; }

Append append(std::uint64_t index, std::uint64_t term, std::vector<Entry> entries, std::uint64_t commit = 1) {
  return {LogIndex(index), Term(term), std::move(entries), LogIndex(commit), Round(), CallNumber(), std::nullopt};
}

// A cluster of three, a leads term 2, and all have its first entry.
RaftWorld led_by_a(const Options& options = Options()) {
  RaftWorld world("a b c", options);
  world.elect("a");
  return world;
}

std::vector<LogIndex> matches_acked(const RaftWorld& world, const std::string& from, const std::string& to) {
  std::vector<LogIndex> matches;
  for (const Ack& ack : world.in_flight<Ack>(from, to)) matches.push_back(ack.match);
  return matches;
}

}  // namespace

TEST_CASE("what is proposed is committed when a majority has it on disk, and all apply it (section 5.3)") {
  RaftWorld world = led_by_a();
  CHECK(world.propose("a", "x") == Proposed::kAppended);
  world.deliver("a", "b");
  CHECK(world.node("a").commit_index() == LogIndex(2));
  world.deliver("b", "a");
  CHECK(world.node("a").commit_index() == LogIndex(3));
  world.deliver();
  for (const char* name : {"a", "b", "c"}) CHECK(world.node(name).applicable_index() == LogIndex(3));
}

TEST_CASE("only a leader takes proposals") {
  RaftWorld world = led_by_a();
  CHECK(world.propose("b", "x") == Proposed::kNotLeader);
  CHECK(world.node("b").log().last_index() == LogIndex(2));
}

// --- acknowledging ---

TEST_CASE("entries are durable before they are acknowledged (R1)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("b", true);
  world.propose("a", "x");
  world.deliver("a", "b");
  CHECK(world.node("b").log().last_index() == LogIndex(3));
  world.tick("a");  // a heartbeat, which b answers at once
  world.deliver("a", "b");
  CHECK(matches_acked(world, "b", "a") == std::vector{LogIndex(2)});
  world.persist("b");
  CHECK(matches_acked(world, "b", "a").back() == LogIndex(3));
}

// RATIS-2605: the end of the log may be a former leader's, that this term's leader does not have.
TEST_CASE("an ack names what this term's leader proved, never the end of the log (R3)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(2), Term(2)});
  world.receive("b", "a", Term(3), append(2, 2, {}));
  CHECK(matches_acked(world, "b", "a") == std::vector{LogIndex(2)});
  CHECK(world.node("b").verified_index() == LogIndex(2));
  world.receive("b", "a", Term(3), append(3, 2, {}));
  CHECK(matches_acked(world, "b", "a").back() == LogIndex(3));
}

TEST_CASE("what was proved in one term is not proved in the next (R2)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  world.deliver();
  REQUIRE(world.node("b").verified_index() == LogIndex(3));
  world.receive("b", "c", Term(5), append(7, 5, {}));  // a leader whose log goes on beyond b's
  CHECK(world.node("b").verified_index() == LogIndex(0));
  CHECK(matches_acked(world, "b", "c") == std::vector{LogIndex(0)});
}

TEST_CASE("a late disk completion of an entry that was replaced is not acknowledged (R3)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("b", true);
  world.propose("a", "x");
  world.deliver("a", "b");
  world.receive("b", "c", Term(3), append(2, 2, {entry(3)}));
  CHECK(world.outstanding("b").size() == 2);
  world.persist("b");  // the write of x, which the log no longer has
  CHECK(world.node("b").durable_index() == LogIndex(2));
  CHECK(world.in_flight<Ack>("b", "c").empty());
  world.persist("b");
  CHECK(matches_acked(world, "b", "c") == std::vector{LogIndex(3)});
}

TEST_CASE("one write takes the place of all that the log held from its first entry on") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(2), Term(2)});
  world.receive("b", "a", Term(3), append(1, 1, {entry(3)}));
  CHECK(world.disk("b").entries.size() == 2);
  CHECK(world.disk("b").entries[1] == entry(3));
}

// --- committing ---

// Copycat #265, Scylla #9965: the suffix beyond what was proved may be about to be replaced.
TEST_CASE("a follower commits no further than what was proved to it (R4)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(2), Term(2)});
  Raft follower = world.node("b");
  const Message heartbeat{follower.configuration().cluster, Term(3), world.id("a"), NodeId(), append(2, 2, {}, 4)};
  follower.receive({world.now(), {}}, ConnectionId(1), heartbeat);
  CHECK(follower.commit_index() == LogIndex(2));
}

TEST_CASE("the commit index never falls, whatever an old message says (R4)") {
  RaftWorld world = led_by_a();
  world.receive("b", "a", Term(2), append(2, 2, {}, 1));
  CHECK(world.node("b").commit_index() == LogIndex(2));
}

TEST_CASE("a node applies at most what is committed and on its own disk, the leader too (R4)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("a", true);
  world.propose("a", "x");
  world.deliver();
  CHECK(world.node("a").commit_index() == LogIndex(3));
  CHECK(world.node("a").applicable_index() == LogIndex(2));
  world.persist("a");
  CHECK(world.node("a").applicable_index() == LogIndex(3));
}

TEST_CASE("a leader counts itself by what its own disk has") {
  RaftWorld world = led_by_a();
  world.disk_is_late("a", true);
  world.propose("a", "x");
  world.deliver("a", "b");
  world.deliver("b", "a");
  CHECK(world.node("a").commit_index() == LogIndex(2));
  world.persist("a");
  CHECK(world.node("a").commit_index() == LogIndex(3));
}

TEST_CASE("a lone node commits nothing that its disk does not have (etcd #14370)") {
  RaftWorld world("a");
  world.tick("a");
  world.disk_is_late("a", true);
  world.propose("a", "x");
  CHECK(world.node("a").commit_index() == LogIndex(2));
  world.persist("a");
  CHECK(world.node("a").commit_index() == LogIndex(3));
}

// LogCabin #44, libraft 0.15: "only log entries from the leader's current term are committed by
// counting replicas" (section 5.4.2). The whole of Figure 8 is in tests/scenario.
TEST_CASE("an entry of an older term is not committed by counting (section 5.4.2; R6)") {
  RaftWorld world("a b c");
  for (const char* name : {"a", "b"}) world.start_with_log(name, {Term(1), Term(2)});
  world.timeout("a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  REQUIRE(world.node("a").is_leader());
  world.receive("a", "b", Term(3), Ack{LogIndex(2), Round()});
  CHECK(world.node("a").commit_index() == LogIndex(1));
  world.deliver("a", "b");
  world.deliver("b", "a");
  CHECK(world.node("a").commit_index() == LogIndex(3));
}

// openraft #1500.
TEST_CASE("what a follower once had on disk counts, though an older ack arrives after the newer one (R3)") {
  RaftWorld world("a b c d e");
  world.elect("a");
  world.propose("a", "x");
  world.deliver("a", "b");
  world.deliver("b", "a");
  world.receive("a", "b", Term(2), Ack{LogIndex(2), Round()});  // overtaken
  world.deliver("a", "c");
  world.deliver("c", "a");
  CHECK(world.node("a").commit_index() == LogIndex(3));
}

TEST_CASE("an ack of an earlier term, of more than was sent, or of no round of ours counts for nothing") {
  RaftWorld world = led_by_a();
  world.disk_is_late("b", true);
  world.disk_is_late("c", true);
  world.propose("a", "x");
  world.receive("a", "b", Term(1), Ack{LogIndex(3), Round()});
  world.receive("a", "b", Term(2), Ack{LogIndex(4), Round()});
  world.receive("a", "b", Term(2), Ack{LogIndex(3), Round(1)});
  CHECK(world.node("a").commit_index() == LogIndex(2));
}

// --- accepting ---

// willemt/raft #37.
TEST_CASE("a message that is merely short deletes nothing (R5)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  world.propose("a", "y");
  world.deliver();
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(2), append(1, 1, {world.node("a").log().at(LogIndex(2))}));
  world.receive("b", "a", Term(2), append(1, 1, {}));
  CHECK(world.node("b").log().last_index() == LogIndex(4));
  CHECK(world.node("b").durable_index() == LogIndex(4));
  CHECK(world.node("b").verified_index() == LogIndex(4));
  CHECK(world.outstanding("b").empty());
}

TEST_CASE("an Append that arrives twice changes nothing the second time (section 5.3)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  const Append published = world.in_flight<Append>("a", "b").front();
  world.deliver();
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(2), published);
  CHECK(world.node("b").log().last_index() == LogIndex(3));
  CHECK(world.outstanding("b").empty());
}

TEST_CASE("a conflicting entry and all that follow it are replaced (section 5.3; R5)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(2), Term(2)});
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(3), append(2, 2, {entry(3)}));
  CHECK(world.node("b").log().last_index() == LogIndex(3));
  CHECK(world.node("b").log().last_term() == Term(3));
  CHECK(world.node("b").durable_index() == LogIndex(2));
}

TEST_CASE("an Append whose previous entry differs adds nothing") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2)});
  world.receive("b", "a", Term(4), append(2, 3, {entry(4)}));
  CHECK(world.node("b").log().last_index() == LogIndex(2));
  CHECK(world.node("b").verified_index() == LogIndex(0));
}

// --- publishing ---

TEST_CASE("an entry is published once to everyone, and before the leader's own disk is done (R15)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("a", true);
  world.propose("a", "x");
  REQUIRE(world.in_flight().size() == 2);
  for (const Envelope& envelope : world.in_flight()) {
    CHECK(envelope.published);
    CHECK_FALSE(envelope.message.to);
  }
  CHECK(world.node("a").durable_index() == LogIndex(2));
}

TEST_CASE("a new commit index is published at once (R15)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  world.deliver("a", "b");
  world.deliver("b", "a");
  CHECK(world.in_flight<Append>("a", "b").back().commit == LogIndex(3));
}

TEST_CASE("a heartbeat begins at the leader's last entry, so that any loss shows in it (R7)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  world.drop("a", "b");
  world.tick("a");
  const Append heartbeat = world.in_flight<Append>("a", "b").back();
  CHECK(heartbeat.entries.empty());
  CHECK(heartbeat.previous_index == LogIndex(3));
  CHECK(heartbeat.previous_term == Term(2));
}

TEST_CASE("a leader that has nothing to say says so every heartbeat interval") {
  RaftWorld world = led_by_a();
  const Time before = world.now();
  for (int i = 0; i < 10; ++i) {
    world.tick("a");
    CHECK_FALSE(world.in_flight().empty());
    world.deliver();
  }
  CHECK(world.now() - before == std::chrono::milliseconds(500));
}

TEST_CASE("everything of one turn goes out in as few Appends as their size allows, and in one write") {
  Options options;
  options.bounds.published_bytes = 200;
  RaftWorld world = led_by_a(options);
  Raft leader = world.node("a");
  for (int i = 0; i < 6; ++i) REQUIRE(leader.propose({world.now(), {}}, std::string(68, 'x')) == Proposed::kAppended);
  const RaftOutput output = leader.take_output(world.now());
  REQUIRE(output.messages.size() == 3);
  LogIndex after(2);
  for (const Outgoing& outgoing : output.messages) {
    const auto& append = std::get<Append>(outgoing.message.body);
    CHECK(append.previous_index == after);
    CHECK(append.entries.size() == 2);
    after = after + append.entries.size();
  }
  REQUIRE(output.writes.size() == 1);
  CHECK(output.writes[0].entries.size() == 6);
  CHECK(leader.take_output(world.now()).messages.empty());
}

TEST_CASE("a leader publishes no more frames than its PUB socket holds before some are committed") {
  Options options;
  options.bounds.unacknowledged_frames = 2;
  RaftWorld world = led_by_a(options);
  for (const char* command : {"v", "w", "x", "y"}) world.propose("a", command);
  CHECK(world.in_flight<Append>("a", "b").size() == 2);
  world.tick("a");  // heartbeats go on, and begin where what was published ends
  CHECK(world.in_flight<Append>("a", "b").back().previous_index == LogIndex(4));
  world.deliver();
  CHECK(world.node("b").commit_index() == LogIndex(6));
}

TEST_CASE("an entry's wall clock never falls below that of the entry before") {
  RaftWorld world = led_by_a();
  Raft leader = world.node("a");
  leader.propose({world.now(), WallTime(std::chrono::milliseconds(5000))}, "x");
  leader.propose({world.now(), WallTime(std::chrono::milliseconds(4000))}, "y");
  CHECK(leader.log().at(LogIndex(4)).time == WallTime(std::chrono::milliseconds(5000)));
}

// --- stepping down, and being busy ---

TEST_CASE("a leader without a quorum's acks for the maximum timeout steps down (thesis section 6.2; R10)") {
  RaftWorld world = led_by_a();
  world.isolate("a");
  world.run(kMaxTimeout - std::chrono::milliseconds(100));
  CHECK(world.node("a").is_leader());
  world.run(std::chrono::milliseconds(200));
  CHECK_FALSE(world.node("a").is_leader());
}

TEST_CASE("a leader that a majority answers stays, though others are gone (R10)") {
  RaftWorld world("a b c d e");
  world.elect("a");
  world.crash("d");
  world.crash("e");
  world.run(10 * kMaxTimeout);
  CHECK(world.node("a").is_leader());
  CHECK(world.node("a").term() == Term(2));
}

// hashicorp/raft #683: heartbeats must not go on for ever while the disk hangs.
TEST_CASE("a leader whose own disk is behind for the maximum timeout steps down (R14)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("a", true);
  world.propose("a", "x");
  world.run(kMaxTimeout - std::chrono::milliseconds(100));
  CHECK(world.node("a").is_leader());
  world.run(std::chrono::milliseconds(200));
  CHECK_FALSE(world.node("a").is_leader());
}

TEST_CASE("a leader whose disk is slow, but does what it owes within the timeout, stays (R14)") {
  RaftWorld world = led_by_a();
  world.disk_is_late("a", true);
  for (int i = 0; i < 10; ++i) {
    world.propose("a", "x");
    world.run(std::chrono::milliseconds(400));
    world.persist("a");
  }
  CHECK(world.node("a").is_leader());
}

TEST_CASE("what is not committed is bounded; beyond that a leader is busy (R14)") {
  Options options;
  options.bounds.uncommitted_bytes = 1000;
  RaftWorld world = led_by_a(options);
  world.cut("a", "b");
  world.cut("a", "c");
  int taken = 0;
  while (taken < 100 && world.propose("a", std::string(100, 'x')) == Proposed::kAppended) ++taken;
  CHECK(taken == 7);
  world.heal();
  world.tick("a");
  world.deliver();
  CHECK(world.propose("a", "x") == Proposed::kAppended);
}

// --- commands of other nodes' clients ---

TEST_CASE("forwarded commands become entries, one each and in order") {
  RaftWorld world = led_by_a();
  world.forward("b", {"x", "y"});
  world.deliver();
  CHECK(world.node("a").log().at(LogIndex(3)).body == EntryBody(Command{"x"}));
  CHECK(world.node("c").log().at(LogIndex(4)).body == EntryBody(Command{"y"}));
}

TEST_CASE("whoever does not lead answers a Forward with whom it follows") {
  RaftWorld world = led_by_a();
  world.receive("b", "c", Term(2), Forward{CallNumber(4), {"x"}});
  CHECK(world.in_flight<NotLeader>("b", "c") == std::vector{NotLeader{CallNumber(4), world.id("a")}});
}

TEST_CASE("a leader of a newer term does not take what was forwarded in an older one") {
  RaftWorld world = led_by_a();
  world.receive("a", "b", Term(1), Forward{CallNumber(4), {"x"}});
  CHECK(world.node("a").log().last_index() == LogIndex(2));
  CHECK(world.in_flight<NotLeader>("a", "b").size() == 1);
}

TEST_CASE("a leader that may take no more answers a Forward with Busy") {
  Options options;
  options.bounds.uncommitted_bytes = 100;
  RaftWorld world = led_by_a(options);
  world.receive("a", "b", Term(2), Forward{CallNumber(4), {"x", std::string(100, 'y')}});
  CHECK(world.in_flight<Busy>("a", "b") == std::vector{Busy{CallNumber(4)}});
}

}  // namespace lockstep::replication_test

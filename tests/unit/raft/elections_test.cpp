// Elections, pre-votes and leader stickiness (Raft section 5.2, thesis sections 4.2.3 and 9.6; R1, R8, R9).
#include <doctest/doctest.h>

#include <set>

#include "tests/support/raft_world.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::elections_test {

using namespace lockstep::raft;

namespace {

constexpr auto kMinTimeout = std::chrono::milliseconds(500);
constexpr auto kMaxTimeout = std::chrono::milliseconds(1000);

VoteRequest request(std::uint64_t index, std::uint64_t term, std::uint64_t number = 1) {
  return {CallNumber(number), false, LogIndex(index), Term(term)};
}

VoteRequest pre_vote_request(std::uint64_t index, std::uint64_t term) {
  return {CallNumber(1), true, LogIndex(index), Term(term)};
}

// The one vote in flight between two nodes.
Vote vote_of(const RaftWorld& world, const std::string& voter, const std::string& asker) {
  const auto votes = world.in_flight<Vote>(voter, asker);
  REQUIRE(votes.size() == 1);
  return votes[0];
}

// Makes a node a candidate: everyone grants the pre-vote, and its requests for votes are in flight.
void make_candidate(RaftWorld& world, const std::string& name) {
  world.timeout(name);
  for (const std::string& other : world.names()) world.deliver(name, other);
  for (const std::string& other : world.names()) world.deliver(other, name);
  REQUIRE(world.node(name).is_candidate());
}

}  // namespace

TEST_CASE("a vote is durable before it is answered (R1)") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(2), request(1, 1));
  CHECK(world.node("b").vote() == world.id("a"));
  CHECK(world.in_flight().empty());
  world.persist("b");
  CHECK(world.disk("b").hard_state.vote == world.id("a"));
  CHECK(vote_of(world, "b", "a").granted);
}

TEST_CASE("a vote in a term that was known before is durable before it is answered, too (R1)") {
  RaftWorld world("a b c");
  world.receive("b", "c", Term(2), NotLeader{CallNumber(1), NodeId()});
  REQUIRE(world.disk("b").hard_state.term == Term(2));
  REQUIRE_FALSE(world.disk("b").hard_state.vote);
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(2), request(1, 1));
  CHECK(world.in_flight().empty());
  world.persist("b");
  CHECK(world.disk("b").hard_state.vote == world.id("a"));
  CHECK(vote_of(world, "b", "a").granted);
}

TEST_CASE("a term and the own vote are durable before votes are asked for (R1)") {
  RaftWorld world("a b c");
  world.disk_is_late("a", true);
  world.timeout("a");
  world.deliver("a", "b");
  world.deliver("b", "a");
  REQUIRE(world.node("a").is_candidate());
  CHECK(world.in_flight<VoteRequest>("a", "b").empty());
  world.persist("a");
  CHECK(world.disk("a").hard_state.vote == world.id("a"));
  CHECK(world.in_flight<VoteRequest>("a", "b").size() == 1);
}

TEST_CASE("a lone node leads only when its own vote is durable (R1)") {
  RaftWorld world("a");
  world.disk_is_late("a", true);
  world.tick("a");
  CHECK(world.node("a").is_candidate());
  world.persist("a");
  CHECK(world.node("a").is_leader());
}

TEST_CASE("a lone node campaigns at its start, without waiting for a timeout (R1)") {
  RaftWorld world("a");
  CHECK(world.node("a").next_deadline() == world.now());
  world.tick("a");
  CHECK(world.node("a").is_leader());
}

// Else a disk slower than the election timeout would never see a leader: each term's vote would become
// durable only after the next one was asked for.
TEST_CASE("a candidate whose own vote is not durable yet waits for its disk, and raises its term no further") {
  RaftWorld world("a");
  world.disk_is_late("a", true);
  for (int i = 0; i < 10; ++i) world.tick("a");
  CHECK(world.node("a").term() == Term(2));
  CHECK(world.outstanding("a").size() == 1);
  world.persist("a");
  CHECK(world.node("a").is_leader());
}

TEST_CASE("that an earlier write is done says nothing of the own vote (R1)") {
  RaftWorld world("a");
  world.tick("a");
  world.disk_is_late("a", true);
  world.propose("a", "x");
  // Its disk hangs, so it steps down (R14) and asks itself for its vote again.
  for (int i = 0; i < 100 && !world.node("a").is_candidate(); ++i) world.tick("a");
  REQUIRE(world.outstanding("a").size() == 2);
  world.persist("a");  // x
  CHECK(world.node("a").is_candidate());
  world.persist("a");
  CHECK(world.node("a").is_leader());
}

TEST_CASE("a node votes once in a term, whoever asks next (section 5.2)") {
  RaftWorld world("a b c");
  world.receive("b", "a", Term(2), request(1, 1));
  world.receive("b", "c", Term(2), request(9, 1));
  CHECK(vote_of(world, "b", "a").granted);
  CHECK_FALSE(vote_of(world, "b", "c").granted);
  CHECK(world.node("b").vote() == world.id("a"));
}

TEST_CASE("a node that crashed after its vote does not vote again in that term (Camunda #5356)") {
  RaftWorld world("a b c");
  world.receive("b", "a", Term(2), request(1, 1));
  world.crash("b");
  world.restart("b");
  world.receive("b", "c", Term(2), request(1, 1));
  CHECK_FALSE(vote_of(world, "b", "c").granted);
}

TEST_CASE("a repeated request of the same candidate is granted again, without another write") {
  RaftWorld world("a b c");
  world.receive("b", "a", Term(2), request(1, 1));
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(2), request(1, 1));
  CHECK(world.outstanding("b").empty());
  CHECK(world.in_flight<Vote>("b", "a").size() == 2);
  CHECK(world.in_flight<Vote>("b", "a")[1].granted);
}

TEST_CASE("a vote is refused to a log less complete than the voter's (section 5.4.1)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(2)});
  world.receive("b", "a", Term(3), request(2, 2));
  CHECK_FALSE(vote_of(world, "b", "a").granted);
  CHECK(world.node("b").term() == Term(3));
  world.receive("b", "c", Term(3), request(2, 3));
  CHECK(vote_of(world, "b", "c").granted);
}

TEST_CASE("a request of an older term is refused, and the refusal carries the newer one") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(4)});
  world.receive("b", "a", Term(3), request(9, 3));
  CHECK_FALSE(vote_of(world, "b", "a").granted);
  CHECK(world.in_flight().back().message.term == Term(4));
}

TEST_CASE("a granted vote resets the election timer, a refused one does not (section 5.2)") {
  RaftWorld world("a b c");
  const Time before = world.node("b").next_deadline();
  world.advance(std::chrono::milliseconds(400));
  world.receive("b", "a", Term(2), request(0, 0));
  CHECK(world.node("b").next_deadline() == before);
  world.receive("b", "c", Term(2), request(1, 1));
  CHECK(world.node("b").next_deadline() >= world.now() + kMinTimeout);
}

TEST_CASE("a pre-vote changes nothing at the node that is asked: no term, no vote, no timer, no write (R9)") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  const Time deadline = world.node("b").next_deadline();
  world.receive("b", "a", Term(7), pre_vote_request(1, 1));
  CHECK(vote_of(world, "b", "a").granted);
  CHECK(world.node("b").term() == Term(1));
  CHECK_FALSE(world.node("b").vote());
  CHECK(world.node("b").next_deadline() == deadline);
  CHECK(world.outstanding("b").empty());
  // Nor does it bind: another asker is granted as well.
  world.receive("b", "c", Term(1), pre_vote_request(1, 1));
  CHECK(vote_of(world, "b", "c").granted);
}

TEST_CASE("a pre-vote changes nothing at the asker either, until a majority granted it (thesis section 9.6)") {
  RaftWorld world("a b c d e");
  world.timeout("a");
  CHECK(world.node("a").is_pre_candidate());
  CHECK(world.node("a").term() == Term(1));
  CHECK(world.in_flight().back().message.term == Term(1));
  world.deliver("a", "b");
  world.deliver("b", "a");
  CHECK(world.node("a").is_pre_candidate());
  CHECK(world.node("a").term() == Term(1));
  world.deliver("a", "c");
  world.deliver("c", "a");
  CHECK(world.node("a").is_candidate());
  CHECK(world.node("a").term() == Term(2));
}

TEST_CASE("a pre-vote is refused while a leader is heard, and by the leader, and the refusal names it (R9)") {
  RaftWorld world("a b c");
  world.elect("a");
  for (const char* voter : {"a", "b"}) {
    world.receive(voter, "c", Term(2), pre_vote_request(2, 2));
    const Vote vote = vote_of(world, voter, "c");
    CHECK_FALSE(vote.granted);
    CHECK(vote.leader == world.id("a"));
  }
  // Once the minimum timeout has passed without a word, b has no leader to protect.
  world.advance(kMinTimeout);
  world.receive("b", "c", Term(2), pre_vote_request(2, 2));
  CHECK(world.in_flight<Vote>("b", "c").back().granted);
  CHECK_FALSE(world.in_flight<Vote>("b", "c").back().leader);
}

TEST_CASE("a pre-vote is refused to a log less complete") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(1)});
  world.receive("b", "a", Term(1), pre_vote_request(1, 1));
  CHECK_FALSE(vote_of(world, "b", "a").granted);
}

TEST_CASE("a pre-vote of an older term is refused, and the asker adopts the voter's term (R9)") {
  RaftWorld world("a b c");
  world.receive("b", "c", Term(6), Ack{LogIndex(1), Round()});
  REQUIRE(world.node("b").term() == Term(6));
  world.timeout("a");
  world.deliver("a", "b");
  CHECK_FALSE(vote_of(world, "b", "a").granted);
  world.deliver("b", "a");
  CHECK(world.node("a").term() == Term(6));
  CHECK_FALSE(world.node("a").vote());
}

TEST_CASE("a voter of an older term grants, and its grant is not dropped as stale (R9)") {
  RaftWorld world("a b c");
  world.receive("a", "c", Term(6), Ack{LogIndex(1), Round()});
  world.timeout("a");
  world.deliver("a", "b");
  REQUIRE(world.in_flight().back().message.term == Term(1));
  world.deliver("b", "a");
  CHECK(world.node("a").is_candidate());
  CHECK(world.node("a").term() == Term(7));
}

// etcd #8501: the node with the higher term cannot win, and those that can must not be held up by it.
TEST_CASE("a node with a higher term and a shorter log does not keep the others from electing a leader (R9)") {
  RaftWorld world("a b c");
  world.elect("a");
  world.isolate("c");
  world.propose("a", "x");
  world.deliver();
  world.receive("c", "a", Term(9), Ack{LogIndex(1), Round()});  // however it came to be in term 9
  world.crash("a");
  world.heal();
  world.run(std::chrono::seconds(5));
  CHECK(world.node("b").is_leader());
  CHECK(world.node("b").term() > Term(9));
  CHECK(world.node("c").commit_index() == world.node("b").commit_index());
}

TEST_CASE("a real request is ignored, its term too, while a leader was heard within the minimum timeout (R9)") {
  RaftWorld world("a b c");
  world.elect("a");
  for (const char* voter : {"a", "b"}) {
    world.receive(voter, "c", Term(8), request(9, 7));
    CHECK(world.node(voter).term() == Term(2));
  }
  CHECK(world.in_flight().empty());
  CHECK(world.node("a").is_leader());
  world.advance(kMinTimeout);
  world.receive("b", "c", Term(8), request(9, 7));
  CHECK(vote_of(world, "b", "c").granted);
}

TEST_CASE("a majority of votes makes a leader, and a repeated vote counts once (section 5.2)") {
  RaftWorld world("a b c d e");
  make_candidate(world, "a");
  const auto requests = world.in_flight<VoteRequest>("a", "b");
  const Vote granted{requests.back().number, false, true, NodeId()};
  world.receive("a", "b", Term(2), granted);
  world.receive("a", "b", Term(2), granted);
  CHECK(world.node("a").is_candidate());
  world.receive("a", "c", Term(2), granted);
  CHECK(world.node("a").is_leader());
}

TEST_CASE("a pre-vote is never counted as a vote, nor an answer to an earlier question") {
  RaftWorld world("a b c");
  make_candidate(world, "a");
  const CallNumber number = world.in_flight<VoteRequest>("a", "b").back().number;
  world.receive("a", "b", Term(2), Vote{.number = number, .pre_vote = true, .granted = true, .leader = NodeId()});
  world.receive("a", "b", Term(2),
                Vote{.number = number.previous(), .pre_vote = false, .granted = true, .leader = NodeId()});
  CHECK(world.node("a").is_candidate());
  world.receive("a", "b", Term(2), Vote{.number = number, .pre_vote = false, .granted = true, .leader = NodeId()});
  CHECK(world.node("a").is_leader());
}

TEST_CASE("a leader's first act is an entry of its own term that does nothing (section 8; R6)") {
  RaftWorld world("a b c");
  world.elect("a");
  const Entry& first = world.node("b").log().at(LogIndex(2));
  CHECK(first.term == Term(2));
  CHECK(std::holds_alternative<Noop>(first.body));
}

TEST_CASE("a candidate that hears the leader of its term follows it (section 5.2)") {
  RaftWorld world("a b c");
  make_candidate(world, "a");
  world.receive("a", "b", Term(2), Append{LogIndex(1), Term(1), {}, LogIndex(1), Round(), {}, {}});
  CHECK(world.node("a").leader() == world.id("b"));
}

TEST_CASE("election timeouts are drawn anew each time, between the minimum and the maximum (section 5.2)") {
  RaftWorld world("a b c");
  std::set<Duration> drawn;
  for (int i = 0; i < 20; ++i) {
    const Duration timeout = world.node("a").next_deadline() - world.now();
    CHECK(timeout >= kMinTimeout);
    CHECK(timeout <= kMaxTimeout);
    drawn.insert(timeout);
    world.timeout("a");
  }
  CHECK(drawn.size() > 10);
}

TEST_CASE("a refused pre-vote names the leader, and the asker fetches from it (R8)") {
  RaftWorld world("a b c");
  world.elect("a");
  world.crash("c");
  world.restart("c");
  world.cut("a", "c", true);
  world.propose("a", "x");
  world.deliver();
  world.timeout("c");
  world.tick("a");
  world.deliver();
  CHECK(world.node("c").leader() == world.id("a"));
  CHECK(world.node("c").log().last_index() == LogIndex(3));
}

// S2: after acknowledged data was damaged, until what was lost is durable and proved again.
TEST_CASE("a node under repair neither votes nor campaigns nor acknowledges until it is whole (S2)") {
  RaftWorld world("a b c");
  world.elect("a");
  world.propose("a", "x");
  world.deliver();
  world.crash("c");
  Restored damaged = world.disk("c");
  damaged.entries.resize(1);
  damaged.hard_state.repair_until = LogIndex(3);
  world.start_from("c", damaged);
  world.isolate("c");

  world.receive("c", "b", Term(2), pre_vote_request(3, 2));
  world.receive("c", "b", Term(3), request(3, 2));
  CHECK_FALSE(world.node("c").vote());
  world.timeout("c");
  world.receive("c", "b", Term(3),
                Vote{.number = CallNumber(1), .pre_vote = true, .granted = true, .leader = NodeId()});
  CHECK_FALSE(world.node("c").is_candidate());
}

TEST_CASE("that a repair is complete is durable before the first ack after it (S2)") {
  RaftWorld world("a b c");
  world.elect("a");
  world.propose("a", "x");
  world.deliver();
  world.crash("c");
  Restored damaged = world.disk("c");
  damaged.entries.resize(1);
  damaged.hard_state.repair_until = LogIndex(3);
  world.start_from("c", damaged);
  world.disk_is_late("c", true);
  world.tick("a");
  world.deliver("a", "c");
  CHECK(world.in_flight<Fetch>("c", "a").size() == 1);
  CHECK(world.in_flight<Ack>("c", "a").empty());
  world.deliver();
  CHECK(world.node("c").log().last_index() == LogIndex(3));
  CHECK(world.node("c").is_repairing());

  world.persist("c");  // the entries: whole again, but nobody may rely on it yet
  CHECK_FALSE(world.node("c").is_repairing());
  CHECK(world.in_flight<Ack>("c", "a").empty());
  world.persist("c");
  CHECK_FALSE(world.disk("c").hard_state.repair_until);
  REQUIRE(world.in_flight<Ack>("c", "a").size() == 1);
  CHECK(world.in_flight<Ack>("c", "a")[0].match == LogIndex(3));
}

}  // namespace lockstep::elections_test

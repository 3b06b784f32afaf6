// What holds for every message and every start: who is listened to, terms, and what is durable before
// anything is said (R1).
#include <doctest/doctest.h>

#include "tests/support/raft_world.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::raft_test {

using namespace lockstep::raft;

namespace {

Append heartbeat(std::uint64_t index, std::uint64_t term, std::uint64_t commit = 1) {
  return {LogIndex(index), Term(term), {}, LogIndex(commit), Round(), CallNumber(), std::nullopt};
}

}  // namespace

TEST_CASE("a message of a newer term makes a leader a follower of that term (section 5.1)") {
  RaftWorld world("a b c");
  world.elect("a");
  world.receive("a", "b", Term(9), Ack{LogIndex(1), Round()});
  CHECK_FALSE(world.node("a").is_leader());
  CHECK(world.node("a").term() == Term(9));
  CHECK_FALSE(world.node("a").vote());
}

TEST_CASE("messages of an older term are dropped, requests among them are answered with the newer one") {
  RaftWorld world("a b c");
  world.elect("a");
  world.receive("a", "b", Term(1), Ack{LogIndex(2), Round()});
  world.receive("b", "c", Term(1), heartbeat(1, 1));
  CHECK(world.in_flight().empty());
  CHECK(world.node("b").leader() == world.id("a"));

  world.receive("a", "b", Term(1), Fetch{CallNumber(7), LogIndex(1), Term(1)});
  const auto answers = world.in_flight<NotLeader>("a", "b");
  REQUIRE(answers.size() == 1);
  CHECK(answers[0] == NotLeader{CallNumber(7), world.id("a")});
  CHECK(world.in_flight().back().message.term == Term(2));
}

TEST_CASE("messages of another cluster, for another node or from a stranger are not heard") {
  RaftWorld world("a b");
  const auto try_message = [&](ClusterId cluster, NodeId from, NodeId to) {
    Raft raft = world.node("a");
    raft.receive({world.now(), {}}, ConnectionId(5), {cluster, Term(5), from, to, heartbeat(1, 1)});
    return raft.term() == Term(5);
  };
  const ClusterId ours = world.node("a").configuration().cluster;
  CHECK(try_message(ours, world.id("b"), world.id("a")));
  CHECK(try_message(ours, world.id("b"), NodeId()));  // published
  CHECK_FALSE(try_message(ClusterId(1), world.id("b"), world.id("a")));
  CHECK_FALSE(try_message(ClusterId(), world.id("b"), world.id("a")));
  CHECK_FALSE(try_message(ours, world.id("b"), world.id("b")));
  CHECK_FALSE(try_message(ours, NodeId(99), world.id("a")));
  CHECK_FALSE(try_message(ours, world.id("a"), world.id("a")));
}

// Each of them would end the node sooner or later, by an INVARIANT of its log or of the state that follows from it.
TEST_CASE("an Append that no leader can have said is dropped, its term too") {
  RaftWorld world("a b c");
  const auto entry = [](std::uint64_t term) { return Entry{Term(term), {}, Command{"x"}}; };
  const auto is_accepted = [&](std::vector<Entry> entries, std::uint64_t previous_term = 1) {
    RaftWorld copy = world;
    Append append = heartbeat(1, previous_term);
    append.entries = std::move(entries);
    copy.receive("b", "a", Term(3), append);
    CHECK(copy.node("b").log().last_index() ==
          LogIndex(copy.node("b").term() == Term(3) ? 1 + append.entries.size() : 1));
    return copy.node("b").term() == Term(3);
  };
  CHECK(is_accepted({}));
  CHECK(is_accepted({entry(1), entry(2), entry(2), entry(3)}));
  CHECK_FALSE(is_accepted({entry(3), entry(2)}));
  CHECK_FALSE(is_accepted({entry(4)}));
  CHECK_FALSE(is_accepted({entry(1)}, 2));
  CHECK_FALSE(is_accepted({}, 4));
  const Configuration second = world.node("b").configuration();
  CHECK_FALSE(is_accepted({Entry{Term(3), {}, second}}));
}

TEST_CASE("nobody votes for a candidate whose log ends in a term above its own") {
  const auto votes_for = [&](bool pre_vote, std::uint64_t last_term) {
    RaftWorld world("a b c");
    world.receive(
        "b", "a", Term(3),
        VoteRequest{
            .number = CallNumber(1), .pre_vote = pre_vote, .last_index = LogIndex(1), .last_term = Term(last_term)});
    return !world.in_flight<Vote>("b", "a").empty();
  };
  for (const bool pre_vote : {false, true}) {
    CHECK(votes_for(pre_vote, 3));
    CHECK_FALSE(votes_for(pre_vote, 4));
  }
}

TEST_CASE("no message of a term leaves before the term is durable, an answer to a Fetch included (R1)") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  world.receive("b", "a", Term(5), Fetch{CallNumber(1), LogIndex(1), Term(1)});
  CHECK(world.node("b").term() == Term(5));
  CHECK(world.in_flight().empty());
  world.persist("b");
  CHECK(world.disk("b").hard_state.term == Term(5));
  CHECK(world.in_flight<NotLeader>("b", "a").size() == 1);
}

TEST_CASE("what waited in an older term is never said in it again, nor in the newer one (R1)") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  world.receive(
      "b", "a", Term(5),
      VoteRequest{.number = CallNumber(1), .pre_vote = false, .last_index = LogIndex(1), .last_term = Term(1)});
  world.receive(
      "b", "c", Term(6),
      VoteRequest{.number = CallNumber(2), .pre_vote = false, .last_index = LogIndex(1), .last_term = Term(1)});
  world.persist_all("b");
  CHECK(world.in_flight<Vote>("b", "a").empty());
  REQUIRE(world.in_flight<Vote>("b", "c").size() == 1);
  CHECK(world.in_flight<Vote>("b", "c")[0].granted);
}

// Within one write the entries become durable before the hard state (see raft::Write), so a crash can
// leave a log whose last term is above the term that was stored.
TEST_CASE("a crash between a write's entries and its term leaves a node that starts in the entries' term") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  const Entry entry{Term(3), {}, Command{"x"}};
  world.receive("b", "a", Term(3), Append{LogIndex(1), Term(1), {entry}, LogIndex(1), Round(), {}, {}});
  world.crash_within_write("b");
  REQUIRE(world.disk("b").entries.size() == 2);
  REQUIRE(world.disk("b").hard_state.term == Term(1));

  world.restart("b");
  CHECK(world.node("b").term() == Term(3));
  CHECK_FALSE(world.node("b").vote());  // it was silent in term 3, so it gave no vote
  // Like any new term, this one is durable before a word of it is said.
  world.receive("b", "c", Term(3), Fetch{CallNumber(1), LogIndex(2), Term(3)});
  CHECK(world.in_flight().empty());
  world.persist_all("b");
  CHECK(world.disk("b").hard_state.term == Term(3));
  CHECK(world.in_flight<NotLeader>("b", "c").size() == 1);
}

TEST_CASE("a node starts with what its disk has: term, vote, log, and entry 1 committed") {
  RaftWorld world("a b c");
  world.elect("a");
  world.propose("a", "x");
  world.deliver();
  world.crash("b");
  world.restart("b");
  CHECK(world.node("b").term() == Term(2));
  CHECK(world.node("b").vote() == world.id("a"));
  CHECK(world.node("b").log().last_index() == LogIndex(3));
  CHECK(world.node("b").durable_index() == LogIndex(3));
  CHECK(world.node("b").commit_index() == LogIndex(1));
  CHECK_FALSE(world.node("b").first_commit_heard());
}

TEST_CASE("a node answers reads only once it heard a live leader's commit index") {
  RaftWorld world("a b c");
  CHECK_FALSE(world.node("b").first_commit_heard());
  world.elect("a");
  CHECK(world.node("b").first_commit_heard() == LogIndex(1));
  CHECK(world.node("a").first_commit_heard() == LogIndex(2));  // its own first entry
}

TEST_CASE("a node is a value: a copy goes its own way") {
  RaftWorld world("a b c");
  world.elect("a");
  RaftWorld copy = world;
  copy.propose("a", "x");
  copy.deliver();
  CHECK(copy.node("a").commit_index() == LogIndex(3));
  CHECK(world.node("a").commit_index() == LogIndex(2));
  world.propose("a", "y");
  world.deliver();
  CHECK(world.node("b").log().at(LogIndex(3)).body == EntryBody(Command{"y"}));
  CHECK(copy.node("b").log().at(LogIndex(3)).body == EntryBody(Command{"x"}));
}

}  // namespace lockstep::raft_test

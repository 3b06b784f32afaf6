// The outbox: term and vote reach the disk before any message of theirs leaves (R1, S2).
#include "protocol/raft/outbox.hpp"

#include <doctest/doctest.h>

#include "tests/support/aborts.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::outbox_test {

using namespace lockstep::raft;

namespace {

constexpr NodeId kSelf(1);
constexpr NodeId kOther(2);

Outbox outbox_at(std::uint64_t term) { return {HardState{ClusterId(7), Term(term), {}, {}}, WriteId(4)}; }

Log log_of(std::size_t entries) {
  std::vector<Entry> all;
  for (std::size_t i = 0; i < entries; ++i) all.push_back({Term(1), WallTime{}, Command{"x"}});
  return Log(std::move(all));
}

Outgoing outgoing(std::uint64_t term, MessageBody body, NodeId to = kOther) {
  return {ToMember{"b"}, {ClusterId(7), Term(term), kSelf, to, std::move(body)}};
}

Vote granted_vote() { return {.number = CallNumber(3), .pre_vote = false, .granted = true, .leader = NodeId()}; }

SharedSnapshot snapshot_at(std::uint64_t index) {
  Snapshot snapshot;
  snapshot.head.index = LogIndex(index);
  return std::make_shared<const Snapshot>(std::move(snapshot));
}

}  // namespace

TEST_CASE("nothing staged is nothing to write, and then messages leave at once") {
  Outbox outbox = outbox_at(2);
  CHECK_FALSE(outbox.take_write(log_of(3)));
  outbox.add(outgoing(2, Ack{}));
  REQUIRE(outbox.may_speak());
  CHECK(outbox.take_messages().size() == 1);
  CHECK(outbox.take_messages().empty());
}

TEST_CASE("messages wait until the term is durable, from the moment it is entered (R1)") {
  Outbox outbox = outbox_at(2);
  outbox.enter_term(Term(3));
  outbox.add(outgoing(3, Ack{}));
  CHECK_FALSE(outbox.may_speak());
  CHECK_FALSE(outbox.is_hard_state_under_way());
  const auto write = outbox.take_write(log_of(3));
  REQUIRE(write);
  CHECK(write->id == WriteId(5));
  CHECK(write->entries.empty());
  CHECK(write->hard_state->term == Term(3));
  CHECK(outbox.is_hard_state_under_way());
  CHECK_FALSE(outbox.may_speak());
  CHECK(test::aborts([&] { outbox.take_messages(); }));
  outbox.persisted(WriteId(4));  // an earlier write says nothing of it
  CHECK_FALSE(outbox.may_speak());
  outbox.persisted(WriteId(5));
  CHECK(outbox.may_speak());
  CHECK(outbox.take_messages().size() == 1);
}

TEST_CASE("what waits to leave in an older term never does (R1)") {
  Outbox outbox = outbox_at(2);
  outbox.add(outgoing(2, Ack{}));
  outbox.enter_term(Term(3), kSelf);
  CHECK(outbox.hard_state().vote == kSelf);
  const auto write = outbox.take_write(log_of(3));
  outbox.persisted(write->id);
  CHECK(outbox.take_messages().empty());
}

TEST_CASE("a term changes while the one before is on its way to the disk: both must be durable") {
  Outbox outbox = outbox_at(2);
  outbox.enter_term(Term(3));
  const auto first = outbox.take_write(log_of(3));
  outbox.enter_term(Term(4));
  outbox.persisted(first->id);
  CHECK_FALSE(outbox.may_speak());
  const auto second = outbox.take_write(log_of(3));
  CHECK(second->hard_state->term == Term(4));
  outbox.persisted(second->id);
  CHECK(outbox.may_speak());
}

TEST_CASE("a term never falls, and a vote is given once in it (Raft section 5.2)") {
  Outbox outbox = outbox_at(2);
  CHECK(test::aborts([&] { outbox.enter_term(Term(2)); }));
  outbox.vote_for(kOther);
  const auto write = outbox.take_write(log_of(3));
  CHECK(write->hard_state->vote == kOther);
  outbox.vote_for(kOther);
  CHECK_FALSE(outbox.take_write(log_of(3)));
  CHECK(test::aborts([&] { outbox.vote_for(NodeId(3)); }));
}

TEST_CASE("entries are written from the lowest index that changed, to the end of the log") {
  Outbox outbox = outbox_at(2);
  outbox.stage_entries_from(LogIndex(4));
  outbox.stage_entries_from(LogIndex(3));
  outbox.stage_entries_from(LogIndex(5));
  const auto write = outbox.take_write(log_of(5));
  REQUIRE(write);
  CHECK(write->first == LogIndex(3));
  CHECK(write->entries.size() == 3);
  CHECK_FALSE(write->hard_state);
  CHECK(outbox.may_speak());
  CHECK_FALSE(outbox.take_write(log_of(5)));
}

TEST_CASE("a snapshot takes the place of what was staged of the log, and is told of when it is durable (S3)") {
  Outbox outbox = outbox_at(2);
  outbox.stage_entries_from(LogIndex(3));
  outbox.stage_snapshot(snapshot_at(9));
  CHECK(outbox.is_installing());
  CHECK(outbox.persisted(WriteId(99)) == nullptr);  // it was not handed to the disk
  const auto write = outbox.take_write(Log({}, {LogIndex(9), Term(2)}));
  REQUIRE(write);
  CHECK(write->entries.empty());
  CHECK(write->snapshot->head.index == LogIndex(9));
  CHECK(outbox.persisted(write->id.previous()) == nullptr);
  const SharedSnapshot durable = outbox.persisted(write->id);
  REQUIRE(durable);
  CHECK(durable->head.index == LogIndex(9));
  CHECK_FALSE(outbox.is_installing());
  CHECK(outbox.persisted(write->id) == nullptr);
}

TEST_CASE("Fetches that have not left are withdrawn, and nothing else (R7)") {
  Outbox outbox = outbox_at(2);
  outbox.add(outgoing(2, Fetch{}));
  outbox.add(outgoing(2, Forward{}));
  outbox.add(outgoing(2, Fetch{}));
  outbox.withdraw_fetches();
  const auto messages = outbox.take_messages();
  REQUIRE(messages.size() == 1);
  CHECK(std::holds_alternative<Forward>(messages[0].message.body));
}

TEST_CASE("the end of a repair is durable before anything is said (S2)") {
  Outbox outbox{HardState{ClusterId(7), Term(2), {}, LogIndex(8)}, WriteId()};
  CHECK(outbox.may_speak());  // it asks who leads
  outbox.end_repair();
  CHECK_FALSE(outbox.may_speak());
  const auto write = outbox.take_write(log_of(8));
  CHECK_FALSE(write->hard_state->repair_until);
  outbox.persisted(write->id);
  CHECK(outbox.may_speak());
  CHECK(test::aborts([&] { outbox.end_repair(); }));
}

TEST_CASE("what may never wait to leave breaks the outbox's invariant (R1, S2)") {
  const auto breaks = [](Outbox outbox, Outgoing message) {
    outbox.add(std::move(message));
    return test::aborts([&] { outbox.check_invariants(log_of(3)); });
  };
  Outbox voted = outbox_at(2);
  voted.vote_for(kOther);
  CHECK_FALSE(breaks(voted, outgoing(2, granted_vote())));
  CHECK(breaks(voted, outgoing(2, granted_vote(), NodeId(3))));  // somebody else's vote
  CHECK(breaks(voted, outgoing(1, Fetch{})));                    // of an older term
  const Outbox damaged{HardState{ClusterId(7), Term(2), kOther, LogIndex(8)}, WriteId()};
  CHECK_FALSE(breaks(damaged, outgoing(2, Fetch{})));
  CHECK(breaks(damaged, outgoing(2, Ack{})));
  CHECK(breaks(damaged, outgoing(2, granted_vote())));
}

}  // namespace lockstep::outbox_test

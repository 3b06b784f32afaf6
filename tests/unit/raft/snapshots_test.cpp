// Snapshots: what a follower gets that is too far behind, and what a log means whose front is gone (S3).
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/aborts.hpp"
#include "tests/support/raft_world.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::snapshots_test {

using namespace lockstep::raft;

namespace {

Options small_parts() {
  Options options;
  options.bounds.snapshot_part_bytes = 4;
  return options;
}

// a leads and has compacted twice, so that its log begins after index 5; c was away since index 2.
RaftWorld with_c_far_behind(const Options& options = small_parts()) {
  RaftWorld world("a b c", options);
  world.elect("a");
  world.run(std::chrono::milliseconds(200));
  world.crash("c");
  for (const char* command : {"3", "4", "5"}) world.propose("a", command);
  world.deliver();
  world.compact("a");
  for (const char* command : {"6", "7"}) world.propose("a", command);
  world.deliver();
  world.compact("a");
  world.propose("a", "8");
  world.deliver();
  REQUIRE(world.node("a").log().base() == EntryId{LogIndex(5), Term(2)});
  return world;
}

std::vector<Fetch> fetches_of_c(const RaftWorld& world) { return world.in_flight<Fetch>("c", "a"); }
std::vector<SnapshotPart> parts_for_c(const RaftWorld& world) { return world.in_flight<SnapshotPart>("a", "c"); }

// Until the first part for c is on its way.
void let_c_ask(RaftWorld& world) {
  world.restart("c");
  world.tick("a");
  world.deliver("a", "c");
  REQUIRE(fetches_of_c(world).size() == 1);
  world.deliver("c", "a");
  REQUIRE(parts_for_c(world).size() == 1);
}

}  // namespace

TEST_CASE("a compacted log begins after the older of two snapshots (S3)") {
  RaftWorld world("a b c");
  world.elect("a");
  world.propose("a", "3");
  world.deliver();
  world.compact("a");
  CHECK(world.node("a").log().base() == EntryId{});
  CHECK(world.node("a").snapshot()->index == LogIndex(3));
  world.propose("a", "4");
  world.deliver();
  world.compact("a");
  CHECK(world.node("a").log().base() == EntryId{LogIndex(3), Term(2)});
  CHECK(world.node("a").log().last_index() == LogIndex(4));
  CHECK(world.node("a").snapshot()->index == LogIndex(4));
}

TEST_CASE("a follower whose entries the leader has dropped is sent a snapshot, part by part, and then the rest") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  std::vector<std::uint64_t> offsets;
  while (!parts_for_c(world).empty()) {
    const SnapshotPart part = parts_for_c(world).front();
    CHECK(part.head.index == LogIndex(7));
    CHECK(part.head.state_bytes == 10);
    offsets.push_back(part.offset);
    world.deliver("a", "c");
    world.deliver("c", "a");
  }
  CHECK(offsets == std::vector<std::uint64_t>{0, 4, 8});
  world.deliver();
  CHECK(world.node("c").log().base() == EntryId{LogIndex(7), Term(2)});
  CHECK(world.node("c").log().last_index() == LogIndex(8));
  CHECK(world.disk("c").snapshot->state == world.disk("a").snapshot->state);
  CHECK(world.disk("c").base == EntryId{LogIndex(7), Term(2)});
  CHECK(world.node("c").durable_index() == LogIndex(8));
  world.tick("a");
  world.deliver();
  CHECK(world.node("c").commit_index() == LogIndex(8));
}

TEST_CASE("a part that is lost is asked for again, and the transfer goes on where it was (S3)") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  world.deliver("a", "c");
  world.deliver("c", "a");
  world.drop("a", "c");
  while (fetches_of_c(world).empty()) world.tick("c");
  const Fetch again = fetches_of_c(world).back();
  CHECK(again.snapshot == LogIndex(7));
  CHECK(again.offset == 4);
  world.deliver();
  CHECK(world.node("c").log().base().index == LogIndex(7));
}

TEST_CASE("on a path where every answer comes late a transfer goes on all the same (S3)") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  for (int part = 0; part < 3 && !world.node("c").log().base().index; ++part) {
    // The question is asked again, under another number, before the answer to the first is there.
    const auto late = parts_for_c(world);
    REQUIRE(!late.empty());
    world.drop("a", "c");
    const std::size_t asked = fetches_of_c(world).size();
    while (fetches_of_c(world).size() == asked) world.tick("c");
    world.drop("c", "a");
    world.receive("c", "a", Term(2), late.back());
    world.deliver("c", "a");
  }
  CHECK(world.node("c").log().base().index == LogIndex(7));
}

TEST_CASE("a leader that cannot read its newest snapshot gives the one before it") {
  RaftWorld world = with_c_far_behind();
  const SnapshotRead read{world.id("c"), ConnectionId(3), CallNumber(5), LogIndex(7), 0, 10};
  world.snapshot_is_gone("a", read);
  world.restart("c");
  world.run(std::chrono::milliseconds(500));
  CHECK(world.disk("c").snapshot->head.index == LogIndex(5));
  CHECK(world.node("c").commit_index() == LogIndex(8));
}

TEST_CASE("a leader that cannot read on in its newest snapshot begins with the one before it") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  world.deliver("a", "c");
  REQUIRE(fetches_of_c(world).back().offset == 4);
  world.snapshot_is_gone("a", {world.id("c"), ConnectionId(3), CallNumber(5), LogIndex(7), 4, 4});
  world.deliver("c", "a");
  REQUIRE(parts_for_c(world).size() == 1);
  CHECK(parts_for_c(world)[0].head.index == LogIndex(5));
  CHECK(parts_for_c(world)[0].offset == 0);
}

// Two transient errors, with or without a compaction between them, must not end in asking for a snapshot that is gone.
TEST_CASE("a leader that could read neither of its snapshots tries the newest again") {
  for (const bool compacts : {false, true}) {
    RaftWorld world = with_c_far_behind();
    const auto fails = [&](std::uint64_t index) {
      world.snapshot_is_gone("a", {world.id("c"), ConnectionId(3), CallNumber(5), LogIndex(index), 0, 10});
    };
    fails(7);
    if (compacts) {
      world.compact("a");
      REQUIRE(world.node("a").snapshot()->index == LogIndex(8));
      fails(8);
    }
    fails(compacts ? 7 : 5);
    world.restart("c");
    world.run(std::chrono::milliseconds(500));
    CHECK(world.disk("c").snapshot->head.index == LogIndex(compacts ? 8 : 7));
    CHECK(world.node("c").commit_index() == LogIndex(8));
  }
}

TEST_CASE("a leader that could not read its only snapshot tries it again, and gives it part by part") {
  RaftWorld world("a b c d e", small_parts());
  world.elect("a");
  world.run(std::chrono::milliseconds(200));
  for (const char* name : {"c", "d"}) world.crash(name);
  for (const char* command : {"3", "4", "5"}) {
    world.propose("a", command);
    world.deliver();
    world.compact("a");
  }
  world.restart("c");
  world.run(std::chrono::milliseconds(500));
  world.crash("a");
  world.elect("c");
  REQUIRE(world.node("c").snapshot()->index == world.node("c").log().base().index);
  world.snapshot_is_gone("c", {world.id("d"), ConnectionId(3), CallNumber(5), world.node("c").snapshot()->index, 0, 4});
  world.restart("d");
  world.run(std::chrono::milliseconds(500));
  CHECK(world.node("d").commit_index() == world.node("c").commit_index());
}

TEST_CASE(
    "a leader never gives a snapshot that its log does not reach back to, as one from before it installed another") {
  RaftWorld world("a b c d e", small_parts());
  world.elect("a");
  world.run(std::chrono::milliseconds(200));
  world.crash("e");
  world.propose("a", "3");
  world.run(std::chrono::milliseconds(200));
  world.compact("b");
  const LogIndex own = world.node("b").snapshot()->index;
  world.isolate("b");
  for (const char* command : {"4", "5", "6"}) {
    world.propose("a", command);
    world.deliver();
    world.compact("a");
  }
  world.heal();
  world.run(std::chrono::milliseconds(1500));
  world.crash("a");
  if (!world.node("b").is_leader()) world.elect("b");
  const LogIndex installed = world.node("b").snapshot()->index;
  REQUIRE(own < world.node("b").log().base().index);
  world.snapshot_is_gone("b", {world.id("e"), ConnectionId(3), CallNumber(5), installed, 0, 4});
  world.restart("e");
  world.run(std::chrono::milliseconds(500));
  CHECK(world.node("e").commit_index() == world.node("b").commit_index());
}

TEST_CASE("another leader that has the same snapshot goes on where the last one stopped") {
  for (const bool has_the_same : {true, false}) {
    CAPTURE(has_the_same);
    RaftWorld world("a b c", small_parts());
    world.elect("a");
    world.run(std::chrono::milliseconds(200));
    world.crash("c");
    for (int i = 0; i < 2; ++i) {
      world.propose("a", "x");
      world.run(std::chrono::milliseconds(100));
      world.compact("a");
      if (!has_the_same) world.propose("a", "y");
      world.run(std::chrono::milliseconds(100));
      world.compact("b");
    }
    let_c_ask(world);
    world.deliver("a", "c");
    world.drop("c", "a");
    world.crash("a");
    world.drop("a", "b");
    world.advance(std::chrono::milliseconds(600));
    world.timeout("b");
    world.take_trace();
    world.deliver();
    const std::vector<std::string> trace = world.take_trace();
    const auto sent = [&](const std::string& what) {
      return std::any_of(trace.begin(), trace.end(),
                         [&](const std::string& line) { return line.find(what) != std::string::npos; });
    };
    CHECK(sent("bytes 4 to 8 of 10"));
    CHECK(sent("bytes 0 to 4 of 10") != has_the_same);
    CHECK(world.node("c").log().base().index == world.node("b").snapshot()->index);
  }
}

TEST_CASE("nothing of a snapshot counts before it is durable, neither for acks nor for what may be applied (S3)") {
  RaftWorld world = with_c_far_behind();
  world.restart("c");
  world.disk_is_late("c", true);
  world.tick("a");
  world.deliver();
  REQUIRE(world.outstanding("c").size() >= 1);
  CHECK(world.node("c").commit_index() >= LogIndex(7));
  CHECK(world.node("c").applicable_index() == LogIndex(1));  // it has not heard that more is committed
  world.tick("a");
  world.deliver("a", "c");
  for (const Ack& ack : world.in_flight<Ack>("c", "a")) CHECK(ack.match <= LogIndex(1));
  world.deliver();
  world.persist_all("c");
  CHECK(world.node("c").applicable_index() == LogIndex(8));
  world.deliver();
  CHECK(world.node("c").snapshot()->index == LogIndex(7));
}

TEST_CASE("a crash before a snapshot is durable leaves what was there") {
  RaftWorld world = with_c_far_behind();
  world.restart("c");
  world.disk_is_late("c", true);
  world.tick("a");
  world.deliver();
  world.crash("c");
  world.disk_is_late("c", false);
  CHECK(world.disk("c").entries.size() == 2);
  world.restart("c");
  CHECK(world.node("c").log().last_index() == LogIndex(2));
  world.run(std::chrono::milliseconds(500));
  CHECK(world.node("c").commit_index() == LogIndex(8));
}

TEST_CASE("a snapshot takes the place of a log that differs, and its late writes no longer count (S3, R3)") {
  RaftWorld world("a b c", small_parts());
  // c led term 2 alone and has entries that nobody else ever saw.
  world.elect("c");
  world.run(std::chrono::milliseconds(200));
  world.isolate("c");
  for (const char* command : {"x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11"}) world.propose("c", command);
  const LogIndex lost = world.node("c").durable_index();
  REQUIRE(lost == LogIndex(11));
  world.run(std::chrono::seconds(3));
  const std::string leader = world.node("a").is_leader() ? "a" : "b";
  REQUIRE(world.node(leader).is_leader());
  for (const char* command : {"4", "5"}) world.propose(leader, command);
  world.deliver();
  world.compact(leader);
  world.propose(leader, "6");
  world.deliver();
  world.compact(leader);
  world.disk_is_late("c", true);
  world.heal();
  for (int i = 0; i < 20 && !world.node("c").log().base().index; ++i) {
    world.tick(leader);
    world.deliver();
    if (!world.outstanding("c").empty() && !world.outstanding("c").back().snapshot) world.persist("c");  // its new term
  }
  // In memory the log is the snapshot's; on the disk the old one stands, and nothing of it may count.
  const LogIndex base = world.node("c").log().base().index;
  REQUIRE(base == LogIndex(6));
  CHECK(world.node("c").log().last_index() == base);
  CHECK(world.node("c").durable_index() == LogIndex(2));
  world.persist_all("c");
  CHECK(world.node("c").durable_index() >= base);
  CHECK(world.disk("c").base.index == base);
  world.run(std::chrono::milliseconds(300));
  CHECK(world.node("c").commit_index() == world.node(leader).commit_index());
}

TEST_CASE("a snapshot that this log already has is not installed, and proves the log up to it (S3)") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  const SnapshotPart stale = parts_for_c(world).front();
  world.drop("a", "c");
  // The answer comes when c has caught up by another way.
  world.run(std::chrono::milliseconds(500));
  REQUIRE(world.node("c").commit_index() == LogIndex(8));
  world.receive("c", "a", Term(2), stale);
  CHECK(world.node("c").commit_index() == LogIndex(8));
  CHECK(world.node("c").log().last_index() == LogIndex(8));
}

TEST_CASE("an Append that starts below one's own snapshot matches up to it (S3)") {
  RaftWorld world = with_c_far_behind();
  const Entry eighth = world.node("a").log().at(LogIndex(8));
  world.restart("c");
  world.run(std::chrono::milliseconds(500));
  REQUIRE(world.node("c").log().base().index == LogIndex(7));
  std::vector<Entry> entries(6, Entry{Term(2), {}, Command{"dropped"}});  // 3 to 8
  entries.back() = eighth;
  entries.push_back({Term(2), {}, Command{"9"}});
  world.receive("c", "a", Term(2), Append{LogIndex(2), Term(2), entries, LogIndex(8), Round(), {}, std::nullopt});
  CHECK(world.node("c").log().last_index() == LogIndex(9));
  CHECK(world.node("c").log().at(LogIndex(8)) == eighth);
}

TEST_CASE("an Append or a snapshot that contradicts what is committed ends the node, though that was dropped (R5)") {
  RaftWorld world = with_c_far_behind();
  const auto tells_a = [&](MessageBody body) {
    return test::aborts([&] { world.receive("a", "b", Term(3), std::move(body)); });
  };
  const auto append = [](std::uint64_t fifth_term) {  // 5, on which a's log is based, and 6
    std::vector<Entry> entries{{Term(fifth_term), {}, Command{"5"}}, {Term(2), {}, Command{"6"}}};
    return Append{LogIndex(4), Term(1), entries, LogIndex(1), Round(), {}, std::nullopt};
  };
  CHECK_FALSE(tells_a(append(2)));
  CHECK(tells_a(append(1)));

  SnapshotPart part{CallNumber(), *world.node("a").snapshot(), 0, "1234"};
  part.head.index = LogIndex(9);
  CHECK_FALSE(tells_a(part));
  part.head.term = Term(1);
  CHECK(tells_a(part));
}

TEST_CASE("a node that starts from a snapshot leads and goes on") {
  RaftWorld world = with_c_far_behind();
  for (const char* name : {"a", "b"}) world.crash(name);
  world.restart("a");
  world.restart("b");
  world.restart("c");
  CHECK(world.node("a").commit_index() == LogIndex(7));
  CHECK(world.node("a").log().base().index == LogIndex(5));
  CHECK(world.node("a").log().last_index() == LogIndex(8));
  world.elect("a");
  world.run(std::chrono::milliseconds(500));
  CHECK(world.propose("a", "10") == Proposed::kAppended);
  world.run(std::chrono::milliseconds(300));
  for (const char* name : {"a", "b", "c"}) CHECK(world.node(name).commit_index() == world.node("a").log().last_index());
}

TEST_CASE("a leader whose snapshot is not durable yet has nothing to give, and says nothing") {
  RaftWorld world = with_c_far_behind();
  // Its log begins with the snapshot it is just installing.
  world.restart("c");
  world.disk_is_late("c", true);
  world.tick("a");
  world.deliver();
  REQUIRE(world.node("c").log().base().index == LogIndex(7));
  world.receive("c", "b", Term(3), NotLeader{CallNumber(), NodeId()});
  CHECK(world.node("c").snapshot() == nullptr);
}

TEST_CASE(
    "parts that do not follow, are too long, empty, or of another cluster, other members or a later term change "
    "nothing") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  const SnapshotPart good = parts_for_c(world).front();
  world.drop("a", "c");
  const auto spoiled = [&](auto spoil) {
    RaftWorld copy = world;
    SnapshotPart part = good;
    spoil(part);
    copy.receive("c", "a", Term(2), part);
    CHECK(copy.node("c").log().last_index() == LogIndex(2));
    CHECK(fetches_of_c(copy).empty());
    // And the transfer comes to its end all the same.
    copy.run(std::chrono::seconds(1));
    CHECK(copy.node("c").commit_index() == LogIndex(8));
  };
  spoiled([](SnapshotPart& part) { part.offset = 4; });
  spoiled([](SnapshotPart& part) { part.bytes = std::string(11, 'x'); });
  spoiled([](SnapshotPart& part) { part.bytes.clear(); });
  spoiled([](SnapshotPart& part) { part.head.configuration.cluster = ClusterId(78); });
  spoiled([](SnapshotPart& part) { part.head.configuration.voters.pop_back(); });
  spoiled([](SnapshotPart& part) { part.head.term = Term(3); });
}

TEST_CASE("a part of one snapshot is never put behind the beginning of another (S3)") {
  RaftWorld world = with_c_far_behind();
  let_c_ask(world);
  SnapshotPart other = parts_for_c(world).front();
  world.deliver("a", "c");  // the first four bytes; c asks for the next ones
  const auto asked = fetches_of_c(world);
  REQUIRE(asked.size() == 1);
  REQUIRE(asked.front().offset == 4);
  world.drop("c", "a");
  other.fetch = asked.front().number;
  other.offset = 4;
  other.head.state_hash += 1;
  world.receive("c", "a", Term(2), other);
  CHECK(fetches_of_c(world).empty());  // no more of what is no whole
  world.run(std::chrono::seconds(1));
  CHECK(world.node("c").commit_index() == LogIndex(8));
}

TEST_CASE("a leader that compacts what it has not published yet goes on publishing after it") {
  Options options;
  options.bounds.unacknowledged_frames = 1;
  options.bounds.published_bytes = 1;
  RaftWorld world("a b", options);
  world.elect("a");
  world.run(std::chrono::milliseconds(200));
  for (int i = 0; i < 20; ++i) world.propose("a", "x");
  // b fetches everything while most of it was not published.
  world.run(std::chrono::milliseconds(100));
  world.compact("a");
  for (int i = 0; i < 20; ++i) world.propose("a", "y");
  world.run(std::chrono::milliseconds(100));
  world.compact("a");
  world.propose("a", "z");
  world.run(std::chrono::milliseconds(300));
  CHECK(world.node("b").commit_index() == world.node("a").log().last_index());
}

}  // namespace lockstep::snapshots_test

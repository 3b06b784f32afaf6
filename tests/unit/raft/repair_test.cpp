// Repair by pulling: Fetch, its answers, and what waits ahead of a gap (R7, R8).
#include <doctest/doctest.h>

#include "protocol/base/random.hpp"
#include "tests/support/raft_world.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::repair_test {

using namespace lockstep::raft;

namespace {

constexpr Duration kThirdOfTimeout = Duration(std::chrono::milliseconds(500)) / 3;

Entry entry(std::uint64_t term) { return {Term(term), {}, Command{"made up"}}; }

Append append(std::uint64_t index, std::uint64_t term, std::vector<Entry> entries,
              CallNumber answer_to = CallNumber()) {
  return {LogIndex(index), Term(term), std::move(entries), LogIndex(1), Round(), answer_to, std::nullopt};
}

RaftWorld led_by_a(const Options& options = Options()) {
  RaftWorld world("a b c", options);
  world.elect("a");
  return world;
}

// What b asks of a, newest last.
std::vector<Fetch> fetches(const RaftWorld& world) { return world.in_flight<Fetch>("b", "a"); }

}  // namespace

TEST_CASE("an Append whose previous entry is missing starts a Fetch from what is proved (R7)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  world.drop("a", "b");
  world.tick("a");
  world.deliver("a", "b");
  REQUIRE(fetches(world).size() == 1);
  CHECK(fetches(world)[0].index == LogIndex(2));
  CHECK(fetches(world)[0].term == Term(2));
  world.deliver();
  CHECK(world.node("b").log().last_index() == LogIndex(3));
}

TEST_CASE("one Fetch is outstanding, however many Appends do not fit (R7)") {
  RaftWorld world = led_by_a();
  world.propose("a", "x");
  world.drop("a", "b");
  for (int i = 0; i < 3; ++i) world.propose("a", "y");
  world.deliver("a", "b");
  CHECK(fetches(world).size() == 1);
}

TEST_CASE("a Fetch that is not answered is asked again, under a new number and not at once (R7)") {
  RaftWorld world = led_by_a();
  world.receive("b", "a", Term(2), append(5, 2, {}));
  world.advance(std::chrono::milliseconds(99));
  world.receive("b", "a", Term(2), append(5, 2, {}));
  CHECK(fetches(world).size() == 1);
  world.tick("b");
  REQUIRE(fetches(world).size() == 2);
  CHECK(fetches(world)[0].number != fetches(world)[1].number);
}

TEST_CASE("Appends ahead of a gap wait, and are accepted when it closes (R7)") {
  Options options;
  options.bounds.fetched_bytes = 1;
  RaftWorld world = led_by_a(options);
  world.propose("a", "x");
  world.drop("a", "b");
  world.propose("a", "y");
  world.propose("a", "z");
  world.deliver("a", "b");
  CHECK(world.node("b").log().last_index() == LogIndex(2));
  world.deliver("b", "a");
  world.deliver("a", "b");  // one entry, and the two that waited follow
  CHECK(world.node("b").log().last_index() == LogIndex(5));
  CHECK(fetches(world).empty());
}

TEST_CASE("what waits ahead of a gap is bounded; what does not fit is fetched (R7)") {
  Options options;
  options.bounds.ahead_bytes = 100;
  options.bounds.fetched_bytes = 1;
  RaftWorld world = led_by_a(options);
  world.propose("a", "x");
  world.drop("a", "b");
  for (int i = 0; i < 10; ++i) world.propose("a", std::string(40, 'y'));
  world.deliver("a", "b");
  world.deliver("b", "a");
  world.deliver("a", "b");
  CHECK(world.node("b").log().last_index() == LogIndex(4));  // one of them fitted
  world.deliver();
  CHECK(world.node("b").log().last_index() == LogIndex(13));
}

TEST_CASE("a new leader's Appends are not mixed with those of an older one that waited") {
  RaftWorld world("a b c");
  world.receive("b", "a", Term(2), append(3, 2, {entry(2)}));
  world.receive("b", "c", Term(3), append(1, 1, {entry(3), entry(3)}));
  CHECK(world.node("b").log().last_index() == LogIndex(3));
  CHECK(world.node("b").log().last_term() == Term(3));
}

TEST_CASE("the leader answers a Fetch that matches with what follows, up to its size (R7)") {
  Options options;
  options.bounds.fetched_bytes = 80;
  RaftWorld world = led_by_a(options);
  for (int i = 0; i < 5; ++i) world.propose("a", "x");
  world.drop("a", "b");
  world.receive("a", "b", Term(2), Fetch{CallNumber(9), LogIndex(2), Term(2)});
  REQUIRE(world.in_flight<Append>("a", "b").size() == 1);
  const Append answer = world.in_flight<Append>("a", "b")[0];
  CHECK(answer.fetch == CallNumber(9));
  CHECK(answer.previous_index == LogIndex(2));
  CHECK(answer.entries.size() == 2);
  CHECK_FALSE(world.in_flight().back().published);
}

TEST_CASE("a Fetch that does not match is answered with the last place where the logs may agree (R7)") {
  RaftWorld world("a b c");
  for (const char* name : {"a", "b", "c"}) world.start_with_log(name, {Term(1), Term(2), Term(2), Term(5), Term(5)});
  world.elect("a");
  const auto answer_to = [&](std::uint64_t index, std::uint64_t term) {
    world.receive("a", "b", Term(6), Fetch{CallNumber(1), LogIndex(index), Term(term)});
    const Append answer = world.in_flight<Append>("a", "b").back();
    CHECK(answer.entries.empty());
    CHECK(answer.previous_term == world.node("a").log().term_at(answer.previous_index));
    world.drop("a", "b");
    return answer.previous_index;
  };
  CHECK(answer_to(5, 3) == LogIndex(3));
  CHECK(answer_to(4, 4) == LogIndex(3));
  CHECK(answer_to(3, 1) == LogIndex(1));
  CHECK(answer_to(99, 5) == LogIndex(5));
  CHECK(answer_to(99, 4) == LogIndex(3));
}

TEST_CASE("the follower probes next at its own last entry whose term is not above the one named (R7)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(3), Term(3), Term(3), Term(4)});
  world.receive("b", "a", Term(9), append(20, 9, {}));
  REQUIRE(fetches(world).size() == 1);
  CHECK(fetches(world)[0].index == LogIndex(6));
  world.receive("b", "a", Term(9), append(5, 2, {}, fetches(world)[0].number));
  REQUIRE(fetches(world).size() == 2);
  CHECK(fetches(world)[1].index == LogIndex(2));
  CHECK(fetches(world)[1].term == Term(2));
}

TEST_CASE("an answer to an earlier Fetch proves what it matches, but does not move the probe (R7)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(3), Term(3)});
  world.receive("b", "a", Term(9), append(20, 9, {}));
  const CallNumber first = fetches(world)[0].number;
  world.tick("b");
  REQUIRE(fetches(world).size() == 2);

  world.receive("b", "a", Term(9), append(4, 2, {}, first));
  CHECK(fetches(world).size() == 2);
  CHECK(world.node("b").verified_index() == LogIndex(0));
  world.receive("b", "a", Term(9), append(2, 2, {}, first));
  CHECK(fetches(world).size() == 2);
  CHECK(world.node("b").verified_index() == LogIndex(2));
}

TEST_CASE("an answer that is late is awaited longer the next time, and the question stays the same (R7)") {
  RaftWorld world("a b c");
  world.start_with_log("b", {Term(1), Term(2), Term(3), Term(3)});
  world.receive("b", "a", Term(9), append(20, 9, {}));
  world.receive("b", "a", Term(9), append(3, 2, {}, fetches(world)[0].number));
  std::vector<Time> asked;
  for (int i = 0; i < 3; ++i) {
    CHECK(fetches(world).back().index == LogIndex(2));  // not its last index again, or the probe would never end
    asked.push_back(world.now());
    world.receive("b", "a", Term(9), append(20, 9, {}));  // still alive
    world.tick("b");
  }
  REQUIRE(fetches(world).size() == 5);
  CHECK(asked[1] - asked[0] >= std::chrono::milliseconds(100));
  CHECK(asked[2] - asked[1] >= std::chrono::milliseconds(200));
  world.receive("b", "a", Term(9), append(2, 2, {}, fetches(world).back().number));
  CHECK(world.node("b").verified_index() == LogIndex(2));
}

TEST_CASE("while a node may not speak, its repeated questions do not pile up (R1)") {
  RaftWorld world("a b c");
  world.disk_is_late("b", true);
  for (int i = 0; i < 5; ++i) {
    world.receive("b", "a", Term(9), append(20, 9, {}));
    world.tick("b");
  }
  CHECK(fetches(world).empty());
  world.persist_all("b");
  CHECK(fetches(world).size() == 1);
}

TEST_CASE("repair goes on, answer by answer, until the leader's last entry is there (R7)") {
  Options options;
  options.bounds.fetched_bytes = 1;
  RaftWorld world = led_by_a(options);
  world.crash("b");
  for (int i = 0; i < 20; ++i) world.propose("a", "x");
  world.deliver();
  world.restart("b");
  world.tick("a");
  world.deliver();
  CHECK(world.node("b").commit_index() == LogIndex(22));
  CHECK(world.node("b").durable_index() == LogIndex(22));
}

// Two logs that were one once; then each later term was led by somebody whom only one of them heard.
TEST_CASE("logs of any terms come to agree, in no more questions than the follower has terms of its own (R7)") {
  constexpr std::uint64_t kTopTerm = 12;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::vector<Term> leaders{Term(1)};
    std::vector<Term> followers{Term(1)};
    const std::uint64_t last_common = 1 + random.below(kTopTerm);
    std::size_t own_terms = 0;
    for (std::uint64_t term = 2; term < kTopTerm; ++term) {
      const std::size_t entries = random.below(4);
      const bool is_followers = random.one_in(2);
      if (term <= last_common || !is_followers) leaders.insert(leaders.end(), entries, Term(term));
      if (term <= last_common || is_followers) followers.insert(followers.end(), entries, Term(term));
      if (term > last_common && is_followers && entries > 0) ++own_terms;
    }
    leaders.push_back(Term(kTopTerm));  // so that the follower votes for it
    RaftWorld world("a b c");
    world.start_with_log("a", leaders);
    world.start_with_log("b", followers);
    world.start_with_log("c", leaders);
    world.timeout("a");
    world.deliver();
    REQUIRE(world.node("a").is_leader());
    CHECK(world.node("b").commit_index() == world.node("a").commit_index());
    CHECK(world.disk("b").entries == world.disk("a").entries);
    std::size_t asked = 0;
    for (const std::string& line : world.take_trace()) {
      if (line.starts_with("b -> a") && line.find("fetch after") != std::string::npos) ++asked;
    }
    CHECK(asked <= 3 + own_terms);
  }
}

TEST_CASE("a third of the election timeout without a word makes a follower fetch from its leader (R8)") {
  RaftWorld world = led_by_a();
  const Time heard = world.now();
  world.tick("b");
  CHECK(world.now() - heard == kThirdOfTimeout);
  CHECK(fetches(world).size() == 1);
  CHECK_FALSE(world.node("b").is_pre_candidate());
}

TEST_CASE("a follower whose PUB path is dead stays up to date and starts no election (R8)") {
  RaftWorld world = led_by_a();
  world.cut("a", "b", true);
  for (int i = 0; i < 20; ++i) {
    world.propose("a", "x");
    world.run(std::chrono::milliseconds(250));
    CHECK(world.node("b").log().last_index() >= LogIndex(2 + static_cast<std::uint64_t>(i)));
  }
  CHECK(world.node("b").term() == Term(2));
  CHECK(world.node("a").is_leader());
}

TEST_CASE("silence for the whole timeout makes a follower ask for pre-votes (R8)") {
  RaftWorld world = led_by_a();
  world.crash("a");
  const Time heard = world.now();
  world.timeout("b");
  CHECK(world.node("b").is_pre_candidate());
  CHECK(world.now() - heard >= std::chrono::milliseconds(500));
  CHECK(world.now() - heard <= std::chrono::milliseconds(1000));
}

TEST_CASE("whoever does not lead answers a Fetch with whom it follows, and the asker asks there (R8)") {
  RaftWorld world = led_by_a();
  world.crash("b");
  world.propose("a", "x");
  world.deliver();
  world.restart("b");
  world.receive("b", "c", Term(2), NotLeader{CallNumber(3), world.id("a")});
  REQUIRE(fetches(world).size() == 1);
  world.deliver();
  CHECK(world.node("b").leader() == world.id("a"));
  CHECK(world.node("b").log().last_index() == LogIndex(3));
}

TEST_CASE("a leader that says it leads no more is not asked again") {
  RaftWorld world = led_by_a();
  world.tick("b");
  REQUIRE(fetches(world).size() == 1);
  world.receive("b", "a", Term(2), NotLeader{fetches(world)[0].number, NodeId()});
  CHECK_FALSE(world.node("b").leader());
  world.tick("b");
  CHECK(fetches(world).size() == 1);
  CHECK(world.node("b").is_pre_candidate());
}

TEST_CASE("a hint does not count as hearing the leader: the election timer runs on (R8)") {
  RaftWorld world("a b c");
  const Time deadline = world.node("b").next_deadline();
  world.receive("b", "c", Term(1), NotLeader{CallNumber(3), world.id("a")});
  world.timeout("b");
  CHECK(world.now() == deadline);
}

}  // namespace lockstep::repair_test

// Every kind of violation is planted in a history that is right otherwise, and must be found; what is only unknown
// must not be taken for one.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/torture/story.hpp"

using namespace lockstep;
using namespace lockstep::torture;
using locks::Preempt;
using locks::Release;

namespace {

const std::string kLock = "reports";

// Client 1 takes and releases the lock, client 2 is refused and then has it.
struct HandOver : Story {
  HandOver() {
    first = runs(1, Preempt{kLock});
    refusal = runs(2, Preempt{kLock});
    release = runs(1, Release{kLock});
    second = runs(2, Preempt{kLock});
    answered(1, Verb::kPreempt, kLock, {10, 20}, Result::kGranted, first, first, 1);
    answered(2, Verb::kPreempt, kLock, {21, 29}, Result::kHeld, refusal, first, 1);
    answered(1, Verb::kRelease, kLock, {30, 40}, Result::kReleased, release);
    answered(2, Verb::kPreempt, kLock, {41, 50}, Result::kGranted, second, second, 2);
    sees_held(1, kLock, {60, 70}, second, 2, second);
  }
  Call& call(std::size_t which) { return history.calls[which]; }

  std::uint64_t first = 0;
  std::uint64_t refusal = 0;
  std::uint64_t release = 0;
  std::uint64_t second = 0;
};

}  // namespace

TEST_CASE("A history as it should be has no violation") {
  HandOver story;
  CHECK(story.broken().empty());
}

TEST_CASE("A grant while another client is sure of the lock is a double grant") {
  HandOver story;
  story.history.entries.clear();                               // the clients' answers are enough
  story.history.calls.erase(story.history.calls.begin() + 2);  // nothing is released
  CHECK(story.broken() == "double grant, not linearizable");
}

TEST_CASE("One token given to two clients for one lock is a double grant") {
  HandOver story;
  story.history.entries.clear();
  story.history.calls.pop_back();
  story.call(0).answer->token = story.second;
  story.call(0).answer->index = story.second;
  story.call(1).answer->index = story.second + 1;
  story.call(2).answer->index = story.second + 2;
  story.call(3).called = story.call(0).called;  // so that real time does not speak
  CHECK(story.broken() == "overlapping calls, double grant, not linearizable");
}

TEST_CASE("A grant after the moment up to which the holder was sure is none, and the lease may have been renewed") {
  HandOver story;
  story.history.entries.clear();
  story.history.calls.erase(story.history.calls.begin() + 2);  // nothing is released
  story.call(0).answer->safe_until = Story::moment(49);
  CHECK(story.broken().empty());
  story.history.leases.push_back({1, Story::moment(25), Story::moment(51), ""});
  CHECK(story.broken() == "double grant, not linearizable");
  // What is renewed after a loss is the next session's.
  story.history.leases.insert(story.history.leases.begin(), {1, Story::moment(22), {}, "unreachable"});
  CHECK(story.broken().empty());
}

TEST_CASE("More holders than permits are a double grant, and as many are none") {
  Story story;
  for (int client : {1, 2}) {
    Call& call = story.answered(client, Verb::kAcquire, kLock, {10, 20 + client}, Result::kGranted, 10, 10);
    call.mode = locks::Mode::kPermit;
    call.permits = 2;
  }
  story.history.entries.clear();
  CHECK(story.broken().empty());
  for (Call& call : story.history.calls) call.permits = 1;
  CHECK(story.broken() == "double grant, not linearizable");
}

TEST_CASE("Those who share a grant share its token, and others may not have it beside them") {
  Story story;
  for (int client : {1, 2}) {
    Call& call = story.answered(client, Verb::kAcquire, kLock, {10, 20 + client}, Result::kGranted, 10, 10);
    call.mode = locks::Mode::kShared;
  }
  story.history.entries.clear();
  CHECK(story.broken().empty());
  story.history.calls.back().mode = locks::Mode::kExclusive;
  CHECK(story.broken() == "double grant, double grant, not linearizable");  // at one time, and with one token
}

TEST_CASE("A token that is lower than one of an earlier grant of the lock is a falling token, and out of order") {
  Story story;
  story.history.entries.clear();
  story.answered(1, Verb::kPreempt, kLock, {10, 20}, Result::kGranted, 9, 9).answer->safe_until = Story::moment(25);
  story.answered(2, Verb::kPreempt, kLock, {41, 50}, Result::kGranted, 9, 8);
  CHECK(story.broken() == "order, falling token, not linearizable");
  story.history.calls[1].called = Story::moment(15);  // before the first was answered: either may be the later one
  story.history.calls[1].answer->safe_until = Story::moment(16);
  CHECK(story.broken().empty());
}

TEST_CASE("A released lock that a later state shows with the same holder and token is a lost release") {
  HandOver story;
  story.history.entries.clear();
  story.history.calls.resize(3);
  story.sees_held(2, kLock, {60, 70}, story.release, 1, story.first);
  CHECK(story.broken() == "lost release, not linearizable");
  story.history.calls.back().answer->index = story.first;  // an earlier state may
  story.history.calls.back().linearizable = false;
  story.history.calls.back().client = 3;
  CHECK(story.broken().empty());
}

TEST_CASE("A release that was answered and is not in the log is a lost release") {
  HandOver story;
  story.history.calls.resize(3);
  story.history.entries.resize(story.release);
  story.history.entries.back().body = std::monostate();
  CHECK(story.broken() == "lost release");
  story.history.entries.pop_back();
  const std::uint64_t instead = story.runs(1, Preempt{kLock});
  REQUIRE(instead == story.release);
  CHECK(story.broken() == "lost release");
}

TEST_CASE("A linearizable read that does not reflect what was complete before it is a stale read") {
  HandOver story;
  story.sees_held(2, kLock, {80, 90}, story.first, 1, story.first);
  story.history.calls.back().client = 3;  // who has seen nothing yet
  story.history.clients.push_back({3, Story::id(3), 3000});
  CHECK(story.broken() == "stale read, not linearizable");
  story.history.calls.back().linearizable = false;
  CHECK(story.broken().empty());
}

TEST_CASE("A local read that goes back behind what its own client has seen is a stale read") {
  HandOver story;
  story.sees_held(2, kLock, {80, 90}, story.first, 1, story.first);
  story.history.calls.back().linearizable = false;
  CHECK(story.broken() == "stale read");
}

TEST_CASE("A command that ran before what was known when it was called is out of order") {
  HandOver story;
  const std::uint64_t early = story.first;
  story.history.entries.clear();
  story.history.calls.pop_back();
  story.answered(2, Verb::kRelease, "other", {80, 90}, Result::kNotHolder, early);
  CHECK(story.broken() == "order");
}

TEST_CASE("An answer that the replay does not give is a wrong answer") {
  SUBCASE("check: another holder") {
    HandOver story;
    story.call(4).answer->locks[0].holders[0].owner = Story::uuid(1);
    CHECK(story.broken() == "not linearizable, wrong answer");
  }
  SUBCASE("check: free") {
    HandOver story;
    story.call(4).answer->locks.clear();
    CHECK(story.broken() == "not linearizable, wrong answer");
  }
  SUBCASE("list: a lock is missing") {
    HandOver story;
    Call& list = story.answered(1, Verb::kList, "rep", {80, 90}, Result::kSeen, story.second);
    list.answer->locks = story.call(4).answer->locks;
    CHECK(story.broken().empty());
    story.history.calls.back().answer->locks.clear();
    CHECK(story.broken() == "not linearizable, wrong answer");
  }
  SUBCASE("verify: a token that is not the current one") {
    HandOver story;
    story.answered(1, Verb::kVerify, kLock, {80, 90}, Result::kNotCurrent, story.second, story.second).asked_token =
        story.first;
    CHECK(story.broken().empty());
    story.history.calls.back().answer->result = Result::kCurrent;
    CHECK(story.broken() == "not linearizable, wrong answer");
  }
  SUBCASE("preempt: held with another token") {
    HandOver story;
    story.call(1).answer->token = story.first + 1;
    CHECK(story.broken() == "not linearizable, wrong answer");
  }
  SUBCASE("preempt: granted in an entry that granted nothing") {
    HandOver story;
    story.history.entries[story.second - 1].body = std::monostate();
    story.history.calls.pop_back();
    CHECK(story.broken() == "wrong answer");
  }
  SUBCASE("release: not the holder, but the holder is told wrongly") {
    HandOver story;
    const std::uint64_t index = story.runs(1, Release{kLock});
    story.answered(1, Verb::kRelease, kLock, {80, 90}, Result::kNotHolder, index, 0, 2);
    CHECK(story.broken().empty());
    story.history.calls.back().answer->owner.clear();
    CHECK(story.broken() == "not linearizable, wrong answer");
  }
  SUBCASE("a refusal that no entry gave") {
    HandOver story;
    story.refused(1, Verb::kPreempt, kLock, {80, 90}, "waited_for", true);
    CHECK(story.broken() == "wrong answer");
  }
  SUBCASE("an index that the log does not reach") {
    HandOver story;
    story.call(4).answer->index = 99;
    CHECK(story.broken() == "wrong answer");
  }
}

TEST_CASE("What was refused for certain must not have run") {
  Story story;
  story.runs(1, Preempt{kLock});
  story.refused(1, Verb::kPreempt, kLock, {10, 20}, "busy", true);
  CHECK(story.broken() == "ran although it did not");
}

TEST_CASE("What is not certain may have run or not: without an answer, or with one that says so") {
  for (const bool ran : {true, false}) {
    for (const bool is_answered : {true, false}) {
      Story story;
      if (ran) story.runs(1, Preempt{kLock});
      if (is_answered) {
        story.refused(1, Verb::kPreempt, kLock, {10, 20}, "unavailable", false);
      } else {
        story.calls(1, Verb::kPreempt, kLock, 10);
      }
      CHECK(story.broken().empty());
    }
  }
}

TEST_CASE("One uncertain call is granted once") {
  Story story;
  story.refused(1, Verb::kPreempt, kLock, {10, 11}, "unavailable", false);
  story.runs(1, Preempt{kLock});
  story.runs(1, Release{kLock});
  story.calls(1, Verb::kRelease, kLock, 11);
  CHECK(story.broken().empty());
  story.runs(1, Preempt{kLock});
  CHECK(story.broken() == "ran although it did not");
}

TEST_CASE("A release that nobody asked for is found") {
  HandOver story;
  story.runs(2, Release{kLock});
  CHECK(story.broken() == "ran although it did not");
}

TEST_CASE("A session that was closed by nobody is found") {
  HandOver story;
  story.runs(2, locks::Close{});
  CHECK(story.broken() == "ran although it did not");
  story.calls(2, Verb::kClose, "", 95);
  CHECK(story.broken().empty());
}

TEST_CASE("A client closes by itself a session whose lease nobody renewed in time, and not before") {
  HandOver story;
  const std::uint64_t closed = story.runs(2, locks::Close{});
  story.history.leases = {{2, Story::moment(55), Story::moment(80), ""}, {2, Story::moment(85), {}, "unreachable"}};
  CHECK(story.broken().empty());
  SUBCASE("the entry was seen before the last certain moment") {
    story.sees_held(1, "other", {72, 75}, closed, 2, 2).answer->locks.clear();
    CHECK(story.broken() == "ran although it did not");
  }
  SUBCASE("the entry was seen after that, and before the client was told") {
    story.sees_held(1, "other", {81, 83}, closed, 2, 2).answer->locks.clear();
    CHECK(story.broken().empty());
  }
  SUBCASE("the lease that was lost is an earlier session's, from before the lock was asked for") {
    story.history.leases = {{2, Story::moment(25), Story::moment(30), ""}, {2, Story::moment(35), {}, "unreachable"}};
    CHECK(story.broken() == "ran although it did not");
  }
  SUBCASE("another client's lease was lost") {
    story.history.leases.back().client = 1;
    CHECK(story.broken() == "ran although it did not");
  }
  SUBCASE("the cluster had ended it: then there is nothing to close") {
    story.history.leases.back().lost = "expired";
    CHECK(story.broken() == "ran although it did not");
  }
}

TEST_CASE("A lease that runs out before its client's last certain moment is an early expiry") {
  HandOver story;
  const std::uint64_t expiry = story.expires(2);
  story.answered(1, Verb::kCheck, kLock, {80, 90}, Result::kSeen, expiry);
  CHECK(story.broken() == "not linearizable, early expiry");
  story.call(3).answer->safe_until = Story::moment(85);
  CHECK(story.broken().empty());
}

TEST_CASE("A copy of a request repeats the answer, and the replay knows") {
  HandOver story;
  story.history.calls.pop_back();
  story.history.entries.push_back(story.history.entries[story.release - 1]);
  story.history.entries.back().index = story.history.entries.size();
  story.call(2).answer->index = story.history.entries.size();
  story.call(3).called = Story::moment(30);
  CHECK(story.broken().empty());
}

TEST_CASE("A history without a log or without an answer does not pass") {
  const auto has_nothing_to_judge = [](const History& history) {
    const auto violations = check(history).violations;
    return std::any_of(violations.begin(), violations.end(), [](const auto& it) { return it.rule == kNothingToJudge; });
  };
  HandOver story;
  CHECK_FALSE(has_nothing_to_judge(story.history));
  CHECK(has_nothing_to_judge(History()));
  SUBCASE("no entries") { story.history.entries.clear(); }
  SUBCASE("no calls") { story.history.calls.clear(); }
  SUBCASE("no answers") {
    for (Call& call : story.history.calls) call.answer.reset();
  }
  SUBCASE("errors alone") {
    for (Call& call : story.history.calls) {
      call.answer = Answer();
      call.answer->error = "unavailable";
      call.answer->definite = false;
    }
  }
  CHECK(has_nothing_to_judge(story.history));
}

TEST_CASE("If nodes were away until all logs were cut, some of them were sent a snapshot") {
  HandOver story;
  story.history.faults.assign(2, {"behind", {"a"}, false, kLogsWereCut, 1, 2});
  story.history.faults.push_back({"behind", {"a"}, false, "not for long enough", 3, 4});
  CHECK(story.broken().empty());
  story.history.faults.back().detail = kLogsWereCut;
  CHECK(story.broken() == "no snapshot");
  story.history.run.snapshots_installed = 1;
  CHECK(story.broken().empty());
}

TEST_CASE("What the run itself found is a violation") {
  HandOver story;
  story.history.findings.push_back({"node died", "a"});
  CHECK(story.broken() == "node died");
}

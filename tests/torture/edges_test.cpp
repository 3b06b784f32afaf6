// Goal: the judge sees what no pair of answers shows alone: an impossible order, a promise that is too long, a lease
// that ends too early, a log that contradicts itself. Method: as in checker_test.cpp.
#include <doctest/doctest.h>

#include "tests/torture/story.hpp"

using namespace lockstep;
using namespace lockstep::torture;
using locks::Acquire;
using locks::Preempt;
using locks::Release;

namespace {

const std::string kJob = "job";

// From the calls alone.
struct WithoutLog : Story {
  WithoutLog() { history.entries.clear(); }
  Call& last() { return history.calls.back(); }
};

}  // namespace

TEST_CASE("Two calls of one client at one time are overlapping calls") {
  WithoutLog story;
  story.answered(1, Verb::kCheck, kJob, {10, 20}, Result::kSeen, 4);
  story.answered(1, Verb::kCheck, kJob, {20, 30}, Result::kSeen, 4);
  CHECK(story.broken().empty());
  story.last().called = Story::moment(19);
  CHECK(story.broken() == "overlapping calls");
}

TEST_CASE("A term that is lower than that of the entry before it is a falling term") {
  Story story;
  story.runs(1, Preempt{kJob});
  story.answered(1, Verb::kPreempt, kJob, {10, 20}, Result::kGranted, 4, 4);
  story.history.entries.back().term = 7;
  CHECK(story.broken().empty());
  story.runs(1, Release{kJob});
  story.answered(1, Verb::kRelease, kJob, {30, 40}, Result::kReleased, 5);
  story.history.entries.back().term = 6;
  CHECK(story.broken() == "falling term");
}

TEST_CASE("A number that two commands of one session have was used twice, and copies of one command may have it") {
  Story story;
  story.runs(1, Preempt{kJob});
  story.answered(1, Verb::kPreempt, kJob, {10, 20}, Result::kGranted, 4, 4);
  Entry copy = story.history.entries.back();
  copy.index = 5;
  story.history.entries.push_back(copy);
  CHECK(story.broken().empty());
  std::get<locks::Execute>(std::get<locks::Command>(story.history.entries.back().body)).operation = Preempt{"another"};
  CHECK(story.broken() == "number used twice");
}

TEST_CASE("A promise of more than the TTL less 2 % is a long promise") {
  WithoutLog story;
  story.history.leases.push_back({1, Story::moment(10), Story::moment(10 + 2940), ""});
  CHECK(story.broken().empty());
  story.history.leases.push_back({1, Story::moment(20), Story::moment(20 + 2941), ""});
  CHECK(story.broken() == "long promise");
  story.history.leases.clear();
  story.answered(1, Verb::kCheck, kJob, {10, 20}, Result::kSeen, 4).answer->safe_until = Story::moment(20 + 2941);
  CHECK(story.broken() == "long promise");
}

TEST_CASE("A lease that is lost by time before its last certain moment is an early loss") {
  for (const std::string reason : {"unreachable", "expired"}) {
    WithoutLog story;
    story.history.leases.push_back({1, Story::moment(10), Story::moment(100), ""});
    story.history.leases.push_back({1, Story::moment(100), {}, reason});
    CHECK(story.broken().empty());
    story.history.leases.back().at = Story::moment(99);
    CHECK(story.broken() == "early loss");
    story.history.leases.back().lost = "forced";  // of a lock, by an operator
    CHECK(story.broken().empty());
  }
}

TEST_CASE("A session that held nothing may not expire before its client's last certain moment either") {
  Story story;
  story.answered(1, Verb::kCheck, kJob, {10, 20}, Result::kSeen, 3).answer->session = 2;
  const std::uint64_t expiry = story.expires(1);
  story.answered(2, Verb::kCheck, kJob, {1001, 1002}, Result::kSeen, expiry);
  CHECK(story.broken().empty());
  story.history.leases.push_back({1, Story::moment(30), Story::moment(1003), ""});
  CHECK(story.broken() == "early expiry");
  // Renewed after a loss: of another session.
  story.history.leases.insert(story.history.leases.begin(), {1, Story::moment(25), {}, "closed"});
  CHECK(story.broken().empty());
}

TEST_CASE("What is said to be closed, or not granted, has its entry") {
  Story story;
  story.answered(1, Verb::kClose, "", {10, 20}, Result::kClosed, story.runs(1, locks::Close{}));
  CHECK(story.broken().empty());
  story.history.entries.back().body = std::monostate();
  CHECK(story.broken() == "wrong answer");

  Story in_vain;
  in_vain.runs(1, Preempt{kJob});
  in_vain.answered(1, Verb::kPreempt, kJob, {10, 20}, Result::kGranted, 4, 4);
  in_vain.runs(2, Acquire{{kJob}, locks::Mode::kExclusive, 0, false, 0});
  in_vain.answered(2, Verb::kAcquire, kJob, {30, 40}, Result::kNotGranted, 5, 0, 1);
  CHECK(in_vain.broken().empty());
  in_vain.history.entries.back().body = std::monostate();
  CHECK(in_vain.broken() == "wrong answer");
}

TEST_CASE("Calls in an order that no lock could have given are not linearizable, though each pair is well") {
  // Granted and released by 1; then two reads during one long grant of 2: held, and after it free.
  WithoutLog story;
  story.answered(2, Verb::kPreempt, kJob, {10, 50}, Result::kGranted, 9, 9);
  story.sees_held(1, kJob, {20, 30}, 9, 2, 9);
  story.answered(1, Verb::kCheck, kJob, {31, 40}, Result::kSeen, 9);  // free
  CHECK(story.broken() == "not linearizable");
  std::swap(story.history.calls[1].called, story.history.calls[2].called);
  std::swap(story.history.calls[1].answer->returned, story.history.calls[2].answer->returned);
  std::swap(story.history.calls[1].number, story.history.calls[2].number);
  CHECK(story.broken().empty());
}

TEST_CASE("A call without an answer may happen late, once or never") {
  WithoutLog story;
  story.calls(2, Verb::kPreempt, kJob, 10);
  story.answered(1, Verb::kCheck, kJob, {20, 30}, Result::kSeen, 8);  // free
  story.sees_held(1, kJob, {31, 40}, 9, 2, 9);
  CHECK(story.broken().empty());
  story.answered(1, Verb::kCheck, kJob, {41, 50}, Result::kSeen, 10);  // free: it ended by itself
  CHECK(story.broken().empty());
  story.sees_held(1, kJob, {51, 60}, 11, 2, 11);  // and again
  CHECK(story.broken() == "not linearizable");
}

TEST_CASE("A hold ends by itself after its client's last certain moment, and not before") {
  WithoutLog story;
  story.answered(1, Verb::kPreempt, kJob, {10, 20}, Result::kGranted, 9, 9);  // certain until 1000
  story.answered(2, Verb::kCheck, kJob, {990, 1000}, Result::kSeen, 10);      // free
  CHECK(story.broken().empty());
  story.last().answer->returned = Story::moment(999);
  CHECK(story.broken() == "not linearizable");
}

TEST_CASE("Who shares a lock, or has one of several permits, has a place beside the others") {
  WithoutLog story;
  for (const int client : {1, 2}) {
    Call& call = story.answered(client, Verb::kAcquire, kJob, {10, 20}, Result::kGranted, 9, 9);
    call.mode = locks::Mode::kPermit;
    call.permits = 2;
  }
  story.sees_held(1, kJob, {30, 40}, 9, 1, 9);
  CHECK(story.broken() == "not linearizable");  // the other one is missing
  story.last().answer->locks.front().holders.push_back({Story::uuid(2), SessionId(3), FencingToken(9), {}, {}});
  CHECK(story.broken().empty());
}

TEST_CASE("With too many ways to try, a name is given up, and said so") {
  WithoutLog story;
  for (int client = 10; client < 40; ++client) {
    story.history.clients.push_back({client, Story::id(client), 3000});
    story.calls(client, Verb::kAcquire, kJob, 10).mode = locks::Mode::kShared;
  }
  story.answered(1, Verb::kCheck, kJob, {20, 30}, Result::kSeen, 9);
  const Verdict searched = check_linearizable(story.history);
  CHECK(searched.violations.empty());
  CHECK(searched.given_up == std::vector<std::string>{kJob});
}

// What a state is taken apart into and put together from, and what is refused.
#include "protocol/locks/state_image.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "machine.hpp"

namespace lockstep::state_image_test {

using namespace lockstep::locks;

namespace {

// Of the machine with everything, as the contradictions below count on it.
// sessions: 2, 3, 4, 22; ended: 20, 5
// locks: a (held by 2), b (22), handed and on (3, having waited as 24), permits (2), shared (3 and 4)
// waiters: 10 (of 4, for a and free), 11 (of 3, for free)
// history: 1 to 4, of which 2 was forced
StateImage image_with_everything() { return image_of(machine_with_everything().state); }

struct Contradiction {
  std::string sentence;
  std::function<void(StateImage&)> make;
};

void check_refused(const std::vector<Contradiction>& contradictions) {
  for (const Contradiction& contradiction : contradictions) {
    StateImage image = image_with_everything();
    contradiction.make(image);
    CHECK(violation_in(image) == contradiction.sentence);
  }
}

}  // namespace

TEST_CASE("an image has every record, and the machine built from it has the same") {
  const Machine machine = machine_with_everything();
  const StateImage image = image_of(machine.state);
  CHECK(image.last_applied == LogIndex(25));
  CHECK(image.sessions.size() == 4);
  CHECK(image.ended.size() == 2);
  CHECK(image.locks.size() == 6);
  CHECK(image.waiters.size() == 2);
  CHECK(image.history.size() == 4);
  REQUIRE(violation_in(image) == "");
  const StateMachine built(image);
  CHECK(image_of(built) == image);
  CHECK(built.hash() == machine.state.hash());
  CHECK(built.recomputed_hash() == machine.state.hash());
  CHECK(built.lock_count() == machine.state.lock_count());
}

TEST_CASE("the mode in which a free name was once held is not in the image") {
  Machine machine;
  const SessionId a = machine.session_of(1);
  const SessionId b = machine.session_of(2);
  machine.take(a, shared({"x"}));
  machine.take(a, exclusive({"y"}));
  machine.queue(b, exclusive({"x", "y"}));
  machine.release(a, "x");
  const StateImage image = image_of(machine.state);
  REQUIRE(image.locks.size() == 1);
  CHECK(image.locks[0].name == "y");
  const StateMachine built(image);
  CHECK(built.lock_count() == 2);
  CHECK(built.list("", "", 10).items == machine.state.list("", "", 10).items);
}

TEST_CASE("sessions that contradict what was applied or each other are refused") {
  check_refused({
      {"session 3 is out of order",
       [](auto& i) {
         std::swap(i.sessions[1], i.sessions[2]);
         i.sessions.erase(i.sessions.begin());
       }},
      {"session 0 is out of order", [](auto& i) { i.sessions[0].id = SessionId(); }},
      {"session 2 is out of order", [](auto& i) { i.sessions[1] = i.sessions[0]; }},
      {"session 26 was opened after the last entry", [](auto& i) { i.sessions[3].id = SessionId(26); }},
      {"session 3 was last used by an entry that cannot have used it",
       [](auto& i) { i.sessions[1].last_used = LogIndex(2); }},
      {"session 3 was last used by an entry that cannot have used it",
       [](auto& i) { i.sessions[1].last_used = LogIndex(26); }},
      {"session 3 was last used by the same entry as another",
       [](auto& i) { i.sessions[1].last_used = i.sessions[0].last_used; }},
      {"session 3 lost a lock in an entry that cannot have taken it",
       [](auto& i) { i.sessions[1].forced_at = LogIndex(3); }},
      {"session 3 lost a lock in an entry that cannot have taken it",
       [](auto& i) { i.sessions[1].forced_at = LogIndex(26); }},
      {"session 3 is not the only one of its client that lives",
       [](auto& i) { i.sessions[1].client = i.sessions[0].client; }},
      {"session 3 has answers out of order, or answers that were acknowledged",
       [](auto& i) { std::swap(i.sessions[1].answers[0], i.sessions[1].answers[1]); }},
      {"session 3 has answers out of order, or answers that were acknowledged",
       [](auto& i) { i.sessions[1].answers[0].number = i.sessions[1].answers[1].number; }},
      {"session 3 has answers out of order, or answers that were acknowledged",
       [](auto& i) { i.sessions[1].acknowledged_below = RequestNumber(2); }},
      {"session 3 has answers too far ahead",
       [](auto& i) { i.sessions[1].answers.back().number = RequestNumber(1 + kMaxUnacknowledged); }},
  });
  StateImage image = image_with_everything();
  image.sessions[1].answers.back().number = RequestNumber(kMaxUnacknowledged);
  CHECK(violation_in(image) == "");
}

TEST_CASE("ended sessions that contradict what was applied or each other are refused") {
  check_refused({
      {"ended session 5 is out of order, or others are missing before it",
       [](auto& i) { std::swap(i.ended[0], i.ended[1]); }},
      {"ended session 5 is out of order, or others are missing before it",
       [](auto& i) { i.ended.erase(i.ended.begin()); }},
      {"ended session 20 is out of order, or others are missing before it",
       [](auto& i) { i.ended.resize(kKeptEndedSessions + 1); }},
      {"ended session 0 was not opened by any entry so far", [](auto& i) { i.ended[0].id = SessionId(); }},
      {"ended session 26 was not opened by any entry so far", [](auto& i) { i.ended[0].id = SessionId(26); }},
      {"ended session 20 ended in a way in which no session ends",
       [](auto& i) { i.ended[0].how = EndReason::kReleased; }},
      {"ended session 22 lives", [](auto& i) { i.ended[0].id = SessionId(22); }},
      {"ended session 23 is later than the one of its client that lives",
       [](auto& i) { i.ended[1].id = SessionId(23); }},
      {"ended session 20 ended twice",
       [](auto& i) {
         i.ended[1] = {2, SessionId(20), client(9), EndReason::kClosed};
       }},
      {"ended session 19 ended after a later one of its client, or twice",
       [](auto& i) {
         i.ended[1] = {2, SessionId(19), i.ended[0].client, EndReason::kClosed};
       }},
  });
  StateImage image = image_with_everything();
  image.ended.clear();
  for (std::uint64_t i = 0; i < kKeptEndedSessions; ++i) {
    ClientId who = client(200);
    who.bytes[0] = static_cast<std::uint8_t>(i / 256);
    who.bytes[1] = static_cast<std::uint8_t>(i % 256);
    image.ended.push_back({i + 26, SessionId(i + 26), who, EndReason::kExpired});
  }
  image.last_applied = LogIndex(kKeptEndedSessions + 25);
  CHECK(violation_in(image) == "");
  for (EndedSession& ended : image.ended) ++ended.position;
  CHECK(violation_in(image) == "ended session 10025 ended after the last entry");
}

TEST_CASE("locks that contradict their sessions, their modes or each other are refused") {
  check_refused({
      {"lock \"a\" is out of order", [](auto& i) { std::swap(i.locks[0], i.locks[1]); }},
      {"lock \"a\" is out of order", [](auto& i) { i.locks[1] = i.locks[0]; }},
      {"lock \"\" is out of order", [](auto& i) { i.locks[0].name = ""; }},
      {"lock \"a\" has permits that do not go with its mode", [](auto& i) { i.locks[0].permits = 1; }},
      {"lock \"a\" has permits that do not go with its mode", [](auto& i) { i.locks[0].mode = Mode::kPermit; }},
      {"lock \"permits\" has permits that do not go with its mode",
       [](auto& i) { i.locks[4].permits = kMaxPermits + 1; }},
      {"lock \"a\" is held by nobody", [](auto& i) { i.locks[0].holds.clear(); }},
      {"lock \"shared\" has more holders than it may", [](auto& i) { i.locks[5].mode = Mode::kExclusive; }},
      {"lock \"shared\" has more holders than it may",
       [](auto& i) {
         i.locks[5].mode = Mode::kPermit;
         i.locks[5].permits = 1;
       }},
      {"lock \"shared\" has its holders out of order",
       [](auto& i) { std::swap(i.locks[5].holds[0], i.locks[5].holds[1]); }},
      {"lock \"shared\" has its holders out of order", [](auto& i) { i.locks[5].holds[1] = i.locks[5].holds[0]; }},
      {"lock \"a\" is held by a session that does not live",
       [](auto& i) { i.locks[0].holds[0].session = SessionId(5); }},
      {"lock \"b\" was granted by an entry that cannot have granted it",
       [](auto& i) { i.locks[1].holds[0].token = FencingToken(21); }},
      {"lock \"b\" was granted by an entry that cannot have granted it",
       [](auto& i) { i.locks[1].holds[0].token = FencingToken(26); }},
      {"lock \"handed\" was granted to a request that cannot have waited",
       [](auto& i) { i.locks[2].holds[0].waiter = WaiterId(25); }},
      {"lock \"handed\" was granted to a request that cannot have waited",
       [](auto& i) { i.locks[2].holds[0].waiter = WaiterId(3); }},
      {"lock \"on\" was granted to one waiter in two ways",
       [](auto& i) { i.locks[3].holds[0].session = SessionId(4); }},
      {"lock \"handed\" was granted to one waiter in two ways",
       [](auto& i) {
         i.locks[1].holds[0] = i.locks[2].holds[0];
         i.locks[2].holds[0].token = FencingToken(26);
         i.last_applied = LogIndex(26);
       }},
  });
}

TEST_CASE("waiters that contradict what they wait for, or that nothing keeps waiting, are refused") {
  check_refused({
      {"waiter 10 is out of order",
       [](auto& i) {
         std::swap(i.waiters[0], i.waiters[1]);
         i.waiters[0].names = {"a"};
       }},
      {"waiter 10 is out of order", [](auto& i) { i.waiters[1] = i.waiters[0]; }},
      {"waiter 0 is out of order", [](auto& i) { i.waiters[0].id = WaiterId(); }},
      {"waiter 26 was queued after the last entry", [](auto& i) { i.waiters[1].id = WaiterId(26); }},
      {"waiter 24 was granted", [](auto& i) { i.waiters[1].id = WaiterId(24); }},
      {"waiter 10 is of a session that does not live", [](auto& i) { i.waiters[0].request.session = SessionId(5); }},
      {"waiter 10 was queued before its session was opened",
       [](auto& i) { i.waiters[0].request.session = SessionId(22); }},
      {"waiter 10 wants permits that do not go with its mode", [](auto& i) { i.waiters[0].request.permits = 1; }},
      {"waiter 10 wants permits that do not go with its mode",
       [](auto& i) { i.waiters[0].request.mode = Mode::kPermit; }},
      {"waiter 10 waits for too many names or for none", [](auto& i) { i.waiters[0].names.clear(); }},
      {"waiter 10 waits for too many names or for none",
       [](auto& i) { i.waiters[0].names.resize(kMaxAcquireNames + 1); }},
      {"waiter 10 has its names out of order",
       [](auto& i) {
         i.waiters[0].names = {"free", "a"};
       }},
      {"waiter 10 has its names out of order",
       [](auto& i) {
         i.waiters[0].names = {"a", "a"};
       }},
      {"waiter 10 waits for a name that has other permits", [](auto& i) { i.waiters[0].names = {"permits"}; }},
      {"waiter 11 waits for a name that has other permits",
       [](auto& i) {
         i.waiters[1].request.mode = Mode::kPermit;
         i.waiters[1].request.permits = 3;
       }},
      {"waiter 10 waits for a name that its session holds",
       [](auto& i) {
         i.waiters[0].names = {"a", "shared"};
       }},
      {"waiter 11 waits for a name that its session waits for already",
       [](auto& i) { i.waiters[1].request.session = SessionId(4); }},
      {"waiter 10 was overtaken",
       [](auto& i) {
         i.waiters[0].names = {"a", "handed"};
       }},
      {"waiter 10 waits for nothing that is not to be had", [](auto& i) { i.waiters[0].names = {"free"}; }},
      {"waiter 11 waits for nothing that is not to be had", [](auto& i) { i.waiters[1].names = {"other"}; }},
      {"waiter 10 waits for nothing that is not to be had", [](auto& i) { i.locks.erase(i.locks.begin()); }},
      {"waiter 11 waits for nothing that is not to be had", [](auto& i) { i.waiters.erase(i.waiters.begin()); }},
  });
}

TEST_CASE("a history that contradicts what was applied is refused") {
  check_refused({
      {"event 2 is out of order, or others are missing before it", [](auto& i) { i.history.erase(i.history.begin()); }},
      {"event 3 is out of order, or others are missing before it",
       [](auto& i) { i.history.erase(i.history.begin() + 1); }},
      {"event 0 is out of order, or others are missing before it", [](auto& i) { i.history[0].position = 0; }},
      {"event 1 is out of order, or others are missing before it", [](auto& i) { i.history.resize(kKeptHistory + 1); }},
      {"event 1 was not granted by any entry so far", [](auto& i) { i.history[0].token = FencingToken(); }},
      {"event 1 was not granted by any entry so far", [](auto& i) { i.history[0].token = FencingToken(26); }},
      {"event 1 ended in a way in which no hold ends", [](auto& i) { i.history[0].reason = EndReason::kEvicted; }},
      {"event 1 was forced by nobody, or ended by an operator without force",
       [](auto& i) { i.history[0].by = client(1); }},
      {"event 2 was forced by nobody, or ended by an operator without force", [](auto& i) { i.history[1].by.reset(); }},
  });
}

}  // namespace lockstep::state_image_test

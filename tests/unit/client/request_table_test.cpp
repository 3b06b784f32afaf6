// Goal: each event finds the requests that it concerns, and no other.
// Method: by hand, and random changes after each of which the table's own full check compares every index with a walk.
#include <doctest/doctest.h>

#include "protocol/base/random.hpp"
#include "protocol/client_core/request_table.hpp"

namespace lockstep::request_table_test {

using namespace lockstep::client_core;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart = Time(1h);

Lanes lanes(std::initializer_list<Lane> open) {
  Lanes all;
  for (const Lane lane : open) all.set(static_cast<std::size_t>(lane));
  return all;
}
constexpr std::size_t kKeptCopies = 64;
const Lanes kFree = lanes({Lane::kFree});

OutstandingRequest request(RequestKind body, Time due = kStart) {
  OutstandingRequest made{std::move(body)};
  made.due = due;
  return made;
}
ReadState status() { return {wire::StatusRequest{}}; }
WaitInLine wait() { return {wire::Wait{}, AcquisitionId(1)}; }
RunOnce preempt(const std::string& name) { return {locks::Preempt{name}}; }

using Ids = std::vector<RequestId>;

}  // namespace

TEST_CASE("a request is due in its lane, then in flight until its patience ends, then due again") {
  RequestTable table(kKeptCopies);
  const RequestId id = table.add(request(status(), kStart + 1s));
  CHECK(table.due(kStart, kFree).empty());
  CHECK(table.next_deadline(kFree) == kStart + 1s);
  CHECK(table.due(kStart + 1s, kFree) == Ids{id});
  CHECK(table.due(kStart + 1s, lanes({Lane::kOpening})).empty());
  CHECK(table.next_deadline(lanes({Lane::kOpening})) == Time::max());

  table.sent(id, kStart + 1s, CallNumber(1), 2, 500ms);
  CHECK(table.due(kStart + 1h, kFree).empty());
  CHECK(table.next_deadline(kFree) == kStart + 1500ms);
  CHECK(table.unanswered(kStart + 1499ms).empty());
  CHECK(table.unanswered(kStart + 1500ms) == Ids{id});
  CHECK(table.at(id).patience() == 500ms);

  table.failed(id, kStart + 2s, 10ms);
  CHECK(table.unanswered(kStart + 1h).empty());
  CHECK(table.at(id).failures == 1);
  CHECK(table.due(kStart + 2010ms, kFree) == Ids{id});
  table.check_invariants();
}

TEST_CASE("what is due is told in order of the requests, whatever the order of their times") {
  RequestTable table(kKeptCopies);
  const RequestId first = table.add(request(status(), kStart + 2s));
  const RequestId second = table.add(request(status(), kStart + 1s));
  const RequestId third = table.add(request(RetireSession{}, kStart));
  CHECK(table.due(kStart + 2s, kFree) == Ids{first, second, third});
  CHECK(table.due(kStart + 1s, kFree) == Ids{second, third});
}

TEST_CASE("a request is found by each of its copies, the newest 64 of them") {
  RequestTable table(kKeptCopies);
  const RequestId id = table.add(request(status()));
  const RequestId other = table.add(request(status()));
  for (std::uint64_t copy = 1; copy <= 65; ++copy) {
    table.sent(id, kStart, CallNumber(copy), 0, 1s);
    CHECK(table.is_newest_copy(CallNumber(copy)));
    table.failed(id, kStart, 0s);
  }
  CHECK_FALSE(table.find_copy(CallNumber(1)));
  CHECK(table.find_copy(CallNumber(2)) == id);
  CHECK_FALSE(table.is_newest_copy(CallNumber(64)));
  CHECK(table.at(id).sent == 65);
  CHECK(table.at(id).another_copy_was_sent());
  CHECK_FALSE(table.at(other).another_copy_was_sent());
  table.erase(id);
  CHECK_FALSE(table.find_copy(CallNumber(65)));
  table.check_invariants();
}

TEST_CASE("copies in flight are found by their endpoint, and long polls among them") {
  RequestTable table(kKeptCopies);
  const RequestId read = table.add(request(status()));
  const RequestId poll = table.add(request(wait()));
  const RequestId elsewhere = table.add(request(wait()));
  table.sent(read, kStart, CallNumber(1), 1, 1s);
  table.sent(poll, kStart, CallNumber(2), 1, 1s);
  table.sent(elsewhere, kStart, CallNumber(3), 2, 1s);
  CHECK(table.in_flight_at(1) == Ids{read, poll});
  CHECK(table.polls_in_flight_at(1) == Ids{poll});
  table.ask_again(poll, kStart);
  CHECK(table.in_flight_at(1) == Ids{read});
  CHECK(table.polls_in_flight_at(1).empty());
  CHECK(table.at(poll).failures == 0);
  CHECK(table.polls_in_flight_at(2) == Ids{elsewhere});
  CHECK(table.in_flight_at(7).empty());
}

TEST_CASE("a call is late at its deadline, whichever lanes are open") {
  RequestTable table(kKeptCopies);
  const RequestId id = table.add(request(preempt("a")));
  table.set_call(id, CallId(5), kStart + 1s, 1s);
  CHECK(table.counts() == RequestTable::Counts{1, 1, 0, 0});
  CHECK(table.next_deadline(Lanes()) == kStart + 1s);
  CHECK(table.late_calls(kStart + 999ms).empty());
  CHECK(table.late_calls(kStart + 1s) == Ids{id});
  CHECK(table.take_call(id) == CallId(5));
  CHECK(table.late_calls(kStart + 1h).empty());
  CHECK(table.counts() == RequestTable::Counts{});
}

TEST_CASE("an operation is sent under its number, and what nobody waits for is counted") {
  RequestTable table(kKeptCopies);
  const RequestId id = table.add(request(preempt("a")));
  const RequestId next = table.add(request(preempt("a")));
  CHECK(table.due(kStart, kFree | lanes({Lane::kNew, Lane::kEnding, Lane::kRepeating})).empty());
  CHECK(table.next_operation({}, false) == id);
  table.give_number(id, RequestNumber(1));
  table.sent(id, kStart, CallNumber(1), 0, 1s);
  CHECK(table.find_number(RequestNumber(1)) == id);
  CHECK(table.is_in_use(locks::Preempt{"a"}));
  CHECK_FALSE(table.next_operation({}, false));
  CHECK(table.counts() == RequestTable::Counts{0, 0, 1, 1});
  CHECK(table.unanswered(kStart + 1s) == Ids{id});
  table.failed(id, kStart + 1s, 0s);
  CHECK(table.due(kStart + 1s, lanes({Lane::kRepeating})) == Ids{id});
  table.erase(id);
  CHECK(table.next_operation({}, false) == next);
  CHECK_FALSE(table.find_number(RequestNumber(1)));
  table.check_invariants();
}

TEST_CASE("what is started again is a request of its own, at its old place in line") {
  RequestTable table(kKeptCopies);
  RunOnce claimed = preempt("a");
  claimed.number = RequestNumber(4);
  claimed.claimed = true;
  OutstandingRequest left = request(claimed);
  left.sent = 1;  // by an earlier process
  const RequestId id = table.add(left);
  const RequestId next = table.add(request(preempt("a")));
  table.sent(id, kStart, CallNumber(1), 0, 1s);
  CHECK(table.at(id).another_copy_was_sent());
  table.start_again(id, kStart);
  CHECK_FALSE(table.find_copy(CallNumber(1)));
  CHECK_FALSE(table.find_number(RequestNumber(4)));
  CHECK_FALSE(std::get<RunOnce>(table.at(id).body).claimed);
  CHECK(table.at(id).sent == 0);
  CHECK(table.next_operation({}, false) == id);
  CHECK(table.next_operation(id, false) == next);
  table.check_invariants();
}

TEST_CASE("what belongs to the session is found, and what does not is left alone") {
  RequestTable table(kKeptCopies);
  table.add(request(status()));
  const RequestId operation = table.add(request(preempt("a")));
  table.add(request(RetireSession{}));
  const RequestId verify = table.add(request(VerifyHold{}));
  const RequestId taken_over = table.add(request(ReadTakenOver{}));
  table.add(request(SettleConflict{}));
  const RequestId poll = table.add(request(wait()));
  table.add(request(WatchChanges{}));
  table.add(request(BeginSession{}));
  CHECK(table.of_session() == Ids{operation, verify, taken_over, poll});
  CHECK(table.of<BeginSession>().size() == 1);
  CHECK(table.of<RunOnce>() == std::set<RequestId>{operation});
}

TEST_CASE("whatever happens to requests, each is found by what it is") {
  Random random(7);
  RequestTable table(kKeptCopies);
  CallNumber copy;
  CallId call;
  RequestNumber number;
  Time now = kStart;
  const auto draw = [&]() -> RequestKind {
    switch (random.below(6)) {
      case 0: return wait();
      case 1: return ReadTakenOver{wire::SessionsRequest{}};
      case 2: return status();
      case 3: return RunOnce{locks::Close{}};
      default: return preempt(std::string(1, static_cast<char>('a' + random.below(3))));
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    now += random.between(0ms, 20ms);
    if (table.all().size() < 20 && random.one_in(3)) table.add(request(draw(), now + random.between(0ms, 50ms)));
    if (table.all().empty()) continue;
    const auto one = std::next(table.all().begin(), static_cast<std::ptrdiff_t>(random.below(table.all().size())));
    const RequestId id = one->first;
    const auto* operation = std::get_if<RunOnce>(&one->second.body);
    switch (random.below(8)) {
      case 0: table.erase(id); break;
      case 1:
        if (!table.at(id).call) table.set_call(id, call = call.next(), now + random.between(0ms, 99ms), 1s);
        break;
      case 2: table.take_call(id); break;
      case 3: table.failed(id, now, 10ms); break;
      case 4: table.ask_again(id, now); break;
      case 5: table.start_again(id, now); break;
      default:
        if (table.at(id).in_flight) break;
        if (operation && !operation->number) {
          const RequestId next = table.next_operation(id.previous(), false);
          if (next != id) break;
          table.give_number(id, number = number.next());
        }
        table.sent(id, now, copy = copy.next(), random.below(3), random.between(1ms, 40ms));
    }
    table.check_invariants();
  }
  CHECK(copy.value() > 1000);
}

}  // namespace lockstep::request_table_test

// Goal: each event finds the acquisitions that it concerns, and no other.
// Method: by hand; after each case the table's own full check compares every index with a walk.
#include <doctest/doctest.h>

#include "protocol/client_core/acquisition_table.hpp"

namespace lockstep::acquisition_table_test {

using namespace lockstep::client_core;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart = Time(1h);
using Stage = Acquisition::Stage;
using Ids = std::vector<AcquisitionId>;

// Of a call, asked at the start, with a patience of 5 s.
Acquisition asked(std::vector<std::string> names, CallId call = CallId(1)) {
  Acquisition acquisition;
  acquisition.call = call;
  acquisition.names = std::move(names);
  acquisition.timeout = 5s;
  acquisition.silent_since = kStart;
  return acquisition;
}

// It stands in line, and its Wait was not refused yet.
void queue(AcquisitionTable& table, AcquisitionId id, Time wait_ends = Time::max()) {
  table.change(id, [&](Acquisition& acquisition) {
    acquisition.stage = Stage::kWaiting;
    acquisition.wait_ends = wait_ends;
    acquisition.silent_since.reset();
  });
}

}  // namespace

TEST_CASE("a call is late when its step has had no answer for its time") {
  AcquisitionTable table;
  const AcquisitionId id = table.add(asked({"a"}));
  CHECK(table.next_deadline({}) == kStart + 5s);
  CHECK(table.late(kStart + 4999ms, {}).empty());
  CHECK(table.late(kStart + 5s, {}) == Ids{id});
  CHECK(table.take_call(id) == CallId(1));
  CHECK(table.late(kStart + 1h, {}).empty());  // nobody waits
  CHECK(table.next_deadline({}) == Time::max());
  CHECK(table.abandoned() == 1);
  CHECK(table.calls() == 0);
  table.check_invariants();
}

TEST_CASE("in line, silence of the lease counts as well, for each call's own time") {
  AcquisitionTable table;
  const AcquisitionId patient = table.add(asked({"a"}));
  const AcquisitionId hasty = table.add(asked({"b"}, CallId(2)));
  table.change(hasty, [](Acquisition& acquisition) { acquisition.timeout = 1s; });
  queue(table, patient);
  queue(table, hasty);
  CHECK(table.next_deadline({}) == Time::max());
  CHECK(table.next_deadline(kStart + 10s) == kStart + 11s);
  CHECK(table.late(kStart + 11s, kStart + 10s) == Ids{hasty});
  CHECK(table.late(kStart + 15s, kStart + 10s) == Ids{patient, hasty});
  CHECK(table.late(kStart + 1h, {}).empty());
  table.change(patient, [](Acquisition& acquisition) { acquisition.silent_since = kStart; });
  CHECK(table.late(kStart + 5s, kStart + 10s) == Ids{patient});
  CHECK(table.late(kStart + 15s, kStart + 10s) == Ids{patient, hasty});  // each once
  table.check_invariants();
}

TEST_CASE("before it stands in line, an acquisition does not wait for the lease") {
  AcquisitionTable table;
  table.add(asked({"a"}));
  CHECK(table.next_deadline(kStart - 1h) == kStart + 5s);
  CHECK(table.late(kStart, kStart - 1h).empty());
}

TEST_CASE("a wait ends only while it stands in line") {
  AcquisitionTable table;
  const AcquisitionId id = table.add(asked({"a"}));
  table.change(id, [](Acquisition& acquisition) { acquisition.wait_ends = kStart; });
  CHECK(table.ended_waits(kStart + 1s).empty());
  queue(table, id, kStart + 1s);
  CHECK(table.ended_waits(kStart).empty());
  CHECK(table.ended_waits(kStart + 1s) == Ids{id});
  CHECK(table.next_deadline({}) == kStart + 1s);
  table.change(id, [](Acquisition& acquisition) { acquisition.stage = Stage::kCancelling; });
  CHECK(table.ended_waits(kStart + 1h).empty());
  table.check_invariants();
}

TEST_CASE("those in line for a name are found by it, until they are granted or gone") {
  AcquisitionTable table;
  const AcquisitionId both = table.add(asked({"a", "b"}));
  const AcquisitionId one = table.add(asked({"b"}, CallId(2)));
  CHECK(table.in_line_for("b").empty());
  queue(table, both);
  queue(table, one);
  CHECK(table.in_line_for("a") == Ids{both});
  CHECK(table.in_line_for("b") == Ids{both, one});
  CHECK(table.in_line() == 2);
  table.change(both, [](Acquisition& acquisition) { acquisition.stage = Stage::kCancelling; });
  CHECK(table.in_line_for("a") == Ids{both});
  table.erase(both);
  CHECK(table.in_line_for("a").empty());
  table.take_call(one);
  table.change(one, [](Acquisition& acquisition) { acquisition.stage = Stage::kReleasing; });
  CHECK(table.in_line_for("b").empty());
  CHECK(table.in_line() == 0);
  table.check_invariants();
}

TEST_CASE("what an earlier process asked for wants no session until a call makes it its own") {
  AcquisitionTable table;
  Acquisition kept;
  kept.names = {"a"};
  kept.keeps_grant = true;
  const AcquisitionId id = table.add(kept);
  CHECK(table.wanted() == 0);
  CHECK(table.abandoned() == 1);
  table.change(id, [](Acquisition& acquisition) {
    acquisition.call = CallId(1);
    acquisition.keeps_grant = false;
  });
  CHECK(table.wanted() == 1);
  CHECK(table.abandoned() == 0);
  table.take_call(id);
  CHECK(table.wanted() == 1);  // it is undone
  table.check_invariants();
}

TEST_CASE("after all are gone no id is used again") {
  AcquisitionTable table;
  const AcquisitionId id = table.add(asked({"a"}));
  queue(table, id, kStart);
  table.clear();
  CHECK(table.all().empty());
  CHECK(table.next_deadline(kStart) == Time::max());
  CHECK(table.add(asked({"a"})) > id);
  table.check_invariants();
}

}  // namespace lockstep::acquisition_table_test

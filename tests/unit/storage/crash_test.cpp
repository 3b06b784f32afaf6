// Goal: whatever moment the power fails at, nothing that was acknowledged is lost, nothing is found by
// halves, and no crash is ever taken for damage.
// Method: run a workload on a disk in memory that stops after k operations, for every k; then let every
// subset of the unsynced sectors and names survive (all subsets up to 8 of them, beyond that a wide
// choice), open, and compare with the only states that may be found.
#include <doctest/doctest.h>

#include "nodes/storage/storage.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/crash_choices.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace lockstep::crash_test {
namespace {

using test::acknowledged;
using test::entry;
using test::for_each_choice;
using test::hard_state;
using test::large_entries;
using test::options;
using test::Survives;
using test::write;
using test::Writes;

struct Found {
  std::vector<raft::Entry> entries;
  raft::HardState hard_state;
  friend bool operator==(const Found&, const Found&) = default;
};

// Small and large batches, hard states with and without entries, replaced entries, three segments.
std::vector<Writes> workload() {
  return {
      {write(1, 1, {entry(1, "one")}, hard_state(1, 77))},
      {write(2, 2, {entry(1, "two"), entry(1, "three")}), write(3, 4, {entry(1, "four")})},
      {write(4, 0, {}, hard_state(2))},
      {write(5, 3, {entry(2, "THREE")}), write(6, 0, {}, hard_state(3, 78)), write(7, 4, large_entries(3, 4))},
      {write(8, 8, large_entries(3, 7))},
      {write(9, 15, large_entries(3, 6), hard_state(4))},
      {write(10, 21, {entry(4, "after")})},
      {write(11, 22, large_entries(4, 12))},
      {write(12, 2, {entry(5, "short again")}, hard_state(5, 79))},
  };
}

std::vector<Found> states_after_each_step() {
  std::vector<Found> result(1);
  for (const Writes& step : workload()) {
    Found next = result.back();
    for (const raft::Write& one : step) {
      test::follow(next.entries, one);
      if (one.hard_state) next.hard_state = *one.hard_state;
    }
    result.push_back(std::move(next));
  }
  return result;
}

// How many steps were acknowledged before the power failed.
std::size_t run_workload(MemoryDisk& disk) {
  auto storage = Storage::open(disk, options());
  if (!storage) return 0;
  std::size_t done = 0;
  for (const Writes& step : workload()) {
    if (acknowledged(*storage, step) != step.size()) break;
    ++done;
  }
  return done;
}

Found restore(MemoryDisk& disk) {
  Storage storage = test::open(disk);
  raft::Restored restored = storage.take_restored();
  REQUIRE(restored.node == NodeId(77));
  return {std::move(restored.entries), restored.hard_state};
}

class CrashTest {
 public:
  std::size_t tried() const { return tried_; }

  void check_after(std::size_t acknowledged_steps, MemoryDisk crashed) {
    ++tried_;
    const Found found = restore(crashed);
    REQUIRE(is_allowed(acknowledged_steps, found));
    check_said_is_kept(crashed, found);
    check_goes_on(crashed, found);
  }

  // Crashes while recovering from a crash.
  void check_recovery(std::size_t acknowledged_steps, const MemoryDisk& crashed) {
    for (std::uint64_t stop = 0;; ++stop) {
      REQUIRE(stop < 1000);
      MemoryDisk recovering = crashed;
      recovering.stop_after(stop);
      const bool opened = Storage::open(recovering, options()).has_value();
      for (const std::size_t kind : {0U, 1U, 2U, 3U}) {
        ++tried_;
        MemoryDisk again = recovering;
        again.crash([kind](std::size_t i) { return kind == 0 || (kind > 1 && i % 2 == kind - 2); });
        REQUIRE(is_allowed(acknowledged_steps, restore(again)));
      }
      if (opened) return;
    }
  }

 private:
  // What was acknowledged; or the step under way as well, its entries first and then its hard state.
  bool is_allowed(std::size_t acknowledged_steps, const Found& found) const {
    const Found& before = states_[acknowledged_steps];
    if (found == before) return true;
    if (acknowledged_steps + 1 == states_.size()) return false;
    const Found& after = states_[acknowledged_steps + 1];
    return found == after || found == Found{after.entries, before.hard_state};
  }

  // S4: once a node has read its state it may speak of it, so that state survives the next crash.
  static void check_said_is_kept(MemoryDisk disk, const Found& said) {
    disk.crash_losing_all();
    REQUIRE(restore(disk) == said);
  }

  static void check_goes_on(MemoryDisk disk, Found expected) {
    disk.kill_process();
    const raft::Write next = write(99, expected.entries.size() + 1, {entry(9, "next")}, hard_state(9, 5));
    {
      Storage storage = test::open(disk);
      REQUIRE(acknowledged(storage, Writes{next}) == 1);
    }
    test::follow(expected.entries, next);
    expected.hard_state = *next.hard_state;
    disk.crash_losing_all();
    REQUIRE(restore(disk) == expected);
  }

  const std::vector<Found> states_ = states_after_each_step();
  std::size_t tried_ = 0;
};

TEST_CASE("a power failure at any moment, with any of the unsynced sectors and names surviving") {
  CrashTest test;
  for (std::uint64_t stop = 0;; ++stop) {
    REQUIRE(stop < 1000);
    MemoryDisk disk;
    disk.stop_after(stop);
    const std::size_t done = run_workload(disk);
    for_each_choice(disk.unsynced(), [&](const Survives& survives) {
      MemoryDisk crashed = disk;
      crashed.crash(survives);
      test.check_after(done, std::move(crashed));
    });
    if (done == workload().size() && !disk.power_is_off()) break;
  }
  MESSAGE("crashes tried: " << test.tried());
  CHECK(test.tried() > 1000);
}

TEST_CASE("a power failure at any moment of the recovery from a power failure") {
  CrashTest test;
  for (std::uint64_t stop = 0;; ++stop) {
    REQUIRE(stop < 1000);
    MemoryDisk disk;
    disk.stop_after(stop);
    const std::size_t done = run_workload(disk);
    for (const unsigned every : {1U, 2U}) {
      MemoryDisk crashed = disk;
      crashed.crash([every](std::size_t i) { return i % every == 0; });
      test.check_recovery(done, crashed);
    }
    MemoryDisk killed = disk;
    killed.kill_process();
    test.check_recovery(done, killed);
    if (done == workload().size() && !disk.power_is_off()) break;
  }
  MESSAGE("crashes tried: " << test.tried());
  CHECK(test.tried() > 1000);
}

TEST_CASE("a write larger than a batch is found as a prefix of its entries, its hard state only with all") {
  const Writes step = {write(1, 1, large_entries(1, 60), hard_state(7))};
  for (std::uint64_t stop = 0;; ++stop) {
    REQUIRE(stop < 1000);
    MemoryDisk disk;
    disk.stop_after(stop);
    bool done = false;
    if (auto storage = Storage::open(disk, options())) done = acknowledged(*storage, step) == 1;
    disk.crash_losing_all();
    const Found found = restore(disk);
    REQUIRE(found.entries.size() <= 60);
    if (found.hard_state.term) REQUIRE(found.entries.size() == 60);
    if (done) {
      REQUIRE(found.hard_state == hard_state(7));
      break;
    }
  }
}

}  // namespace
}  // namespace lockstep::crash_test

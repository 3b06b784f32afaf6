// Goal: whatever moment of a compaction or an install the power fails at, nothing that was acknowledged is lost, a
// snapshot is found whole or not at all, and no crash is ever taken for damage.
// Method: that of crash_test.cpp, with a state machine whose state is the list of all entries: what is found in the
// snapshot and the log together is compared with the only lists that may be found.
#include <doctest/doctest.h>

#include "nodes/storage/file_names.hpp"
#include "nodes/storage/storage.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/crash_choices.hpp"
#include "tests/unit/storage/fixture.hpp"
#include "tests/unit/storage/snapshots.hpp"

namespace lockstep::snapshot_crash_test {
namespace {

using test::entry;
using test::hard_state;
using test::installation;
using test::large_entries;
using test::Survives;
using test::write;
using Entries = std::vector<raft::Entry>;

// One write, or a compaction up to an index.
struct Step {
  std::optional<raft::Write> write;
  std::uint64_t compact_up_to = 0;
};

struct Found {
  Entries entries;
  raft::HardState hard_state;
  friend bool operator==(const Found&, const Found&) = default;
};

void follow(Found& found, const raft::Write& write) {
  if (write.snapshot) found.entries = test::entries_in(write.snapshot->state);
  test::follow(found.entries, write);
  if (write.hard_state) found.hard_state = *write.hard_state;
}

// Each step goes on from where the one before stops, and is small enough for one batch.
class Workload {
 public:
  Workload() {
    append(1, 9, hard_state(1, 77));
    compact(6);
    append(1, 9);
    append(1, 9);
    compact(20);
    replace(24, {entry(2, "another leader's")}, hard_state(2));
    append(2, 8);
    append(2, 8);
    compact(38);
    append(2, 3);
    install(43, 60, 3, 2, hard_state(3, 78));  // above all that the log holds
    append(3, 12);
    compact(70);
    append(3, 12);
    install(77, 80, 4, 0);  // the log reaches further, with another leader's entries
    append(4, 5);
    install(83, 83, 4, 2);  // the log's own entries, kept by who asks for it
    compact(85);
    append(4, 9);
    compact(92);
    compact(94);
    append(5, 3, hard_state(5));
  }

  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Found>& states() const { return states_; }  // before each step, and after the last

  // The step under way may be found done in part: its snapshot, then its entries, then its hard state.
  bool is_allowed(std::size_t done, const Found& found) const {
    const Found& before = states_[done];
    if (found == before) return true;
    if (done == steps_.size()) return false;
    const Found& after = states_[done + 1];
    if (found == after || found == Found{after.entries, before.hard_state}) return true;
    const auto& under_way = steps_[done].write;
    return under_way && under_way->snapshot &&
           found == Found{test::entries_in(under_way->snapshot->state), before.hard_state};
  }

 private:
  void append(std::uint64_t term, std::size_t count, std::optional<raft::HardState> state = std::nullopt) {
    add(write(id_, now().size() + 1, large_entries(term, count), state));
  }
  void replace(std::uint64_t first, Entries entries, std::optional<raft::HardState> state) {
    add(write(id_, first, std::move(entries), state));
  }
  void compact(std::uint64_t index) {
    steps_.push_back({std::nullopt, index});
    states_.push_back(states_.back());
  }
  // A snapshot that agrees with what this node holds up to the first index; and entries that follow it.
  void install(std::size_t agrees_up_to, std::size_t index, std::uint64_t term, std::size_t entries,
               std::optional<raft::HardState> state = std::nullopt) {
    Entries all(now().begin(), now().begin() + static_cast<std::ptrdiff_t>(agrees_up_to));
    const Entries more = large_entries(term, index - all.size());
    all.insert(all.end(), more.begin(), more.end());
    add(installation(id_, all, large_entries(term, entries), state));
  }
  void add(raft::Write next) {
    ++id_;
    Found after = states_.back();
    follow(after, next);
    steps_.push_back({std::move(next), 0});
    states_.push_back(std::move(after));
  }
  const Entries& now() const { return states_.back().entries; }

  std::uint64_t id_ = 1;
  std::vector<Step> steps_;
  std::vector<Found> states_{1};
};

const Workload& workload() {
  static const Workload result;
  return result;
}

bool run(Storage& storage, const Step& step) {
  if (step.write) return test::acknowledged(storage, std::span(&*step.write, 1)) == 1;
  return test::compact(storage, step.compact_up_to).has_value();
}

// How many steps were acknowledged before the power failed.
std::size_t run_workload(MemoryDisk& disk) {
  auto storage = Storage::open(disk, test::options());
  if (!storage) return 0;
  std::size_t done = 0;
  for (const Step& step : workload().steps()) {
    if (!run(*storage, step)) break;
    ++done;
  }
  return done;
}

Found restore(MemoryDisk& disk) {
  Storage storage = test::open(disk);
  for (const Notice& notice : storage.take_notices()) {
    // A copy of `meta` may be torn; nothing else may look like damage.
    REQUIRE(notice.text.find("one of its two copies is not whole") != std::string::npos);
  }
  const raft::Restored restored = storage.take_restored();
  REQUIRE_FALSE(restored.hard_state.repair_until);
  return {test::everything(restored), restored.hard_state};
}

void check_said_is_kept(MemoryDisk disk, const Found& said) {
  disk.crash_losing_all();
  REQUIRE(restore(disk) == said);
}

void check_goes_on(MemoryDisk disk, Found expected) {
  disk.kill_process();
  {
    Storage storage = test::open(disk);
    const raft::Write next = write(99, expected.entries.size() + 1, large_entries(9, 3), hard_state(9, 5));
    test::must_persist(storage, {next});
    follow(expected, next);
    test::must_compact(storage, expected.entries.size() - 1);
    test::must_compact(storage, expected.entries.size());
  }
  disk.crash_losing_all();
  REQUIRE(test::names_of_kind(disk.names(), "snapshot-").size() == 2);
  REQUIRE(restore(disk) == expected);
}

void check_after(std::size_t done, MemoryDisk crashed) {
  const Found found = restore(crashed);
  REQUIRE(workload().is_allowed(done, found));
  check_said_is_kept(crashed, found);
  check_goes_on(crashed, found);
}

TEST_CASE("a power failure at any moment of compactions and installs, with any of what is unsynced surviving") {
  std::size_t tried = 0;
  for (std::uint64_t stop = 0;; ++stop) {
    REQUIRE(stop < 2000);
    MemoryDisk disk;
    disk.stop_after(stop);
    const std::size_t done = run_workload(disk);
    test::for_each_choice(disk.unsynced(), [&](const Survives& survives) {
      MemoryDisk crashed = disk;
      crashed.crash(survives);
      check_after(done, std::move(crashed));
      ++tried;
    });
    if (done == workload().steps().size() && !disk.power_is_off()) break;
  }
  MESSAGE("crashes tried: " << tried);
  CHECK(tried > 1000);
}

void check_recovery(std::size_t done, const MemoryDisk& crashed) {
  bool opened = false;
  for (std::uint64_t stop = 0; !opened; ++stop) {
    REQUIRE(stop < 1000);
    MemoryDisk recovering = crashed;
    recovering.stop_after(stop);
    opened = Storage::open(recovering, test::options()).has_value();
    for (const std::size_t kind : {0U, 1U, 2U, 3U}) {
      MemoryDisk again = recovering;
      again.crash([kind](std::size_t i) { return kind == 0 || (kind > 1 && i % 2 == kind - 2); });
      REQUIRE(workload().is_allowed(done, restore(again)));
    }
  }
}

TEST_CASE("a power failure at any moment of the recovery from one of a compaction or an install") {
  for (std::uint64_t stop = 0;; ++stop) {
    REQUIRE(stop < 2000);
    MemoryDisk disk;
    disk.stop_after(stop);
    const std::size_t done = run_workload(disk);
    for (const unsigned every : {1U, 2U}) {
      MemoryDisk crashed = disk;
      crashed.crash([every](std::size_t i) { return i % every == 0; });
      check_recovery(done, crashed);
    }
    MemoryDisk killed = disk;
    killed.kill_process();
    check_recovery(done, killed);
    if (done == workload().steps().size() && !disk.power_is_off()) break;
  }
}

TEST_CASE("S3: an install that was cut short after its file leaves nothing of another leader's log") {
  // The log reaches above the snapshot, with an entry of another term at its index.
  MemoryDisk disk;
  const Entries others = large_entries(2, 20);
  {
    Storage storage = test::open(disk);
    test::must_persist(storage, {write(1, 1, large_entries(1, 40))});
    REQUIRE(write_snapshot(disk, test::snapshot_of(others)));
  }
  disk.kill_process();
  for (int start = 0; start < 2; ++start) {
    REQUIRE(restore(disk).entries == others);
    disk.crash_losing_all();
  }
}

TEST_CASE("S3: an install that was cut short after its file keeps the log that goes on from it") {
  MemoryDisk disk;
  const Entries all = large_entries(1, 40);
  {
    Storage storage = test::open(disk);
    test::must_persist(storage, {write(1, 1, all)});
    REQUIRE(write_snapshot(disk, test::snapshot_of(std::span(all).first(20))));
  }
  disk.crash_losing_all();
  REQUIRE(restore(disk).entries == all);
}

TEST_CASE("segments and snapshots whose deletion was cut short are deleted at the next start, not set aside") {
  MemoryDisk disk;
  Entries all;
  MemoryDisk before_deletion;
  {
    Storage storage = test::open(disk);
    for (int round = 0; round < 3; ++round) {
      const raft::Write next = write(1, all.size() + 1, large_entries(1, 30));
      test::must_persist(storage, {next});
      test::follow(all, next);
      if (round == 2) disk.fail(MemoryDisk::Operation::kRemove, EIO);
      (void)test::compact(storage, all.size());
    }
  }
  disk.crash_losing_all();
  CHECK(test::names_of_kind(disk.names(), "snapshot-").size() == 3);
  CHECK(restore(disk).entries == all);
  CHECK(test::names_of_kind(disk.names(), "snapshot-").size() == 2);
  CHECK(test::names_of_kind(disk.names(), "damaged-").empty());
  CHECK(disk.names().count(segment_name(1)) == 0);
}

}  // namespace
}  // namespace lockstep::snapshot_crash_test

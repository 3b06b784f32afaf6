// Goal: damage to a snapshot, or to a log that a snapshot covers, costs nothing where something else stands for what
// is damaged; where nothing does, it is repaired from the other nodes (S2), or the node refuses to start.
// Method: write snapshots and a log, flip bits in every region of a file or take it away, and say what must come of it.
#include <doctest/doctest.h>

#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/storage.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"
#include "tests/unit/storage/snapshots.hpp"

namespace lockstep::snapshot_damage_test {
namespace {

using test::everything;
using test::hard_state;
using test::installation;
using test::large_entries;
using test::must_compact;
using test::must_persist;
using test::options;
using test::write;
using Entries = std::vector<raft::Entry>;

const std::string kOlder = snapshot_name(LogIndex(20));
const std::string kNewer = snapshot_name(LogIndex(50));

struct Written {
  MemoryDisk disk;
  Entries entries;
};

Entries first(const Entries& entries, std::size_t count) {
  return {entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count)};
}

// Batches of ten entries, in segments of thirteen, so each in one of its own: entry 10 n + 1 begins segment n + 1.
void append(Storage& storage, Written& written, std::size_t count) {
  while (count > 0) {
    const raft::Write next = write(1, written.entries.size() + 1, large_entries(1, std::min<std::size_t>(10, count)));
    must_persist(storage, {next});
    test::follow(written.entries, next);
    count -= next.entries.size();
  }
}

// Two snapshots, up to 20 and 50, and the log back to the older one.
Written two_snapshots(std::size_t entries) {
  Written result;
  {
    Storage storage = test::open(result.disk);
    must_persist(storage, {write(1, 0, {}, hard_state(1, 77))});
    append(storage, result, 30);
    must_compact(storage, 20);
    append(storage, result, entries - 30);
    must_compact(storage, 50);
  }
  result.disk.crash_losing_all();
  REQUIRE(result.disk.names().count(segment_name(2)) == 0);
  REQUIRE(result.disk.names().count(segment_name(3)) == 1);
  return result;
}

// A snapshot of its own up to 20, then the leader's up to 50, and ten entries.
Written installed() {
  Written result;
  {
    Storage storage = test::open(result.disk);
    must_persist(storage, {write(1, 0, {}, hard_state(1, 77))});
    append(storage, result, 25);
    must_compact(storage, 20);
    result.entries = large_entries(1, 50);
    must_persist(storage, {installation(2, result.entries)});
    append(storage, result, 10);
  }
  result.disk.crash_losing_all();
  return result;
}

StorageOptions alone() {
  StorageOptions result = options();
  result.cluster_of_one = true;
  return result;
}

// Started twice, since the first start changes the folder; with and without other nodes.
void expect_nothing_lost(const MemoryDisk& damaged, const Entries& entries, std::size_t notices) {
  for (const StorageOptions& with : {options(), alone()}) {
    MemoryDisk disk = damaged;
    for (int start = 0; start < 2; ++start) {
      Storage storage = test::open(disk, with);
      const raft::Restored restored = storage.take_restored();
      REQUIRE(everything(restored) == entries);
      REQUIRE(restored.hard_state == hard_state(1, 77));
      REQUIRE(storage.take_notices().size() == (start == 0 ? notices : 0));
      disk.crash_losing_all();
    }
  }
}

std::string refusal(MemoryDisk disk, const StorageOptions& with) {
  const std::uint64_t operations = disk.operations();
  const auto opened = Storage::open(disk, with);
  REQUIRE_FALSE(opened);
  REQUIRE(disk.operations() == operations);  // a refusal changes nothing
  return opened.error().detail;
}

bool says(const std::string& message, const std::string& part) { return message.find(part) != std::string::npos; }

// A cluster of one cannot go on. Others keep a prefix and know how far they had been.
void expect_repaired(const MemoryDisk& damaged, const Entries& prefix, std::uint64_t repair_until) {
  CHECK(says(refusal(damaged, alone()), "up to " + std::to_string(repair_until)));
  MemoryDisk disk = damaged;
  for (int start = 0; start < 2; ++start) {
    Storage storage = test::open(disk);
    const raft::Restored restored = storage.take_restored();
    REQUIRE(everything(restored) == prefix);
    REQUIRE(restored.hard_state.repair_until == LogIndex(repair_until));
    REQUIRE(restored.hard_state.term == Term(1));
    REQUIRE(storage.take_notices().empty() == (start == 1));
    disk.crash_losing_all();
  }
  Storage storage = test::open(disk);
  const raft::Write next = write(1, prefix.size() + 1, large_entries(2, 20), hard_state(2));
  must_persist(storage, {next});
  must_compact(storage, prefix.size() + 20);
}

void remove(MemoryDisk& disk, const std::string& name) {
  REQUIRE(disk.remove(name));
  REQUIRE(disk.sync_folder());
}

void flip(MemoryDisk& disk, const std::string& name, std::uint64_t byte) { disk.flip_bit(name, byte * 8 + byte % 8); }

void flip_first_batch(MemoryDisk& disk, const std::string& segment) { flip(disk, segment, kFirstBatchOffset + 50); }

TEST_CASE("a flipped bit anywhere in the newest snapshot costs nothing: the one before it and the log stand in") {
  const Written written = two_snapshots(80);
  const std::size_t bytes = written.disk.contents(kNewer).size();
  for (std::size_t byte = 0; byte < bytes; byte += (byte % kBlockBytes < 100 ? 3 : 211)) {
    MemoryDisk disk = written.disk;
    flip(disk, kNewer, byte);
    expect_nothing_lost(disk, written.entries, 1);
  }
}

TEST_CASE("a damaged snapshot is kept aside, and the next compaction takes its place") {
  const Written written = two_snapshots(80);
  MemoryDisk disk = written.disk;
  flip(disk, kNewer, 5000);
  {
    Storage storage = test::open(disk);
    CHECK(says(storage.take_notices().at(0).text, "data/" + kNewer + " was damaged"));
    must_compact(storage, 70);
  }
  CHECK(disk.names().count("damaged-" + kNewer) == 1);
  CHECK(test::names_of_kind(disk.names(), "snapshot-") == std::vector{kOlder, snapshot_name(LogIndex(70))});
  disk.crash_losing_all();
  CHECK(everything(test::open(disk).take_restored()) == written.entries);
}

TEST_CASE("a flipped bit anywhere in the older snapshot costs nothing") {
  const Written written = two_snapshots(80);
  const std::size_t bytes = written.disk.contents(kOlder).size();
  std::size_t found = 0;
  for (std::size_t byte = 0; byte < bytes; byte += (byte % kBlockBytes < 100 ? 7 : 211)) {
    MemoryDisk disk = written.disk;
    flip(disk, kOlder, byte);
    const bool in_state = byte >= kBlockBytes + 200;  // which nobody reads
    if (byte >= kBlockBytes && byte < kBlockBytes + 200) continue;
    found += in_state ? 0 : 1;
    expect_nothing_lost(disk, written.entries, in_state ? 0 : 1);
  }
  CHECK(found > 10);
}

TEST_CASE("a snapshot that is missing is noticed, though the log has all that it stood for") {
  const Written written = two_snapshots(80);
  MemoryDisk disk = written.disk;
  remove(disk, kNewer);
  expect_nothing_lost(disk, written.entries, 1);
  disk = written.disk;
  remove(disk, kOlder);
  expect_nothing_lost(disk, written.entries, 0);
}

TEST_CASE("without any snapshot and without the log's beginning the node refuses, naming files and indexes") {
  const Written written = two_snapshots(80);
  for (const StorageOptions& with : {options(), alone()}) {
    MemoryDisk disk = written.disk;
    flip(disk, kNewer, 20);
    flip(disk, kOlder, 20);
    std::string message = refusal(disk, with);
    CHECK(
        says(message, "data/" + kNewer + " is damaged, the log begins with entry 21, and there is no other snapshot"));
    CHECK(says(message, with.cluster_of_one ? "Restore the data folder" : "Move data away"));
    disk = written.disk;
    remove(disk, kNewer);
    remove(disk, kOlder);
    CHECK(says(refusal(disk, with), "data/" + kNewer + " is missing, the log begins with entry 21"));
  }
  Written only;
  {
    Storage storage = test::open(only.disk);
    must_persist(storage, {installation(1, large_entries(1, 50))});
  }
  only.disk.crash_losing_all();
  flip(only.disk, kNewer, 20);
  CHECK(says(refusal(only.disk, options()), "data/" + kNewer + " is damaged, the log does not begin with entry 1"));
  remove(only.disk, "meta");
  CHECK(says(refusal(only.disk, options()), "no file `meta`"));
}

TEST_CASE("a damaged snapshot of the leader leaves a gap: the one before it counts, and the rest is fetched") {
  const Written written = installed();
  const std::size_t bytes = written.disk.contents(kNewer).size();
  for (std::size_t byte = 0; byte < bytes; byte += (byte % kBlockBytes < 100 ? 9 : 499)) {
    MemoryDisk disk = written.disk;
    flip(disk, kNewer, byte);
    expect_repaired(disk, first(written.entries, 20), 60);
  }
  MemoryDisk disk = written.disk;
  remove(disk, kNewer);
  expect_repaired(disk, first(written.entries, 20), 60);
}

TEST_CASE("a power failure at any moment of such a repair ends in the same repair") {
  const Written written = installed();
  MemoryDisk damaged = written.disk;
  flip(damaged, kNewer, 5000);
  bool opened = false;
  for (std::uint64_t stop = 0; !opened; ++stop) {
    REQUIRE(stop < 1000);
    MemoryDisk repairing = damaged;
    repairing.stop_after(stop);
    opened = Storage::open(repairing, options()).has_value();
    for (const std::size_t kind : {0U, 1U, 2U, 3U}) {
      MemoryDisk disk = repairing;
      disk.crash([kind](std::size_t i) { return kind == 0 || (kind > 1 && i % 2 == kind - 2); });
      const raft::Restored restored = test::open(disk).take_restored();
      REQUIRE(everything(restored) == first(written.entries, 20));
      REQUIRE(restored.hard_state.repair_until == LogIndex(60));
    }
  }
}

TEST_CASE("S2: damage to the log above the newest snapshot is repaired, and what is before it is kept") {
  const Written written = two_snapshots(80);
  MemoryDisk disk = written.disk;
  flip_first_batch(disk, segment_name(7));
  expect_repaired(disk, first(written.entries, 60), 80);
}

TEST_CASE("S2: damage to the log below the newest snapshot loses only what is above it") {
  const Written written = two_snapshots(80);
  for (const std::uint64_t segment : {3U, 4U, 5U}) {
    MemoryDisk disk = written.disk;
    flip_first_batch(disk, segment_name(segment));
    expect_repaired(disk, first(written.entries, 50), 80);
    disk = written.disk;
    remove(disk, segment_name(segment));
    expect_repaired(disk, first(written.entries, 50), 80);
  }
}

TEST_CASE("S2: damage to a log all of which a snapshot stands for is no loss, in a cluster of one neither") {
  const Written written = two_snapshots(50);
  for (const std::uint64_t segment : {3U, 4U, 5U}) {
    MemoryDisk disk = written.disk;
    flip_first_batch(disk, segment_name(segment));
    expect_nothing_lost(disk, written.entries, 1);
  }
}

TEST_CASE("S2: a tail that looks torn is damage if a snapshot that is gone stood for it") {
  Written written = two_snapshots(50);
  remove(written.disk, kNewer);
  flip_first_batch(written.disk, segment_name(5));
  expect_repaired(written.disk, first(written.entries, 40), 50);
}

TEST_CASE("damage to the snapshot and to the log at once is repaired from the older snapshot on") {
  const Written written = two_snapshots(80);
  MemoryDisk disk = written.disk;
  flip(disk, kNewer, 20);
  flip_first_batch(disk, segment_name(5));
  expect_repaired(disk, first(written.entries, 40), 80);
}

TEST_CASE("where a missing end of the log cannot be measured, a snapshot does not help either") {
  const Written written = two_snapshots(80);
  MemoryDisk disk = written.disk;
  for (const std::string& name : test::names_of_kind(disk.names(), "log-")) remove(disk, name);
  CHECK(says(refusal(disk, options()), "data: the log's files are missing"));
}

}  // namespace
}  // namespace lockstep::snapshot_damage_test

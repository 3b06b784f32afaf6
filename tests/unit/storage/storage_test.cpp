// What is persisted is restored; what the disk refuses is not acknowledged.
#include "nodes/storage/storage.hpp"

#include <doctest/doctest.h>
#include <cerrno>

#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace lockstep::storage_test {
namespace {

using test::acknowledged;
using test::entry;
using test::hard_state;
using test::large_entries;
using test::must_persist;
using test::open;
using test::options;
using test::write;
using test::Writes;
using Operation = MemoryDisk::Operation;

raft::Restored reopen(MemoryDisk& disk) {
  disk.crash_losing_all();
  Storage storage = open(disk);
  CHECK(storage.take_notices().empty());
  return storage.take_restored();
}

TEST_CASE("an empty folder becomes a blank node with the given id, and keeps that id") {
  MemoryDisk disk;
  {
    Storage storage = open(disk);
    const raft::Restored restored = storage.take_restored();
    CHECK(restored.node == NodeId(77));
    CHECK(restored.hard_state == raft::HardState{});
    CHECK(restored.entries.empty());
  }
  disk.crash_losing_all();
  StorageOptions other = options();
  other.fresh_node_id = NodeId(88);
  CHECK(open(disk, other).take_restored().node == NodeId(77));
}

TEST_CASE("entries of every kind and the hard state come back as they were") {
  raft::Configuration configuration{
      ClusterId(5), {{NodeId(77), "a"}, {NodeId(78), "b"}}, wire::encode(locks::StateLimits{})};
  std::vector<raft::Entry> entries = {{Term(1), WallTime(std::chrono::milliseconds(123)), configuration},
                                      {Term(2), WallTime(std::chrono::milliseconds(124)), raft::Noop{}},
                                      entry(2, "a"),
                                      entry(3, std::string(255, 'b'))};
  raft::HardState state{ClusterId(5), Term(3), NodeId(78), LogIndex(9)};
  MemoryDisk disk;
  {
    Storage storage = open(disk);
    must_persist(storage, {write(1, 1, entries, state)});
  }
  const raft::Restored restored = reopen(disk);
  CHECK(restored.entries == entries);
  CHECK(restored.hard_state == state);
}

TEST_CASE("a later record of an index replaces it and all after it, in one batch and across batches") {
  MemoryDisk disk;
  {
    Storage storage = open(disk);
    must_persist(storage, {write(1, 1, {entry(1, "a"), entry(1, "b"), entry(1, "c")})});
    must_persist(storage, {write(2, 2, {entry(2, "B")})});
    must_persist(storage, {write(3, 3, {entry(2, "C"), entry(2, "D")}), write(4, 3, {entry(3, "X")})});
  }
  CHECK(reopen(disk).entries == std::vector{entry(1, "a"), entry(2, "B"), entry(3, "X")});
}

TEST_CASE("writing goes on after a reopen where it stopped") {
  MemoryDisk disk;
  std::vector<raft::Entry> expected;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    disk.kill_process();
    {
      Storage storage = open(disk);
      const raft::Write next = write(i, i, {entry(i, "entry " + std::to_string(i))}, hard_state(i));
      must_persist(storage, {next});
      test::follow(expected, next);
    }
    const raft::Restored restored = reopen(disk);
    REQUIRE(restored.entries == expected);
    REQUIRE(restored.hard_state.term == Term(i));
  }
}

TEST_CASE("a log of many segments comes back whole") {
  MemoryDisk disk;
  std::vector<raft::Entry> expected;
  {
    Storage storage = open(disk);
    for (std::uint64_t i = 1; i <= 40; ++i) {
      const raft::Write next = write(i, expected.size() + 1, large_entries(i, 7));
      must_persist(storage, {next});
      test::follow(expected, next);
    }
  }
  CHECK(disk.names().count("log-0000000000000005") == 1);
  CHECK(reopen(disk).entries == expected);
}

TEST_CASE("a write larger than any batch is split and comes back whole") {
  MemoryDisk disk;
  const std::vector<raft::Entry> entries = large_entries(1, 200);
  {
    Storage storage = open(disk);
    must_persist(storage, {write(1, 1, entries, hard_state(1))});
  }
  const raft::Restored restored = reopen(disk);
  CHECK(restored.entries == entries);
  CHECK(restored.hard_state.term == Term(1));
}

TEST_CASE("group commit: what queued up is one batch with one sync, then one hard state, the last") {
  MemoryDisk disk;
  Storage storage = open(disk);
  const std::uint64_t syncs = disk.count(Operation::kSync);
  const Writes queued = {write(1, 1, {entry(1, "a")}, hard_state(1, 3)), write(2, 2, {entry(2, "b")}),
                         write(3, 0, {}, hard_state(2, 4)), write(4, 3, {entry(2, "c")})};
  const auto persisted = storage.persist(queued);
  REQUIRE(persisted);
  CHECK(persisted->count == 4);
  CHECK(disk.count(Operation::kSync) == syncs + 1 + 2);  // the batch, and the two copies of meta
  const raft::Restored restored = reopen(disk);
  CHECK(restored.entries.size() == 3);
  CHECK(restored.hard_state == hard_state(2, 4));
}

TEST_CASE("a write without a hard state leaves meta alone") {
  MemoryDisk disk;
  Storage storage = open(disk);
  const std::string meta = disk.contents("meta");
  must_persist(storage, {write(1, 1, {entry(1, "a")})});
  CHECK(disk.contents("meta") == meta);
}

TEST_CASE("entries are durable before the hard state that came with them is written") {
  MemoryDisk disk;
  Storage storage = open(disk);
  // The second sync is that of meta's first copy: it fails, and everything of it is lost.
  disk.fail(Operation::kSync, EIO, 1);
  CHECK_FALSE(storage.persist(Writes{write(1, 1, {entry(1, "a")}, hard_state(1))}));
  const raft::Restored restored = reopen(disk);
  CHECK(restored.entries.size() == 1);
  CHECK(restored.hard_state == raft::HardState{});
}

TEST_CASE("S1: a batch is written only after the one before it is synced") {
  MemoryDisk disk;
  Storage storage = open(disk);
  must_persist(storage, {write(1, 1, {entry(1, "a")})});
  CHECK(disk.unsynced() == 0);
}

TEST_CASE("S4: an error of write or sync is fatal, is reported with the file, and nothing is tried again") {
  for (const Operation operation : {Operation::kWrite, Operation::kSync}) {
    for (const std::uint64_t skip : {0U, 1U, 2U}) {
      MemoryDisk disk;
      Storage storage = open(disk);
      disk.fail(operation, EIO, skip);
      const auto persisted = storage.persist(Writes{write(1, 1, {entry(1, "a")}, hard_state(1))});
      REQUIRE_FALSE(persisted);
      CHECK(persisted.error().detail.find(skip == 0 ? "data/log-0000000000000001" : "data/meta") != std::string::npos);
      const std::uint64_t operations = disk.operations();
      CHECK_FALSE(storage.persist(Writes{write(1, 1, {entry(1, "a")})}));
      CHECK(disk.operations() == operations);
    }
  }
}

TEST_CASE("S4: what only the page cache holds after a failed sync is on the disk before the node speaks") {
  MemoryDisk disk;
  {
    Storage storage = open(disk);
    must_persist(storage, {write(1, 1, {entry(1, "a")}, hard_state(1))});
    disk.fail(Operation::kSync, EIO);
    CHECK_FALSE(storage.persist(Writes{write(2, 2, {entry(1, "b")})}));
  }
  disk.kill_process();
  const std::vector<raft::Entry> seen = open(disk).take_restored().entries;
  CHECK(seen.size() == 2);  // the page cache still shows it
  CHECK(reopen(disk).entries == seen);
}

TEST_CASE("S4: the same for the hard state") {
  MemoryDisk disk;
  {
    Storage storage = open(disk);
    disk.fail(Operation::kSync, EIO);
    CHECK_FALSE(storage.persist(Writes{write(1, 0, {}, hard_state(1, 9))}));
  }
  disk.kill_process();
  const raft::HardState seen = open(disk).take_restored().hard_state;
  CHECK(seen == hard_state(1, 9));
  CHECK(reopen(disk).hard_state == seen);
}

TEST_CASE("S5: a full disk leaves writes incomplete, warns once, and completes them when there is space") {
  MemoryDisk disk;
  Storage storage = open(disk);
  disk.set_capacity(test::kSegmentBytes + 10 * 1024);  // meta and the first segment, nothing more
  std::vector<raft::Entry> expected;
  std::uint64_t next = 1;
  const auto one_more = [&] { return write(next, expected.size() + 1, large_entries(1, 3)); };
  while (acknowledged(storage, Writes{one_more()}) == 1) {
    test::follow(expected, one_more());
    ++next;
    REQUIRE(next < 100);
  }
  CHECK(next > 3);
  for (int i = 0; i < 3; ++i) CHECK(acknowledged(storage, Writes{one_more()}) == 0);
  const auto notices = storage.take_notices();
  REQUIRE(notices.size() == 2);
  CHECK(notices[0].text.find("no space") != std::string::npos);
  CHECK(notices[1].text.find("disk is full") != std::string::npos);

  disk.set_capacity(UINT64_MAX);
  CHECK(acknowledged(storage, Writes{one_more()}) == 1);
  test::follow(expected, one_more());
  CHECK(storage.take_notices().size() == 1);
  CHECK(reopen(disk).entries == expected);
}

TEST_CASE("S5: a split write that runs out of space in the middle is completed later, whole") {
  MemoryDisk disk;
  Storage storage = open(disk);
  disk.set_capacity(test::kSegmentBytes + 10 * 1024);
  const Writes writes = {write(1, 1, large_entries(1, 40), hard_state(1))};
  CHECK(acknowledged(storage, writes) == 0);
  disk.set_capacity(UINT64_MAX);
  CHECK(acknowledged(storage, writes) == 1);
  const raft::Restored restored = reopen(disk);
  CHECK(restored.entries == writes[0].entries);
  CHECK(restored.hard_state == hard_state(1));
}

TEST_CASE("the next segment is made when the current one is half full") {
  MemoryDisk disk;
  Storage storage = open(disk);
  must_persist(storage, {write(1, 1, large_entries(1, 4))});
  CHECK(disk.names().count("log-0000000000000002") == 0);
  must_persist(storage, {write(2, 5, large_entries(1, 4))});
  CHECK(disk.names().count("log-0000000000000002") == 1);
}

TEST_CASE("a folder that another process works in is refused") {
  MemoryDisk disk;
  const Storage storage = open(disk);
  const auto second = Storage::open(disk, options());
  REQUIRE_FALSE(second);
  CHECK(second.error().detail == "the data folder data is in use");
}

}  // namespace
}  // namespace lockstep::storage_test

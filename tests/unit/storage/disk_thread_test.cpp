// The thread: completions in order, all of them, and the ways in which there are none.
#include "nodes/storage/disk_thread.hpp"

#include <poll.h>

#include <doctest/doctest.h>

#include <cerrno>

#include "nodes/storage/posix_disk.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"
#include "tests/unit/storage/snapshots.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace lockstep {
namespace {

using test::entry;
using test::hard_state;
using test::large_entries;
using test::write;
using Operation = MemoryDisk::Operation;

constexpr int kPatienceMs = 20'000;

std::unique_ptr<DiskThread> start(Disk& disk, const StorageOptions& options = test::options()) {
  auto thread = DiskThread::start(test::open(disk, options), {std::chrono::milliseconds(5)});
  REQUIRE(thread);
  return *std::move(thread);
}

bool wait_for_news(const DiskThread& thread) {
  pollfd poll{thread.completion_fd(), POLLIN, 0};
  return ::poll(&poll, 1, kPatienceMs) == 1;
}

// As a loop does it: sleep on the descriptor, take what is there, until `count` writes are done.
std::vector<WriteId> wait_for(DiskThread& thread, std::size_t count) {
  std::vector<WriteId> result;
  while (result.size() < count) {
    REQUIRE(wait_for_news(thread));
    const std::vector<WriteId> completed = thread.take_completed();
    result.insert(result.end(), completed.begin(), completed.end());
    if (thread.fatal()) break;
  }
  return result;
}

TEST_CASE("all writes complete in the order of submission, on a real folder, over several segments") {
  const test::TemporaryFolder folder;
  StorageOptions options = test::options();
  options.folder = folder / "data";
  options.background = true;
  std::vector<raft::Entry> expected;
  constexpr std::uint64_t kWrites = 2000;
  {
    PosixDisk disk;
    const auto thread = start(disk, options);
    std::vector<WriteId> completed;
    for (std::uint64_t i = 1; i <= kWrites; ++i) {
      raft::Write next = write(i, expected.size() + 1, large_entries(1, i % 3));
      if (i % 100 == 0) next.hard_state = hard_state(i);
      test::follow(expected, next);
      thread->submit({next});
      if (i % 50 == 0) {
        const auto some = wait_for(*thread, 1);
        completed.insert(completed.end(), some.begin(), some.end());
      }
    }
    const auto rest = wait_for(*thread, kWrites - completed.size());
    completed.insert(completed.end(), rest.begin(), rest.end());
    for (std::uint64_t i = 1; i <= kWrites; ++i) REQUIRE(completed[i - 1] == WriteId(i));
    CHECK_FALSE(thread->fatal());
  }
  PosixDisk disk;
  const raft::Restored restored = test::open(disk, options).take_restored();
  CHECK(restored.entries == expected);
  CHECK(restored.hard_state == hard_state(kWrites));
}

TEST_CASE("stop finishes what is queued, and its completions can be taken afterwards") {
  MemoryDisk disk;
  const auto thread = start(disk);
  for (std::uint64_t i = 1; i <= 100; ++i) thread->submit({write(i, i, {entry(1, "x")})});
  thread->stop();
  CHECK(thread->take_completed().size() == 100);
  CHECK(disk.unsynced() == 0);
}

TEST_CASE("a clean stop notes how far the log goes, so that rot at its end is found") {
  MemoryDisk disk;
  {
    const auto thread = start(disk);
    thread->submit({write(1, 1, {entry(1, "x")})});
  }
  disk.crash_losing_all();
  disk.flip_bit("log-0000000000000001", (kFirstBatchOffset + 50) * 8);
  CHECK(test::open(disk).take_restored().hard_state.repair_until == LogIndex(1));
}

TEST_CASE("an I/O error is fatal: it is reported, nothing of it completes, and nothing after it") {
  MemoryDisk disk;
  Storage storage = test::open(disk);
  disk.fail(Operation::kSync, EIO, 1);
  auto started = DiskThread::start(std::move(storage));
  REQUIRE(started);
  const auto thread = *std::move(started);
  thread->submit({write(1, 1, {entry(1, "a")})});
  CHECK(wait_for(*thread, 1).size() == 1);
  thread->submit({write(2, 2, {entry(1, "b")})});
  CHECK(wait_for(*thread, 1).empty());
  REQUIRE(thread->fatal());
  CHECK(thread->fatal()->find("data/log-0000000000000001: ") != std::string::npos);
  thread->submit({write(3, 3, {entry(1, "c")})});
  thread->stop();
  CHECK(thread->take_completed().empty());
}

TEST_CASE("a full disk delays completions until there is space, and says so") {
  MemoryDisk disk;
  Storage storage = test::open(disk);
  disk.fail(Operation::kPreallocate, ENOSPC, 0, 5);
  auto started = DiskThread::start(std::move(storage), {std::chrono::milliseconds(5)});
  REQUIRE(started);
  const auto thread = *std::move(started);
  std::uint64_t first = 1;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    thread->submit({write(i, first, large_entries(1, 30))});
    first += 30;
  }
  CHECK(wait_for(*thread, 20).size() == 20);
  thread->stop();
  const auto notices = thread->take_notices();
  REQUIRE(notices.size() == 3);
  CHECK(notices[0].text.find("no space on the disk") != std::string::npos);
  CHECK(notices[1].text.find("nothing is acknowledged") != std::string::npos);
  CHECK(notices[2].text.find("there is space again") != std::string::npos);
}

TEST_CASE("stop does not wait for a disk that stays full") {
  MemoryDisk disk;
  Storage storage = test::open(disk);
  disk.fail(Operation::kPreallocate, ENOSPC, 0, UINT64_MAX);
  auto started = DiskThread::start(std::move(storage), {std::chrono::milliseconds(5)});
  REQUIRE(started);
  const auto thread = *std::move(started);
  for (std::uint64_t i = 0; i < 10; ++i) thread->submit({write(i + 1, i * 30 + 1, large_entries(1, 30))});
  while (thread->take_notices().size() < 2) REQUIRE(wait_for_news(*thread));
  thread->stop();
  CHECK(thread->take_completed().size() < 10);
  CHECK_FALSE(thread->fatal());
}

// Waits for the end of a compaction, with all completions meanwhile.
std::optional<CompactionEnd> wait_for_compaction(DiskThread& thread, std::vector<WriteId>& completed) {
  for (;;) {
    REQUIRE(wait_for_news(thread));
    const std::vector<WriteId> some = thread.take_completed();
    completed.insert(completed.end(), some.begin(), some.end());
    auto end = thread.take_compacted();
    if (end || thread.fatal()) return end;
  }
}

raft::SnapshotRead read_of(std::uint64_t snapshot, std::uint64_t offset, std::uint64_t bytes) {
  raft::SnapshotRead read;
  read.to = NodeId(snapshot + offset);
  read.snapshot = LogIndex(snapshot);
  read.offset = offset;
  read.bytes = bytes;
  return read;
}

TEST_CASE("compactions and reads of snapshots go on beside writes, on a real folder") {
  const test::TemporaryFolder folder;
  StorageOptions options = test::options();
  options.folder = folder / "data";
  options.background = true;
  std::vector<raft::Entry> expected;
  std::uint64_t id = 0;
  {
    PosixDisk disk;
    const auto thread = start(disk, options);
    std::vector<WriteId> completed;
    const auto submit = [&] {
      raft::Write next = write(++id, expected.size() + 1, large_entries(1, 3));
      test::follow(expected, next);
      thread->submit({std::move(next)});
    };
    for (std::uint64_t round = 1; round <= 20; ++round) {
      for (int i = 0; i < 10; ++i) submit();
      while (completed.size() < id) {
        const auto some = wait_for(*thread, 1);
        completed.insert(completed.end(), some.begin(), some.end());
      }
      const LogIndex index(expected.size() - 2);
      thread->compact(index, test::fold_up_to(index));
      for (int i = 0; i < 10; ++i) submit();
      const auto end = wait_for_compaction(*thread, completed);
      REQUIRE(end);
      REQUIRE(end->snapshot);
      REQUIRE(end->snapshot->index == index);

      // The first is asked for again before its turn, with more bytes.
      thread->read_snapshots({read_of(index.value(), 0, 50), read_of(index.value(), 0, 100),
                              read_of(index.value(), 100, 1 << 30U), read_of(1, 0, 9)});
      std::vector<SnapshotPiece> pieces;
      while (pieces.size() < 3) {
        REQUIRE(wait_for_news(*thread));
        const auto some = thread->take_completed();
        completed.insert(completed.end(), some.begin(), some.end());
        for (SnapshotPiece& piece : thread->take_snapshot_pieces()) pieces.push_back(std::move(piece));
      }
      CHECK(pieces[1].read == read_of(index.value(), 100, 1 << 30U));
      CHECK(pieces[0].bytes + pieces[1].bytes == test::state_of(std::span(expected).first(index.value())));
      CHECK(pieces[2].bytes.empty());
    }
    thread->stop();
    const auto some = thread->take_completed();
    completed.insert(completed.end(), some.begin(), some.end());
    CHECK(completed.size() == id);
    CHECK_FALSE(thread->fatal());
  }
  PosixDisk disk;
  CHECK(test::everything(test::open(disk, options).take_restored()) == expected);
  CHECK(disk.list()->size() < 20);  // of some ninety segments that were written
}

TEST_CASE("stop waits for a compaction under way, and what it made counts") {
  MemoryDisk disk;
  const auto thread = start(disk);
  thread->submit({write(1, 1, large_entries(1, 20))});
  CHECK(wait_for(*thread, 1).size() == 1);
  thread->compact(LogIndex(15), test::fold_up_to(LogIndex(15)));
  thread->stop();
  REQUIRE(thread->take_compacted());
  disk.crash_losing_all();
}

TEST_CASE("a compaction that fails is fatal; one that finds no room is not") {
  MemoryDisk disk;
  const auto thread = start(disk);
  thread->submit({write(1, 1, large_entries(1, 20))});
  std::vector<WriteId> completed = wait_for(*thread, 1);
  const auto compact_with = [&](Fold fold) {
    thread->compact(LogIndex(15), std::move(fold));
    return wait_for_compaction(*thread, completed);
  };
  disk.set_capacity(1);
  const auto end = compact_with(test::fold_up_to(LogIndex(15)));
  REQUIRE(end);
  CHECK_FALSE(end->snapshot);
  disk.set_capacity(UINT64_MAX);
  const auto failed = compact_with([](const raft::Snapshot*, LogIndex, std::span<const raft::Entry>) {
    return tl::expected<raft::Snapshot, std::string>(tl::unexpect, "another state");
  });
  CHECK_FALSE(failed);
  REQUIRE(thread->fatal());
  CHECK(*thread->fatal() == "data: another state");
}

TEST_CASE("a full disk delays no reads of snapshots") {
  MemoryDisk disk;
  const auto thread = start(disk);
  thread->submit({write(1, 1, large_entries(1, 20))});
  std::vector<WriteId> completed = wait_for(*thread, 1);
  thread->compact(LogIndex(15), test::fold_up_to(LogIndex(15)));
  REQUIRE(wait_for_compaction(*thread, completed));
  disk.fail(Operation::kPreallocate, ENOSPC, 0, UINT64_MAX);
  for (std::uint64_t i = 2; i < 9; ++i) thread->submit({write(i, 20 * (i - 1) + 1, large_entries(1, 20))});
  thread->read_snapshots({read_of(15, 0, 100)});
  std::vector<SnapshotPiece> pieces;
  while (pieces.empty()) {
    REQUIRE(wait_for_news(*thread));
    thread->take_completed();
    pieces = thread->take_snapshot_pieces();
  }
  CHECK(pieces[0].bytes.size() == 100);
  thread->stop();
  CHECK(thread->take_completed().size() < 7);
  CHECK_FALSE(thread->fatal());
}

TEST_CASE("what recovery found is there to be taken from the start") {
  MemoryDisk disk;
  { const Storage storage = test::open(disk); }
  disk.crash_losing_all();
  disk.flip_bit("meta", 0);
  const auto thread = start(disk);
  REQUIRE(wait_for_news(*thread));
  CHECK(thread->take_notices().size() == 1);
}

}  // namespace
}  // namespace lockstep

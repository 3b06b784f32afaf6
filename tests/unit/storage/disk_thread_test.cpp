// The thread: completions in order, all of them, and the ways in which there are none.
#include "nodes/storage/disk_thread.hpp"

#include <poll.h>

#include <doctest/doctest.h>

#include <cerrno>

#include "nodes/storage/posix_disk.hpp"
#include "protocol/base/move_to_end.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"
#include "tests/unit/storage/snapshots.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace lockstep::disk_thread_test {
namespace {

using test::entry;
using test::hard_state;
using test::large_entries;
using test::write;
using Operation = MemoryDisk::Operation;

constexpr int kPatienceMs = 120'000;

// A disk thread, and all that it has told.
class Loop {
 public:
  explicit Loop(Storage storage) {
    auto thread = DiskThread::start(std::move(storage), {std::chrono::milliseconds(5)});
    REQUIRE(thread);
    thread_ = *std::move(thread);
  }

  DiskThread* operator->() { return thread_.get(); }

  // Sleeps on the descriptor as a loop does, and takes what there is.
  void wait_for_news() {
    pollfd poll{thread_->report_fd(), POLLIN, 0};
    REQUIRE(::poll(&poll, 1, kPatienceMs) == 1);
    take();
  }
  void take() {
    DiskReport report = thread_->take_report();
    for (const raft::DiskEvent& event : report.events) {
      if (const auto* write = std::get_if<raft::Persisted>(&event)) persisted.push_back(write->write);
      if (const auto* part = std::get_if<raft::SnapshotPartRead>(&event)) parts.push_back(*part);
      if (const auto* end = std::get_if<raft::Compacted>(&event)) compacted = *end;
    }
    move_to_end(report.notices, notices);
    failure = report.failure;
  }
  // Until so many writes are durable in all, or the disk has failed.
  void wait_for_writes(std::size_t count) {
    while (persisted.size() < count && !failure) wait_for_news();
  }
  // Until a compaction has ended, or the disk has failed.
  std::optional<raft::Compacted> wait_for_compaction() {
    while (!compacted && !failure) wait_for_news();
    return std::exchange(compacted, std::nullopt);
  }

  std::vector<WriteId> persisted;
  std::vector<raft::SnapshotPartRead> parts;
  std::optional<raft::Compacted> compacted;
  std::vector<Notice> notices;
  std::optional<std::string> failure;

 private:
  std::unique_ptr<DiskThread> thread_;
};

Loop start(Disk& disk, const StorageOptions& options = test::options()) { return Loop(test::open(disk, options)); }

TEST_CASE("all writes become durable in the order of submission, on a real folder, over several segments") {
  const test::TemporaryFolder folder;
  StorageOptions options = test::options();
  options.folder = folder / "data";
  options.background = true;
  std::vector<raft::Entry> expected;
  constexpr std::uint64_t kWrites = 2000;
  {
    PosixDisk disk;
    Loop loop = start(disk, options);
    for (std::uint64_t i = 1; i <= kWrites; ++i) {
      raft::Write next = write(i, expected.size() + 1, large_entries(1, i % 3));
      if (i % 100 == 0) next.hard_state = hard_state(i);
      test::follow(expected, next);
      loop->submit({next});
      if (i % 50 == 0) loop.wait_for_writes(loop.persisted.size() + 1);
    }
    loop.wait_for_writes(kWrites);
    REQUIRE(loop.persisted.size() == kWrites);
    for (std::uint64_t i = 1; i <= kWrites; ++i) REQUIRE(loop.persisted[i - 1] == WriteId(i));
    CHECK_FALSE(loop.failure);
  }
  PosixDisk disk;
  const raft::Restored restored = test::open(disk, options).take_restored();
  CHECK(restored.entries == expected);
  CHECK(restored.hard_state == hard_state(kWrites));
}

TEST_CASE("stop finishes what is queued, and a last report tells of it") {
  MemoryDisk disk;
  Loop loop = start(disk);
  for (std::uint64_t i = 1; i <= 100; ++i) loop->submit({write(i, i, {entry(1, "x")})});
  loop->stop();
  loop.take();
  CHECK(loop.persisted.size() == 100);
  CHECK(disk.unsynced() == 0);
}

TEST_CASE("a clean stop notes how far the log goes, so that rot at its end is found") {
  MemoryDisk disk;
  {
    Loop loop = start(disk);
    loop->submit({write(1, 1, {entry(1, "x")})});
  }
  disk.crash_losing_all();
  disk.flip_bit("log-0000000000000001", (kFirstBatchOffset + 50) * 8);
  CHECK(test::open(disk).take_restored().hard_state.repair_until == LogIndex(1));
}

TEST_CASE("an I/O error is fatal: it is reported, nothing of it becomes durable, and nothing after it") {
  MemoryDisk disk;
  Storage storage = test::open(disk);
  disk.fail(Operation::kSync, EIO, 1);
  Loop loop(std::move(storage));
  loop->submit({write(1, 1, {entry(1, "a")})});
  loop.wait_for_writes(1);
  CHECK(loop.persisted.size() == 1);
  loop->submit({write(2, 2, {entry(1, "b")})});
  loop.wait_for_writes(2);
  CHECK(loop.persisted.size() == 1);
  REQUIRE(loop.failure);
  CHECK(loop.failure->find("data/log-0000000000000001: ") != std::string::npos);
  loop->submit({write(3, 3, {entry(1, "c")})});
  loop->stop();
  loop.take();
  CHECK(loop.persisted.size() == 1);
  CHECK(loop.failure);  // every later report has it too
}

TEST_CASE("a full disk delays writes until there is space, and says so") {
  MemoryDisk disk;
  Storage storage = test::open(disk);
  disk.fail(Operation::kPreallocate, ENOSPC, 0, 5);
  Loop loop(std::move(storage));
  std::uint64_t first = 1;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    loop->submit({write(i, first, large_entries(1, 30))});
    first += 30;
  }
  loop.wait_for_writes(20);
  CHECK(loop.persisted.size() == 20);
  loop->stop();
  loop.take();
  REQUIRE(loop.notices.size() == 3);
  CHECK(loop.notices[0].text.find("no space on the disk") != std::string::npos);
  CHECK(loop.notices[1].text.find("nothing is acknowledged") != std::string::npos);
  CHECK(loop.notices[2].text.find("there is space again") != std::string::npos);
}

TEST_CASE("stop does not wait for a disk that stays full") {
  MemoryDisk disk;
  Storage storage = test::open(disk);
  disk.fail(Operation::kPreallocate, ENOSPC, 0, UINT64_MAX);
  Loop loop(std::move(storage));
  for (std::uint64_t i = 0; i < 10; ++i) loop->submit({write(i + 1, i * 30 + 1, large_entries(1, 30))});
  while (loop.notices.size() < 2) loop.wait_for_news();
  loop->stop();
  loop.take();
  CHECK(loop.persisted.size() < 10);
  CHECK_FALSE(loop.failure);
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
    Loop loop = start(disk, options);
    const auto submit = [&] {
      raft::Write next = write(++id, expected.size() + 1, large_entries(1, 3));
      test::follow(expected, next);
      loop->submit({std::move(next)});
    };
    for (std::uint64_t round = 1; round <= 20; ++round) {
      for (int i = 0; i < 10; ++i) submit();
      loop.wait_for_writes(id);
      const LogIndex index(expected.size() - 2);
      loop->compact(index, test::fold_up_to(index));
      for (int i = 0; i < 10; ++i) submit();
      const auto end = loop.wait_for_compaction();
      REQUIRE(end);
      REQUIRE(end->snapshot);
      REQUIRE(end->snapshot->index == index);

      // The first is asked for again before its turn, with more bytes.
      loop.parts.clear();
      loop->read_snapshots({read_of(index.value(), 0, 50), read_of(index.value(), 0, 100),
                            read_of(index.value(), 100, 1 << 30U), read_of(1, 0, 9)});
      while (loop.parts.size() < 3) loop.wait_for_news();
      CHECK(loop.parts[1].read == read_of(index.value(), 100, 1 << 30U));
      CHECK(loop.parts[0].bytes + loop.parts[1].bytes == test::state_of(std::span(expected).first(index.value())));
      CHECK(loop.parts[2].bytes.empty());
    }
    loop->stop();
    loop.take();
    CHECK(loop.persisted.size() == id);
    CHECK_FALSE(loop.failure);
  }
  PosixDisk disk;
  CHECK(test::everything(test::open(disk, options).take_restored()) == expected);
  CHECK(disk.list()->size() < 20);  // of some ninety segments that were written
}

TEST_CASE("stop waits for a compaction under way, and what it made counts") {
  MemoryDisk disk;
  Loop loop = start(disk);
  loop->submit({write(1, 1, large_entries(1, 20))});
  loop.wait_for_writes(1);
  loop->compact(LogIndex(15), test::fold_up_to(LogIndex(15)));
  loop->stop();
  loop.take();
  REQUIRE(loop.compacted);
  disk.crash_losing_all();
}

TEST_CASE("a compaction that fails is fatal; one that finds no room is not") {
  MemoryDisk disk;
  Loop loop = start(disk);
  loop->submit({write(1, 1, large_entries(1, 20))});
  loop.wait_for_writes(1);
  const auto compact_with = [&](Fold fold) {
    loop->compact(LogIndex(15), std::move(fold));
    return loop.wait_for_compaction();
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
  REQUIRE(loop.failure);
  CHECK(*loop.failure == "data: another state");
}

TEST_CASE("a full disk delays no reads of snapshots") {
  MemoryDisk disk;
  Loop loop = start(disk);
  loop->submit({write(1, 1, large_entries(1, 20))});
  loop.wait_for_writes(1);
  loop->compact(LogIndex(15), test::fold_up_to(LogIndex(15)));
  REQUIRE(loop.wait_for_compaction());
  disk.fail(Operation::kPreallocate, ENOSPC, 0, UINT64_MAX);
  for (std::uint64_t i = 2; i < 9; ++i) loop->submit({write(i, 20 * (i - 1) + 1, large_entries(1, 20))});
  loop->read_snapshots({read_of(15, 0, 100)});
  while (loop.parts.empty()) loop.wait_for_news();
  CHECK(loop.parts[0].bytes.size() == 100);
  loop->stop();
  loop.take();
  CHECK(loop.persisted.size() < 8);
  CHECK_FALSE(loop.failure);
}

TEST_CASE("what recovery found is there to be taken from the start") {
  MemoryDisk disk;
  { const Storage storage = test::open(disk); }
  disk.crash_losing_all();
  disk.flip_bit("meta", 0);
  Loop loop = start(disk);
  loop.wait_for_news();
  CHECK(loop.notices.size() == 1);
}

}  // namespace
}  // namespace lockstep::disk_thread_test

// The thread: completions in order, all of them, and the ways in which there are none.
#include "nodes/storage/disk_thread.hpp"

#include <poll.h>

#include <doctest/doctest.h>

#include <cerrno>

#include "nodes/storage/posix_disk.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"
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

// Two copies, so that a crash or one bad sector never takes a vote away.
#include "nodes/storage/meta_file.hpp"

#include <doctest/doctest.h>

#include "nodes/storage/encoding.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace lockstep::meta_file_test {
namespace {

Meta some_meta(std::uint64_t term) {
  return {NodeId(1), {ClusterId(2), Term(term), NodeId(4), LogIndex(5)}, 6, LogIndex(7), LogIndex(6), {3, 4}};
}

MemoryDisk disk_with_terms(std::uint64_t first, std::uint64_t second) {
  MemoryDisk disk;
  REQUIRE(disk.lock_folder("data"));
  auto meta = MetaFile::format(disk, some_meta(first));
  REQUIRE(meta);
  REQUIRE(meta->write(some_meta(second)));
  return disk;
}

StorageResult<MetaFile> load(MemoryDisk& disk, std::vector<Notice>& notices) {
  return MetaFile::load(disk, "data", notices);
}

TEST_CASE("what was written is what is read") {
  MemoryDisk disk = disk_with_terms(1, 2);
  std::vector<Notice> notices;
  const auto meta = load(disk, notices);
  REQUIRE(meta);
  CHECK(meta->get() == some_meta(2));
  CHECK(notices.empty());
}

TEST_CASE("every flipped bit of one copy is found, and the other copy counts") {
  const MemoryDisk whole = disk_with_terms(1, 2);
  for (std::uint64_t byte = 0; byte < 2 * kBlockBytes; ++byte) {
    MemoryDisk disk = whole;
    disk.flip_bit("meta", byte * 8 + byte % 8);
    std::vector<Notice> notices;
    const auto meta = load(disk, notices);
    REQUIRE(meta);
    REQUIRE(meta->get() == some_meta(2));
    REQUIRE(notices.size() == 1);
  }
}

TEST_CASE("settling mends a bad copy, and a crash at any moment of it loses nothing") {
  for (const std::uint64_t bad_copy : {0U, 1U}) {
    for (std::uint64_t stop = 0; stop <= 4; ++stop) {
      MemoryDisk disk = disk_with_terms(1, 2);
      disk.flip_bit("meta", bad_copy * kBlockBytes * 8);
      std::vector<Notice> notices;
      auto meta = load(disk, notices);
      REQUIRE(meta);
      disk.stop_after(stop);
      CHECK(meta->settle().has_value() == (stop == 4));
      disk.crash([](std::size_t i) { return i % 2 == 0; });
      notices.clear();
      const auto again = load(disk, notices);
      REQUIRE(again);
      CHECK(again->get() == some_meta(2));
      if (stop == 4) CHECK(notices.empty());
    }
  }
}

TEST_CASE("a copy that only the page cache holds is on the disk before the other one is touched") {
  MemoryDisk disk = disk_with_terms(1, 2);
  std::vector<Notice> notices;
  auto writer = load(disk, notices);
  REQUIRE(writer);
  disk.stop_after(1);  // killed between the first copy's write and its sync
  CHECK_FALSE(writer->write(some_meta(3)));
  disk.kill_process();
  auto meta = load(disk, notices);
  REQUIRE(meta);
  CHECK(meta->get() == some_meta(3));
  for (std::uint64_t stop = 0; stop <= 4; ++stop) {
    MemoryDisk copy = disk;
    auto settling = load(copy, notices);
    REQUIRE(settling);
    copy.stop_after(stop);
    (void)settling->settle();
    copy.crash([](std::size_t i) { return i % 2 == 0; });
    CHECK(load(copy, notices));  // tears the copy under way, and every other one that is not synced
  }
}

TEST_CASE("two bad copies are refused, naming the file and the way out") {
  MemoryDisk disk = disk_with_terms(1, 2);
  disk.flip_bit("meta", 100);
  disk.flip_bit("meta", kBlockBytes * 8 + 100);
  std::vector<Notice> notices;
  const auto meta = load(disk, notices);
  REQUIRE_FALSE(meta);
  CHECK(meta.error().detail.find("data/meta: both copies are damaged") == 0);
  CHECK(meta.error().detail.find("Move data away") != std::string::npos);
}

TEST_CASE("a folder of another format is refused, not taken for damage") {
  MemoryDisk disk = disk_with_terms(1, 2);
  std::string block = encode_meta(some_meta(3), 9);
  put(block, 8, std::uint32_t{4});
  block.resize(kBlockBytes - 4);
  const auto file = disk.open("meta");
  REQUIRE(file);
  REQUIRE(disk.write(*file, 0, seal_block(block)));
  std::vector<Notice> notices;
  const auto meta = load(disk, notices);
  REQUIRE_FALSE(meta);
  CHECK(meta.error().detail.find("data/meta: format 4") == 0);
}

}  // namespace
}  // namespace lockstep::meta_file_test

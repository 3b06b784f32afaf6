// Goal: a bit that flips on the disk is never answered by quietly forgetting what was acknowledged (S2).
// Method: write a log of several batches and segments, flip every bit region of every file in turn, and
// say for each region what must come of it: nothing, a repair up to the highest index, or a refusal.
// The one exception is documented: the very last batch after a crash looks like a torn tail.
#include <doctest/doctest.h>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/storage.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace lockstep::damage_test {
namespace {

using test::entry;
using test::hard_state;
using test::large_entries;
using test::must_persist;
using test::options;
using test::write;

const std::string kFirst = "log-0000000000000001";
const std::string kSecond = "log-0000000000000002";
const std::string kThird = "log-0000000000000003";

// Where a batch stands, and what the log held before it.
struct Batch {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // header and payload, without the padding
  std::vector<raft::Entry> before;
};

struct WrittenLog {
  MemoryDisk disk;
  std::vector<Batch> batches;
  std::vector<raft::Entry> entries;
};

std::vector<Batch> find_batches(const MemoryDisk& disk) {
  std::vector<Batch> result;
  for (const std::string& name : disk.names()) {
    if (!segment_number_from(name)) continue;
    const std::string& bytes = disk.contents(name);
    const auto salt = decode_segment_header(std::string_view(bytes).substr(0, kBlockBytes))->salt;
    for (std::size_t offset = kFirstBatchOffset; offset < bytes.size(); offset += kSectorBytes) {
      const auto header = batch_header_at(bytes, offset, salt);
      if (header) result.push_back({name, offset, kBatchHeaderBytes + header->payload_bytes, {}});
    }
  }
  return result;
}

WrittenLog write_log(const std::vector<raft::Write>& writes, bool closed_cleanly = false) {
  WrittenLog result;
  std::vector<std::vector<raft::Entry>> before;
  {
    Storage storage = test::open(result.disk);
    for (const raft::Write& one : writes) {
      must_persist(storage, {one});
      if (!one.entries.empty()) before.push_back(result.entries);
      test::follow(result.entries, one);
    }
    if (closed_cleanly) REQUIRE(storage.close_cleanly());
  }
  result.disk.crash_losing_all();
  result.batches = find_batches(result.disk);
  REQUIRE(result.batches.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) result.batches[i].before = before[i];
  return result;
}

// Four small batches in one segment; the hard state comes early, so `meta` does not know of the rest.
WrittenLog small_log(bool closed_cleanly = false) {
  return write_log({write(1, 1, {entry(1, "a")}, hard_state(1, 77)), write(2, 2, {entry(1, "b"), entry(1, "c")}),
                    write(3, 4, large_entries(1, 4)), write(4, 8, {entry(1, "d")})},
                   closed_cleanly);
}

// Seven batches in three segments.
WrittenLog long_log() {
  std::vector<raft::Write> writes = {write(1, 1, {entry(1, "a")}, hard_state(1, 77))};
  for (std::uint64_t i = 0; i < 6; ++i) writes.push_back(write(i + 2, 2 + 5 * i, large_entries(1, 5)));
  WrittenLog log = write_log(writes);
  REQUIRE(log.batches.back().file == kThird);
  return log;
}

void expect_untouched(MemoryDisk disk, const WrittenLog& log) {
  Storage storage = test::open(disk);
  const raft::Restored restored = storage.take_restored();
  REQUIRE(restored.entries == log.entries);
  REQUIRE_FALSE(restored.hard_state.repair_until);
  REQUIRE(restored.hard_state == hard_state(1, 77));
}

// Repaired: a prefix is there, the node knows how far it had been, and all of it survives a restart.
void expect_repaired(MemoryDisk disk, const std::vector<raft::Entry>& prefix, LogIndex repair_until) {
  for (int start = 0; start < 2; ++start) {
    Storage storage = test::open(disk);
    const raft::Restored restored = storage.take_restored();
    REQUIRE(restored.entries == prefix);
    REQUIRE(restored.hard_state.repair_until == repair_until);
    REQUIRE(restored.hard_state.term == Term(1));
    REQUIRE(storage.take_notices().empty() == (start == 1));
    disk.crash_losing_all();
  }
}

std::string refusal(MemoryDisk disk, bool cluster_of_one = false) {
  StorageOptions with = options();
  with.cluster_of_one = cluster_of_one;
  const MemoryDisk before = disk;
  const auto opened = Storage::open(disk, with);
  REQUIRE_FALSE(opened);
  REQUIRE(disk.operations() == before.operations());  // a refusal changes nothing
  return opened.error().detail;
}

bool says(const std::string& message, const std::string& part) { return message.find(part) != std::string::npos; }

TEST_CASE("a flipped bit anywhere in meta or in a segment's header harms nothing") {
  const WrittenLog log = small_log();
  for (const std::string& file : {std::string("meta"), kFirst}) {
    // That every byte of a block counts is tested where blocks are; this is about what opening makes of it.
    for (std::uint64_t byte = 0; byte < 2 * kBlockBytes; byte += (byte % kBlockBytes < 100 ? 1 : 47)) {
      MemoryDisk disk = log.disk;
      disk.flip_bit(file, byte * 8 + byte % 8);
      expect_untouched(disk, log);
    }
  }
}

TEST_CASE("a flipped bit in any batch but the last is repaired up to the highest index") {
  const WrittenLog log = small_log();
  for (std::size_t i = 0; i + 1 < log.batches.size(); ++i) {
    const Batch& batch = log.batches[i];
    for (std::uint64_t byte = 0; byte < batch.bytes; ++byte) {
      MemoryDisk disk = log.disk;
      disk.flip_bit(batch.file, (batch.offset + byte) * 8 + byte % 8);
      expect_repaired(disk, batch.before, LogIndex(8));
    }
  }
}

TEST_CASE("the same in a log of several segments") {
  const WrittenLog log = long_log();
  for (std::size_t i = 0; i + 1 < log.batches.size(); ++i) {
    const Batch& batch = log.batches[i];
    for (std::uint64_t byte = 0; byte < batch.bytes; byte += (byte < kBatchHeaderBytes + 40 ? 1 : 97)) {
      MemoryDisk disk = log.disk;
      disk.flip_bit(batch.file, (batch.offset + byte) * 8 + byte % 8);
      expect_repaired(disk, batch.before, LogIndex(31));
    }
  }
}

TEST_CASE("a flipped bit in the padding after a batch harms nothing") {
  const WrittenLog log = small_log();
  for (const Batch& batch : log.batches) {
    for (std::uint64_t byte = batch.bytes; byte % kSectorBytes != 0; ++byte) {
      MemoryDisk disk = log.disk;
      disk.flip_bit(batch.file, (batch.offset + byte) * 8 + byte % 8);
      expect_untouched(disk, log);
    }
  }
}

TEST_CASE("rot in the very last batch is found after a clean stop; after a crash it is a torn tail, as documented") {
  for (const bool closed_cleanly : {false, true}) {
    const WrittenLog log = small_log(closed_cleanly);
    const Batch& last = log.batches.back();
    for (std::uint64_t byte = 0; byte < last.bytes; ++byte) {
      MemoryDisk disk = log.disk;
      disk.flip_bit(last.file, (last.offset + byte) * 8 + byte % 8);
      if (closed_cleanly) {
        expect_repaired(disk, last.before, LogIndex(8));
      } else {
        const raft::Restored restored = test::open(disk).take_restored();
        REQUIRE(restored.entries == last.before);
        REQUIRE_FALSE(restored.hard_state.repair_until);
      }
    }
  }
}

TEST_CASE("a torn batch whose header is whole proves that the batch before it was synced") {
  const WrittenLog log = small_log();
  const Batch& damaged = log.batches[2];
  const Batch& torn = log.batches[3];
  MemoryDisk disk = log.disk;
  disk.flip_bit(damaged.file, (damaged.offset + kBatchHeaderBytes) * 8);
  disk.flip_bit(torn.file, (torn.offset + kBatchHeaderBytes) * 8);
  expect_repaired(disk, damaged.before, LogIndex(8));
}

TEST_CASE("a dead record hides no damage: the highest index ever written counts, though it was cut off since") {
  const WrittenLog log = write_log({write(1, 1, {entry(1, "a")}, hard_state(1, 77)), write(2, 2, large_entries(1, 8)),
                                    write(3, 2, {entry(2, "b")}), write(4, 3, {entry(2, "c")})});
  // Batch 1 wrote up to index 9. Without it, only the headers of later and shorter batches can say so.
  for (const std::size_t damaged : {1U, 2U}) {
    MemoryDisk disk = log.disk;
    disk.flip_bit(kFirst, (log.batches[damaged].offset + 50) * 8);
    expect_repaired(disk, log.batches[damaged].before, LogIndex(9));
  }
}

TEST_CASE("after a repair the damaged files are kept aside, and the log goes on") {
  const WrittenLog log = long_log();
  MemoryDisk disk = log.disk;
  disk.flip_bit(kSecond, (log.batches[4].offset + 50) * 8);
  std::vector<raft::Entry> expected = log.batches[4].before;
  {
    Storage storage = test::open(disk);
    const auto notices = storage.take_notices();
    REQUIRE(notices.size() == 1);
    CHECK(says(notices[0].text, "data/" + kSecond + " is damaged at offset " + std::to_string(log.batches[4].offset)));
    CHECK(says(notices[0].text, "kept entries up to 16, fetching the rest up to 31"));
    for (const std::string& file : {kFirst, kSecond, kThird}) {
      CHECK(disk.names().count(file) == 0);
      CHECK(disk.names().count("damaged-" + file) == 1);
    }
    const raft::Write next = write(1, 17, large_entries(2, 40), hard_state(2));  // clears repair_until
    must_persist(storage, {next});
    test::follow(expected, next);
  }
  disk.crash_losing_all();
  const raft::Restored restored = test::open(disk).take_restored();
  CHECK(restored.entries == expected);
  CHECK(restored.hard_state == hard_state(2));
}

TEST_CASE("damage to a log that was repaired before is repaired again, and repair_until never falls") {
  const WrittenLog log = long_log();
  MemoryDisk disk = log.disk;
  disk.flip_bit(kFirst, (log.batches[1].offset + 50) * 8);
  {
    Storage storage = test::open(disk);
    must_persist(storage, {write(1, 2, {entry(1, "again")}), write(2, 3, {entry(1, "and again")})});
    must_persist(storage, {write(3, 4, {entry(1, "and again")})});
  }
  disk.crash_losing_all();
  const std::vector<Batch> batches = find_batches(disk);
  const Batch* repaired = nullptr;
  for (const Batch& batch : batches) {
    if (repaired == nullptr) repaired = &batch;
  }
  REQUIRE(repaired != nullptr);
  disk.flip_bit(repaired->file, (repaired->offset + 50) * 8);
  expect_repaired(disk, {}, LogIndex(31));
}

// Lets the power fail, or only the process die, after `stop` operations of opening; false once it went through.
bool open_until(MemoryDisk& disk, std::uint64_t stop) {
  REQUIRE(stop < 1000);
  disk.stop_after(stop);
  return !Storage::open(disk, options()).has_value();
}

TEST_CASE("a power failure at any moment of a repair, or of the repair after a killed one, ends in the same repair") {
  const WrittenLog log = long_log();
  MemoryDisk damaged = log.disk;
  damaged.flip_bit(kSecond, (log.batches[4].offset + 50) * 8);
  const auto expect_repair_after_crash = [&](const MemoryDisk& repairing) {
    for (const std::size_t kind : {0U, 1U, 2U, 3U}) {
      MemoryDisk disk = repairing;
      disk.crash([kind](std::size_t i) { return kind == 0 || (kind > 1 && i % 2 == kind - 2); });
      const raft::Restored restored = test::open(disk).take_restored();
      REQUIRE(restored.entries == log.batches[4].before);
      REQUIRE(restored.hard_state.repair_until == LogIndex(31));
    }
  };
  bool interrupted = true;
  for (std::uint64_t stop = 0; interrupted; ++stop) {
    MemoryDisk first = damaged;
    interrupted = open_until(first, stop);
    expect_repair_after_crash(first);
    first.kill_process();
    bool interrupted_again = true;
    for (std::uint64_t next_stop = 0; interrupted_again; ++next_stop) {
      MemoryDisk second = first;
      interrupted_again = open_until(second, next_stop);
      expect_repair_after_crash(second);
    }
  }
}

TEST_CASE("a cluster of one refuses damage, naming file, offset and indexes, and changes nothing") {
  const WrittenLog log = small_log();
  for (std::size_t i = 0; i + 1 < log.batches.size(); ++i) {
    MemoryDisk disk = log.disk;
    disk.flip_bit(kFirst, (log.batches[i].offset + 50) * 8);
    const std::string message = refusal(disk, true);
    CHECK(says(message, "data/" + kFirst + " is damaged at offset " + std::to_string(log.batches[i].offset)));
    CHECK(says(message, "entries from " + std::to_string(log.batches[i].before.size() + 1) + " on (up to 8)"));
  }
}

TEST_CASE("damage is reported in the segment it is in") {
  const WrittenLog log = long_log();
  for (std::size_t i = 0; i + 1 < log.batches.size(); ++i) {
    MemoryDisk disk = log.disk;
    disk.flip_bit(log.batches[i].file, (log.batches[i].offset + 50) * 8);
    CHECK(says(refusal(disk, true),
               "data/" + log.batches[i].file + " is damaged at offset " + std::to_string(log.batches[i].offset) + ":"));
  }
}

TEST_CASE("a missing segment in the middle, and one with both headers damaged, are repaired") {
  const WrittenLog log = long_log();
  std::vector<raft::Entry> before_second;
  for (const Batch& batch : log.batches) {
    if (batch.file == kSecond && before_second.empty()) before_second = batch.before;
  }
  MemoryDisk missing = log.disk;
  REQUIRE(missing.remove(kSecond));
  REQUIRE(missing.sync_folder());
  expect_repaired(missing, before_second, LogIndex(31));

  MemoryDisk headless = log.disk;
  headless.flip_bit(kSecond, 0);
  headless.flip_bit(kSecond, kBlockBytes * 8);
  expect_repaired(headless, before_second, LogIndex(31));
}

TEST_CASE("where it cannot be known how much was lost, the node refuses to start") {
  const WrittenLog log = small_log();

  MemoryDisk headless = log.disk;
  headless.flip_bit(kFirst, 0);
  headless.flip_bit(kFirst, kBlockBytes * 8);
  CHECK(says(refusal(headless), "data/" + kFirst + " has a damaged header. How much was lost cannot be known"));

  MemoryDisk empty = log.disk;
  for (const std::string& name : empty.names()) {
    if (segment_number_from(name)) REQUIRE(empty.remove(name));
  }
  REQUIRE(empty.sync_folder());
  CHECK(says(refusal(empty), "data: the log's files are missing"));

  MemoryDisk without_meta = log.disk;
  REQUIRE(without_meta.remove("meta"));
  REQUIRE(without_meta.sync_folder());
  CHECK(says(refusal(without_meta), "data: there is a log but no file `meta`"));
}

TEST_CASE("a segment cut short is found like any other damage") {
  const WrittenLog log = long_log();
  const Batch& batch = log.batches[2];
  MemoryDisk disk = log.disk;
  disk.truncate(batch.file, batch.offset + 700);
  expect_repaired(disk, batch.before, LogIndex(31));
}

}  // namespace
}  // namespace lockstep::damage_test

// Snapshots as files, compaction and installing, where nothing goes wrong; and a full disk, where nothing is lost.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <thread>

#include "nodes/storage/file_names.hpp"
#include "nodes/storage/storage.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/unit/storage/fixture.hpp"
#include "tests/unit/storage/snapshots.hpp"

namespace lockstep::snapshot_test {
namespace {

using test::acknowledged;
using test::compact;
using test::entry;
using test::everything;
using test::hard_state;
using test::installation;
using test::large_entries;
using test::must_compact;
using test::must_persist;
using test::open;
using test::snapshot_of;
using test::write;
using test::Writes;
using Operation = MemoryDisk::Operation;
using Entries = std::vector<raft::Entry>;
using Names = std::vector<std::string>;

raft::Restored reopen(MemoryDisk& disk) {
  disk.crash_losing_all();
  Storage storage = open(disk);
  CHECK(storage.take_notices().empty());
  return storage.take_restored();
}

Names snapshots(const MemoryDisk& disk) { return test::names_of_kind(disk.names(), "snapshot-"); }
Names segments(const MemoryDisk& disk) { return test::names_of_kind(disk.names(), "log-"); }

// A node that writes and remembers what it wrote.
class Node {
 public:
  explicit Node(MemoryDisk& disk) : storage_(open(disk)) {}

  void append(std::uint64_t term, std::size_t count) {
    persist(write(++id_, entries.size() + 1, large_entries(term, count)));
  }
  void persist(const raft::Write& next) {
    must_persist(storage_, {next});
    if (next.snapshot) entries = test::entries_in(next.snapshot->state);
    test::follow(entries, next);
  }
  Storage& storage() { return storage_; }

  Entries entries;

 private:
  Storage storage_;
  std::uint64_t id_ = 0;
};

TEST_CASE("snapshot names sort by index and read back; nothing else is a snapshot") {
  CHECK(snapshot_name(LogIndex(7)) == "snapshot-0000000000000007");
  CHECK(snapshot_index_from("snapshot-0000000000000007") == LogIndex(7));
  for (const char* name : {"snapshot-7", "snapshot-0000000000000000", "snapshot-0000000000000007.tmp",
                           "damaged-snapshot-0000000000000007", "log-0000000000000007"}) {
    CHECK_FALSE(snapshot_index_from(name));
  }
}

TEST_CASE("a snapshot reads back as it was written, and not with any byte changed or missing") {
  MemoryDisk whole;
  REQUIRE(whole.lock_folder("data"));
  const raft::Snapshot snapshot = snapshot_of(Entries{entry(1, "a"), entry(2, "b")});
  const auto written = write_snapshot(whole, snapshot);
  REQUIRE(written);
  CHECK(whole.unsynced() == 0);
  const auto read = read_snapshot(whole, LogIndex(2));
  REQUIRE(read);
  REQUIRE(*read != nullptr);
  CHECK(**read == snapshot);
  CHECK(*read_state(whole, *written, 3, 5) == snapshot.state.substr(3, 5));
  CHECK(*read_state(whole, *written, 3, 5000) == snapshot.state.substr(3));
  CHECK(read_state(whole, *written, 5000, 5)->empty());

  const std::string name = snapshot_name(LogIndex(2));
  const std::size_t bytes = whole.contents(name).size();
  for (std::size_t byte = 0; byte < bytes; ++byte) {
    MemoryDisk disk = whole;
    disk.flip_bit(name, byte * 8 + byte % 8);
    REQUIRE(*read_snapshot(disk, LogIndex(2)) == nullptr);
    disk = whole;
    disk.truncate(name, byte);
    REQUIRE(*read_snapshot(disk, LogIndex(2)) == nullptr);
  }
  MemoryDisk renamed = whole;
  REQUIRE(renamed.rename(name, snapshot_name(LogIndex(3))));
  CHECK(*read_snapshot(renamed, LogIndex(3)) == nullptr);
}

TEST_CASE("a large snapshot is written and synced piece by piece, and has its name only once all of it is synced") {
  MemoryDisk disk;
  REQUIRE(disk.lock_folder("data"));
  raft::Snapshot snapshot = snapshot_of(Entries{entry(1, "a"), entry(2, "b")});
  snapshot.state = std::string(9 * 1024 * 1024, 'x');
  snapshot.head.state_bytes = snapshot.state.size();
  for (std::uint64_t stop = 0;; ++stop) {
    REQUIRE(stop < 20);
    MemoryDisk crashed = disk;
    crashed.stop_after(stop);
    const bool written = write_snapshot(crashed, snapshot).has_value();
    crashed.crash([](std::size_t i) { return i == 0; });  // the first name, and no data
    const bool has_name = crashed.names().count(snapshot_name(LogIndex(2))) == 1;
    if (has_name) REQUIRE(**read_snapshot(crashed, LogIndex(2)) == snapshot);
    if (!written) continue;
    CHECK(has_name);
    CHECK(crashed.count(Operation::kSync) == 3);
    break;
  }
}

TEST_CASE("S6: a compaction is made of the whole log, or of the snapshot before it and the log since") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 20);
  must_compact(node.storage(), 15);
  node.append(1, 20);
  must_compact(node.storage(), 33);
  const Entries expected = node.entries;
  const raft::Restored restored = reopen(disk);
  REQUIRE(restored.snapshot);
  CHECK(*restored.snapshot == snapshot_of(std::span(expected).first(33)));
  CHECK(everything(restored) == expected);
}

TEST_CASE("S6: of each index the last record counts, across all segments") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 20);
  node.persist(write(2, 5, large_entries(2, 12)));
  node.persist(write(3, 16, {entry(3, "x"), entry(3, "y")}));
  must_compact(node.storage(), 17);
  const raft::Restored restored = reopen(disk);
  REQUIRE(restored.snapshot);
  CHECK(*restored.snapshot == snapshot_of(node.entries));
  CHECK(everything(restored) == node.entries);
}

TEST_CASE("S3: two snapshots are kept, and the log back to the older one") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 30);
  must_compact(node.storage(), 20);
  CHECK(segments(disk).front() == segment_name(1));  // one snapshot may rot: the log from entry 1 on can replace it
  node.append(1, 30);
  must_compact(node.storage(), 50);
  CHECK(snapshots(disk) == Names{snapshot_name(LogIndex(20)), snapshot_name(LogIndex(50))});
  const Names kept = segments(disk);
  CHECK(kept.front() > segment_name(1));
  node.append(1, 30);
  must_compact(node.storage(), 80);
  CHECK(snapshots(disk) == Names{snapshot_name(LogIndex(50)), snapshot_name(LogIndex(80))});
  CHECK(segments(disk).front() > kept.front());
  const raft::Restored restored = reopen(disk);
  CHECK(everything(restored) == node.entries);
  CHECK(restored.base.index <= LogIndex(50));
}

TEST_CASE("a log whose front is gone goes on being written, compacted and opened") {
  MemoryDisk disk;
  Entries expected;
  for (std::uint64_t round = 1; round <= 12; ++round) {
    Node node(disk);
    node.entries = expected;
    node.append(round, 17);
    // Some of what was just written is replaced, as a new leader would.
    node.persist(write(99, node.entries.size() - 3, {entry(round, "changed")}, hard_state(round)));
    expected = node.entries;
    must_compact(node.storage(), expected.size() - (round % 3));
    disk.kill_process();
    CHECK(everything(reopen(disk)) == expected);
    disk.kill_process();
  }
  CHECK(snapshots(disk).size() == 2);
  CHECK(segments(disk).size() < 6);
}

TEST_CASE("a compaction asked for while nothing is new gives the snapshot that is there") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 10);
  node.persist(installation(2, large_entries(1, 20)));
  const auto end = compact(node.storage(), 10);
  REQUIRE(end);
  REQUIRE(end->snapshot);
  CHECK(end->snapshot->index == LogIndex(20));
}

TEST_CASE("S3: a snapshot of the leader takes the place of the whole log") {
  for (const std::size_t own : {0U, 5U, 40U, 60U}) {
    MemoryDisk disk;
    Node node(disk);
    if (own > 0) node.append(1, own);
    node.persist(installation(2, large_entries(2, 40), large_entries(3, 2), hard_state(3)));
    const Entries expected = node.entries;
    CHECK(expected.size() == 42);
    const raft::Restored restored = reopen(disk);
    CHECK(everything(restored) == expected);
    CHECK(restored.base == raft::EntryId{LogIndex(40), Term(2)});
    CHECK(restored.hard_state == hard_state(3));
  }
}

TEST_CASE("after a snapshot of the leader the log goes on, is compacted and opened") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 30);
  must_compact(node.storage(), 20);
  node.persist(installation(2, large_entries(2, 50)));
  node.append(3, 30);
  CHECK(snapshots(disk).size() == 2);
  must_compact(node.storage(), 70);
  CHECK(snapshots(disk) == Names{snapshot_name(LogIndex(50)), snapshot_name(LogIndex(70))});
  CHECK(everything(reopen(disk)) == node.entries);
}

TEST_CASE("a snapshot takes part in a group of writes in its order") {
  MemoryDisk disk;
  {
    Storage storage = open(disk);
    must_persist(storage, {write(1, 1, large_entries(1, 3), hard_state(1)), installation(2, large_entries(2, 9)),
                           write(3, 10, {entry(3, "a")}), write(4, 10, {entry(4, "b")}, hard_state(4))});
  }
  Entries expected = large_entries(2, 9);
  expected.push_back(entry(4, "b"));
  const raft::Restored restored = reopen(disk);
  CHECK(everything(restored) == expected);
  CHECK(restored.hard_state == hard_state(4));
}

TEST_CASE("pieces of a snapshot are read for other nodes, and nothing of one that is gone") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 30);
  must_compact(node.storage(), 10);
  const std::string state = test::state_of(std::span(node.entries).first(10));
  const auto read = [&](std::uint64_t snapshot, std::uint64_t offset, std::uint64_t bytes) {
    raft::SnapshotRead what;
    what.snapshot = LogIndex(snapshot);
    what.offset = offset;
    what.bytes = bytes;
    return node.storage().read_snapshot(what);
  };
  CHECK(read(10, 0, 100) == state.substr(0, 100));
  CHECK(read(10, 100, 1 << 20U) == state.substr(100));
  CHECK(read(10, state.size(), 100).empty());
  CHECK(read(9, 0, 100).empty());
  CHECK(read(11, 0, 100).empty());
  must_compact(node.storage(), 20);
  must_compact(node.storage(), 30);
  CHECK(read(10, 0, 100).empty());
  CHECK_FALSE(read(20, 0, 100).empty());
  node.storage().take_notices();
  REQUIRE(disk.remove(snapshot_name(LogIndex(20))));
  CHECK(read(20, 0, 100).empty());
  CHECK(node.storage().take_notices().size() == 1);
}

// Whatever its checksums say, this program did not write it: nothing in a log can agree with it.
TEST_CASE("a snapshot of no index or no term is none") {
  const Entries entries{entry(1, "a"), entry(2, "b")};
  for (const raft::EntryId id : {raft::EntryId{LogIndex(2), Term()}, raft::EntryId{LogIndex(), Term(2)}}) {
    MemoryDisk disk;
    REQUIRE(disk.lock_folder("data"));
    raft::Snapshot snapshot = snapshot_of(entries);
    snapshot.head.index = id.index;
    snapshot.head.term = id.term;
    REQUIRE(write_snapshot(disk, snapshot));
    CHECK(*read_snapshot(disk, id.index) == nullptr);
  }
}

TEST_CASE("of a damaged snapshot nobody gets the first part, wherever the damage is") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 30);
  must_compact(node.storage(), 10);
  const std::string name = snapshot_name(LogIndex(10));
  node.storage().take_notices();
  const auto first_piece = [&] {
    raft::SnapshotRead what;
    what.snapshot = LogIndex(10);
    what.bytes = 10;
    return node.storage().read_snapshot(what);
  };
  CHECK(first_piece().size() == 10);
  const std::size_t bytes = disk.contents(name).size();
  for (std::size_t byte = bytes - 1; byte > kBlockBytes; byte -= std::min<std::size_t>(byte, 97)) {
    disk.flip_bit(name, byte * 8);
    CHECK(first_piece().empty());
    const auto notices = node.storage().take_notices();
    REQUIRE(notices.size() == 1);
    CHECK(notices[0].text == name + " is damaged: another node asked for a part of it");
    disk.flip_bit(name, byte * 8);
  }
  CHECK(first_piece().size() == 10);
}

TEST_CASE("S5: a compaction that finds the disk full says so, leaves no trace, and can be tried again") {
  for (const Operation operation : {Operation::kCreate, Operation::kWrite, Operation::kSync, Operation::kRename}) {
    MemoryDisk disk;
    Node node(disk);
    node.append(1, 30);
    const auto names = disk.names();
    disk.fail(operation, ENOSPC);
    const auto end = compact(node.storage(), 20);
    REQUIRE(end);
    CHECK_FALSE(end->snapshot);
    CHECK(node.storage().take_notices().size() == 1);
    CHECK(disk.names() == names);
    node.append(1, 1);
    must_compact(node.storage(), 20);
    CHECK(everything(reopen(disk)) == node.entries);
  }
}

TEST_CASE("S5: a snapshot of the leader waits while the disk is full") {
  for (const Operation operation : {Operation::kCreate, Operation::kWrite, Operation::kSync, Operation::kRename}) {
    MemoryDisk disk;
    Node node(disk);
    node.append(1, 5);
    disk.fail(operation, ENOSPC);
    const raft::Write install = installation(2, large_entries(2, 40));
    CHECK(acknowledged(node.storage(), Writes{install}) == 0);
    CHECK(node.storage().take_notices().size() == 1);
    node.persist(install);
    CHECK(everything(reopen(disk)) == node.entries);
  }
}

TEST_CASE("S5: a snapshot that is there is not written again while its entries wait for room") {
  MemoryDisk disk;
  Storage storage = open(disk);
  disk.fail(Operation::kPreallocate, ENOSPC, 0, 3);
  const Writes install = {installation(1, large_entries(2, 9), large_entries(2, 40))};
  const std::uint64_t creations = disk.count(Operation::kCreate);
  CHECK(acknowledged(storage, install) == 0);
  CHECK(acknowledged(storage, install) == 0);
  CHECK(acknowledged(storage, install) == 1);
  CHECK(disk.count(Operation::kCreate) - creations <= 1 + 3 + 4);
  CHECK(snapshots(disk).size() == 1);
}

TEST_CASE("S4: an error during a compaction ends the node, with the file's name") {
  for (const Operation operation :
       {Operation::kCreate, Operation::kWrite, Operation::kSync, Operation::kRename, Operation::kSyncFolder}) {
    MemoryDisk disk;
    Node node(disk);
    node.append(1, 30);
    disk.fail(operation, EIO);
    const auto end = compact(node.storage(), 20);
    REQUIRE_FALSE(end);
    CHECK(end.error().detail.find("data/") != std::string::npos);
    CHECK_FALSE(node.storage().persist(Writes{write(1, 31, {entry(1, "a")})}));
    CHECK(everything(reopen(disk)) == node.entries);
  }
}

TEST_CASE("S6: what does not lead to the state that it should ends the node with what the fold says") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 30);
  const Fold fold = [](const raft::Snapshot*, LogIndex,
                       std::span<const raft::Entry>) -> tl::expected<raft::Snapshot, std::string> {
    return tl::unexpected(std::string("another state"));
  };
  node.storage().start_compaction(LogIndex(20), fold, [] {});
  const auto end = node.storage().finish_compaction();
  REQUIRE_FALSE(end);
  CHECK(end.error().detail == "data: another state");
  CHECK(snapshots(disk).empty());
}

TEST_CASE("S6: a compaction of a log that rotted under it ends the node, and the next start repairs it") {
  MemoryDisk disk;
  Node node(disk);
  node.append(1, 5);
  node.append(1, 25);
  disk.flip_bit(segment_name(1), (kFirstBatchOffset + 50) * 8);
  const auto end = compact(node.storage(), 20);
  REQUIRE_FALSE(end);
  CHECK(end.error().detail.find("batch 1 of the log was written and cannot be read back") != std::string::npos);
  disk.crash_losing_all();
  CHECK(open(disk).take_restored().hard_state.repair_until == LogIndex(30));
}

// A compaction on its thread finds the disk only when it is let in: what is done before that overtakes it. So only one
// thread at a time uses the disk.
class SlowCompactionDisk final : public MemoryDisk {
 public:
  DiskResult<File> open(const std::string& name) override {
    if (std::this_thread::get_id() != owner_) may_go_on_.wait();
    return MemoryDisk::open(name);
  }
  void let_in() { let_in_.set_value(); }

 private:
  std::promise<void> let_in_;
  std::shared_future<void> may_go_on_ = let_in_.get_future().share();
  std::thread::id owner_ = std::this_thread::get_id();
};

TEST_CASE("S3: installs that overtake a compaction delete nothing that it reads, and two snapshots are left") {
  SlowCompactionDisk disk;
  const Entries others = large_entries(2, 80);
  {
    Storage storage = open(disk);
    must_persist(storage, {write(1, 1, large_entries(1, 5))});
    must_compact(storage, 3);
  }
  disk.crash_losing_all();
  StorageOptions options = test::options();
  options.background = true;
  options.segment_bytes = 1 << 20;  // no next segment is made beside
  Storage storage = open(disk, options);
  storage.start_compaction(LogIndex(5), test::fold_up_to(LogIndex(5)), [] {});
  for (const std::size_t index : {60U, 70U, 80U}) {
    must_persist(storage, {installation(index, std::span(others).first(index))});
  }
  disk.let_in();
  const auto end = storage.finish_compaction();
  if (!end) FAIL("the compaction fails: " << end.error().detail);
  CHECK(snapshots(disk) == Names{snapshot_name(LogIndex(70)), snapshot_name(LogIndex(80))});
  CHECK(everything(reopen(disk)) == others);
}

}  // namespace
}  // namespace lockstep::snapshot_test

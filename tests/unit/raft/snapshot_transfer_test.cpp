// Both ends of a snapshot's transfer: parts that come together, and which part answers a Fetch (S3).
#include "protocol/raft/snapshot_transfer.hpp"

#include <doctest/doctest.h>

#include "tests/support/show_numbers.hpp"

namespace lockstep::snapshot_transfer_test {

using namespace lockstep::raft;

namespace {

constexpr std::uint64_t kPart = 4;

SnapshotHead head(std::uint64_t index, std::uint64_t bytes = 10) {
  SnapshotHead head;
  head.index = LogIndex(index);
  head.term = Term(2);
  head.state_bytes = bytes;
  return head;
}

SnapshotPart part(std::uint64_t index, std::uint64_t offset, std::string bytes) {
  return {CallNumber(1), head(index), offset, std::move(bytes)};
}

// What a Fetch that has so much of a snapshot is answered with.
std::optional<SnapshotRead> read_for(const DurableSnapshots& snapshots, std::uint64_t index = 0,
                                     std::uint64_t offset = 0) {
  return snapshots.part_for(NodeId(3), ConnectionId(5), {CallNumber(8), LogIndex(1), Term(1), LogIndex(index), offset},
                            kPart);
}

DurableSnapshots snapshots_at(std::initializer_list<std::uint64_t> indexes) {
  DurableSnapshots snapshots;
  for (const std::uint64_t index : indexes) snapshots.add(head(index));
  return snapshots;
}

}  // namespace

TEST_CASE("parts come together in their order, and the whole is given once") {
  IncomingSnapshot incoming;
  CHECK_FALSE(incoming.is_under_way());
  CHECK(incoming.add(part(7, 0, "0123")));
  CHECK(incoming.index() == LogIndex(7));
  CHECK(incoming.offset() == 4);
  CHECK(incoming.take_if_whole() == nullptr);
  CHECK(incoming.add(part(7, 4, "456789")));
  const SharedSnapshot whole = incoming.take_if_whole();
  REQUIRE(whole);
  CHECK(whole->head == head(7));
  CHECK(whole->state == "0123456789");
  CHECK_FALSE(incoming.is_under_way());
  CHECK(incoming.take_if_whole() == nullptr);
}

TEST_CASE("only a first part begins a transfer, and only the next one goes on with it") {
  IncomingSnapshot incoming;
  CHECK(incoming.is_next(part(7, 0, "0123")));
  CHECK_FALSE(incoming.is_next(part(7, 4, "4567")));
  incoming.add(part(7, 0, "0123"));
  CHECK(incoming.is_next(part(7, 4, "4567")));
  CHECK_FALSE(incoming.is_next(part(7, 8, "89")));
  CHECK_FALSE(incoming.is_next(part(9, 4, "4567")));  // of another snapshot
  CHECK_FALSE(incoming.is_next(part(7, 0, "0123")));
}

TEST_CASE("a first part begins the transfer again, of whichever snapshot") {
  IncomingSnapshot incoming;
  incoming.add(part(7, 0, "0123"));
  CHECK(incoming.add(part(9, 0, "ab")));
  CHECK(incoming.index() == LogIndex(9));
  CHECK(incoming.offset() == 2);
}

TEST_CASE("a part that does not fit ends the transfer") {
  for (const SnapshotPart& bad :
       {part(9, 4, "4567"), part(7, 8, "89"), part(7, 4, ""), part(7, 4, "too many by far")}) {
    IncomingSnapshot incoming;
    incoming.add(part(7, 0, "0123"));
    CHECK_FALSE(incoming.add(bad));
    CHECK_FALSE(incoming.is_under_way());
  }
}

TEST_CASE("two snapshots are kept, the older one first, and the log back to that (S3)") {
  DurableSnapshots snapshots;
  CHECK(snapshots.newest() == nullptr);
  CHECK_FALSE(read_for(snapshots));
  snapshots.add(head(3));
  CHECK_FALSE(snapshots.older());
  snapshots.add(head(7));
  CHECK(snapshots.older() == LogIndex(3));
  snapshots.add(head(9));
  CHECK(snapshots.older() == LogIndex(7));
  CHECK(snapshots.newest()->index == LogIndex(9));
  CHECK(snapshots.find(LogIndex(3)) == nullptr);
  snapshots.check_invariants();
}

TEST_CASE("a compaction that ends after a newer snapshot was installed takes the older one's place (S6)") {
  DurableSnapshots snapshots = snapshots_at({3, 9});
  snapshots.add(head(5));
  CHECK(snapshots.older() == LogIndex(5));
  CHECK(snapshots.newest()->index == LogIndex(9));
  snapshots.add(head(9));  // it is there already
  CHECK(snapshots.heads().size() == 2);
  snapshots.check_invariants();
}

TEST_CASE("a Fetch is answered with what follows in the snapshot it has a part of, else with the newest's first part") {
  const DurableSnapshots snapshots = snapshots_at({3, 7});
  CHECK(read_for(snapshots) == SnapshotRead{NodeId(3), ConnectionId(5), CallNumber(8), LogIndex(7), 0, kPart});
  CHECK(read_for(snapshots, 3, 4)->snapshot == LogIndex(3));
  CHECK(read_for(snapshots, 3, 4)->offset == 4);
  CHECK(read_for(snapshots, 5, 4)->snapshot == LogIndex(7));  // there is no such snapshot here
  CHECK(read_for(snapshots, 5, 4)->offset == 0);
  CHECK(read_for(snapshots, 7, 10)->offset == 0);  // it is no longer than that
}

TEST_CASE("a snapshot that could not be read is passed over, also by a transfer that has a part of it") {
  DurableSnapshots snapshots = snapshots_at({3, 7});
  snapshots.could_not_read(LogIndex(7), LogIndex(3));
  CHECK(read_for(snapshots)->snapshot == LogIndex(3));
  CHECK(read_for(snapshots, 7, 4)->snapshot == LogIndex(3));
  CHECK(read_for(snapshots, 7, 4)->offset == 0);
  CHECK(snapshots.heads().size() == 2);  // the disk goes on with both
}

TEST_CASE("when nothing else can be read, the newest is tried again") {
  DurableSnapshots neither = snapshots_at({3, 7});
  neither.could_not_read(LogIndex(7), LogIndex(3));
  neither.could_not_read(LogIndex(3), LogIndex(3));
  CHECK(read_for(neither)->snapshot == LogIndex(7));
  DurableSnapshots only = snapshots_at({7});
  only.could_not_read(LogIndex(7), LogIndex(7));
  CHECK(read_for(only, 7, 4)->offset == 4);
  DurableSnapshots installed = snapshots_at({3, 7});
  installed.could_not_read(LogIndex(7), LogIndex(7));  // the log does not reach back to the older one
  CHECK(read_for(installed)->snapshot == LogIndex(7));
}

}  // namespace lockstep::snapshot_transfer_test

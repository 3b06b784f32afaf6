#include "tests/simulation/sim_disk.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {

WriteId SimDisk::complete_oldest() {
  INVARIANT(!outstanding_.empty(), "a completion is scheduled for each write");
  const raft::Write write = std::move(outstanding_.front());
  outstanding_.pop_front();
  disk_.make_durable(write);
  note_highest();
  return write.id;
}

std::optional<raft::SnapshotHead> SimDisk::compact(const Compaction& wanted) {
  const raft::Restored& durable = disk_.durable();
  if (durable.snapshot && durable.snapshot->head.index >= wanted.index) return std::nullopt;
  auto folded = fold(durable.snapshot.get(), durable.base.index.next(), durable.entries, wanted);
  REQUIRE_SAFE(folded.has_value(), "a disk does not fold: " + (folded ? std::string() : folded.error()));
  const auto snapshot = std::make_shared<const raft::Snapshot>(*std::move(folded));
  disk_.compacted(snapshot);
  return snapshot->head;
}

std::string SimDisk::read(const raft::SnapshotRead& read) const {
  const raft::SharedSnapshot snapshot = disk_.snapshot_at(read.snapshot);
  return snapshot ? snapshot->state.substr(read.offset, read.bytes) : std::string();
}

void SimDisk::crash(Random& random, Coverage& coverage) {
  std::uint64_t survivors = random.below(outstanding_.size() + 1);
  for (; survivors > 0; --survivors) complete_oldest();
  if (outstanding_.empty()) return;
  const raft::Write& torn = outstanding_.front();
  if (torn.snapshot && random.one_in(2)) {
    disk_.make_snapshot_durable(torn);
    coverage.note(Met::kWriteTorn);
  }
  const bool may_have_entries = !torn.snapshot || disk_.durable().snapshot == torn.snapshot;
  if (may_have_entries && torn.hard_state && !torn.entries.empty() && random.one_in(2)) {
    disk_.make_entries_durable(torn);
    coverage.note(Met::kWriteTorn);
  }
  note_highest();
  coverage.note(Met::kWriteLost, outstanding_.size());
  outstanding_.clear();
}

void SimDisk::damage(Random& random, LogIndex kept, Coverage& coverage) {
  if (random.one_in(3) && disk_.lose_newest_snapshot()) coverage.note(Met::kSnapshotDamaged);
  const raft::Restored& durable = disk_.durable();
  if (durable.snapshot) kept = std::max(kept, durable.snapshot->head.index);
  disk_.lose_entries_after(kept + random.below(disk_.last_index() - kept + 1));
  raft::HardState& hard_state = disk_.hard_state();
  hard_state.repair_until = std::max(hard_state.repair_until, highest_ever_);
}

}  // namespace lockstep::simulation

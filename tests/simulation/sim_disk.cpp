#include "tests/simulation/sim_disk.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

using testing::ModelDisk;

LogIndex snapshot_of(const raft::Restored& disk) { return disk.snapshot ? disk.snapshot->head.index : LogIndex(); }

}  // namespace

SimDisk::SimDisk(NodeId node, std::uint64_t seed, bool cluster_of_one)
    : disk_(node), bytes_(std::make_unique<ByteDisk>(node, seed, cluster_of_one)) {
  auto found = bytes_->open();
  REQUIRE_SAFE(found.has_value(), "a blank disk is formatted");
  oracle_.emplace(*std::move(found));
}

SimDisk::Completed SimDisk::complete_oldest() {
  INVARIANT(!outstanding_.empty(), "a completion is scheduled for each write");
  if (bytes_) {
    const auto applied = bytes_->persist(std::span(&outstanding_.front(), 1));
    check_failure(applied ? std::nullopt : std::optional(applied.error().detail));
    if (!applied) return {Outcome::kFailed};
    REQUIRE_SAFE(!applied->out_of_space || bytes_->is_full(), "a disk with space takes every write");
    if (applied->out_of_space) return {Outcome::kNoRoom};
  }
  raft::Write write = std::move(outstanding_.front());
  outstanding_.pop_front();
  disk_.make_durable(write);
  note_highest();
  const WriteId id = write.id;
  if (oracle_) oracle_->wrote(std::move(write));
  return {Outcome::kDone, id};
}

// S4: after an error the process ends, and without one there is no reason to.
void SimDisk::check_failure(const std::optional<std::string>& error) const {
  REQUIRE_SAFE(!error || bytes_->has_failed(), "the storage fails on a disk without errors: " + *error);
  REQUIRE_SAFE(error || !bytes_->has_failed_to_write(), "the disk failed, and the storage goes on");
}

SimDisk::Compacted SimDisk::finish_compaction() {
  const Compaction wanted = *std::exchange(compaction_, std::nullopt);
  const raft::Restored& durable = disk_.durable();
  Compacted compacted;
  if (bytes_) {
    const auto end = bytes_->compact(wanted);
    check_failure(end ? std::nullopt : std::optional(end.error().detail));
    if (!end) {
      compaction_ = wanted;
      return {Outcome::kFailed};
    }
    REQUIRE_SAFE(end->snapshot || bytes_->is_full(), "a disk with space takes every snapshot");
    if (!end->snapshot) return {Outcome::kNoRoom};
    compacted.snapshot = end->snapshot;
  }
  if (snapshot_of(durable) >= wanted.index) return compacted;
  auto folded = fold(durable.snapshot.get(), durable.base.index.next(), durable.entries, wanted);
  REQUIRE_SAFE(folded.has_value(), "a disk does not fold: " + (folded ? std::string() : folded.error()));
  const auto snapshot = std::make_shared<const raft::Snapshot>(*std::move(folded));
  REQUIRE_SAFE(!bytes_ || snapshot->head == compacted.snapshot, "bytes and values fold to the same snapshot");
  disk_.compacted(snapshot);
  if (oracle_) oracle_->wrote_snapshot(wanted.index);
  compacted.snapshot = snapshot->head;
  return compacted;
}

std::string SimDisk::read(const raft::SnapshotRead& read) {
  if (bytes_) return bytes_->read(read);
  const raft::SharedSnapshot snapshot = disk_.snapshot_at(read.snapshot);
  return snapshot ? snapshot->state.substr(read.offset, read.bytes) : std::string();
}

bool SimDisk::fail_soon(Random& random) {
  if (!bytes_) return false;
  bytes_->fail_soon(random);
  return true;
}

bool SimDisk::fill() {
  if (!bytes_) return false;
  bytes_->fill();
  return true;
}

void SimDisk::make_room() {
  if (bytes_) bytes_->make_room();
}

void SimDisk::heal() {
  if (bytes_) bytes_->heal();
}

// --- crashes ---

void SimDisk::crash(Random& random, Coverage& coverage) {
  make_room();  // so that it can be started again
  if (bytes_) {
    crash_bytes(random, coverage);
  } else {
    crash_values(random, coverage);
  }
  note_highest();
  coverage.note(Met::kWriteLost, outstanding_.size());
  outstanding_.clear();
  compaction_.reset();
}

void SimDisk::crash_values(Random& random, Coverage& coverage) {
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
}

void SimDisk::crash_bytes(Random& random, Coverage& coverage) {
  for (std::uint64_t survivors = random.below(outstanding_.size() + 1); survivors > 0; --survivors) {
    if (complete_oldest().outcome != Outcome::kDone) break;
  }
  DiskOracle::Crash crash{{outstanding_.begin(), outstanding_.end()}, compaction_, !random.one_in(3)};
  if (crash.power_failed) {
    bytes_->fail_power(random, crash.writes, compaction_);
    if (!crash.writes.empty()) coverage.note(Met::kPowerFailedInWrite);
  } else {
    bytes_->end_process();
  }
  oracle_->crashed(std::move(crash));
}

void SimDisk::wipe(NodeId node, Random& random) {
  const bool in_bytes = bytes_ != nullptr;
  *this = in_bytes ? SimDisk(node, random.next(), false) : SimDisk(node);
}

std::string SimDisk::damage(Random& random, LogIndex kept, Coverage& coverage) {
  if (bytes_) {
    auto rot = kept ? std::nullopt : bytes_->rot(random);
    if (!rot) return "is whole";
    coverage.note(Met::kRot);
    std::string what = rot->what;
    oracle_->rotted(*std::move(rot));
    return what;
  }
  if (random.one_in(3) && disk_.lose_newest_snapshot()) coverage.note(Met::kSnapshotDamaged);
  const raft::Restored& durable = disk_.durable();
  if (durable.snapshot) kept = std::max(kept, durable.snapshot->head.index);
  disk_.lose_entries_after(kept + random.below(disk_.last_index() - kept + 1));
  raft::HardState& hard_state = disk_.hard_state();
  hard_state.repair_until = std::max(hard_state.repair_until, highest_ever_);
  return "its log is good up to " + std::to_string(last_index().value());
}

// --- after a crash, in bytes ---

tl::expected<void, std::string> SimDisk::recover(Random& random, Coverage& coverage) {
  if (!bytes_) return {};
  bytes_->end_process();
  if (random.one_in(4)) {
    bytes_->fail_power_at_start(random);
    coverage.note(Met::kPowerFailedInRecovery);
  }
  auto found = bytes_->open();
  const DiskOracle::Promised promised{disk_, highest_ever_};
  if (!found) {
    oracle_->check_refusal(promised, found.error().detail);
    coverage.note(Met::kRotRefused);
    return tl::unexpected(found.error().detail);
  }
  disk_ = oracle_->check_found(promised, *std::move(found), bytes_->snapshot_files());
  note_highest();
  return {};
}

}  // namespace lockstep::simulation

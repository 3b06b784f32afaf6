#include "tests/simulation/sim_disk.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

using testing::ModelDisk;

const raft::Entry* entry_at(const raft::Restored& disk, LogIndex index) {
  if (index <= disk.base.index || index - disk.base.index > disk.entries.size()) return nullptr;
  return &disk.entries[index - disk.base.index.next()];
}

LogIndex last_of(const raft::Restored& disk) { return disk.base.index + disk.entries.size(); }

LogIndex snapshot_of(const raft::Restored& disk) { return disk.snapshot ? disk.snapshot->head.index : LogIndex(); }

// Two disks may have cut their logs at different places.
bool same_log(const raft::Restored& one, const raft::Restored& other) {
  if (last_of(one) != last_of(other)) return false;
  for (LogIndex index = std::max(one.base.index, other.base.index).next(); index <= last_of(one);
       index = index.next()) {
    if (*entry_at(one, index) != *entry_at(other, index)) return false;
  }
  return true;
}

}  // namespace

SimDisk::SimDisk(NodeId node, std::uint64_t seed, bool cluster_of_one)
    : disk_(node), bytes_(std::make_unique<ByteDisk>(node, seed, cluster_of_one)) {
  const auto found = bytes_->open();
  REQUIRE_SAFE(found.has_value(), "a blank disk is formatted");
}

SimDisk::Completed SimDisk::complete_oldest() {
  INVARIANT(!outstanding_.empty(), "a completion is scheduled for each write");
  if (bytes_) {
    const auto applied = bytes_->apply(std::span(&outstanding_.front(), 1));
    REQUIRE_SAFE(applied || fails_, "a disk without errors takes every write: " + applied.error().message);
    if (!applied) return {Outcome::kFailed};
    if (applied->out_of_space) return {Outcome::kNoRoom};
  }
  const raft::Write write = std::move(outstanding_.front());
  outstanding_.pop_front();
  disk_.make_durable(write);
  note_highest();
  return {Outcome::kDone, write.id};
}

SimDisk::Compacted SimDisk::finish_compaction() {
  const Compaction wanted = *std::exchange(compaction_, std::nullopt);
  const raft::Restored& durable = disk_.durable();
  Compacted compacted;
  if (bytes_) {
    const auto end = bytes_->compact(wanted);
    REQUIRE_SAFE(end || fails_, "a disk without errors folds its log: " + end.error().message);
    if (!end) {
      compaction_ = wanted;
      return {Outcome::kFailed};
    }
    if (!end->snapshot) return {Outcome::kNoRoom};
    compacted.snapshot = end->snapshot;
  }
  if (snapshot_of(durable) >= wanted.index) return compacted;
  auto folded = fold(durable.snapshot.get(), durable.base.index.next(), durable.entries, wanted);
  REQUIRE_SAFE(folded.has_value(), "a disk does not fold: " + (folded ? std::string() : folded.error()));
  const auto snapshot = std::make_shared<const raft::Snapshot>(*std::move(folded));
  REQUIRE_SAFE(!bytes_ || snapshot->head == compacted.snapshot, "bytes and values fold to the same snapshot");
  disk_.compacted(snapshot);
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
  fails_ = true;
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
  fails_ = false;
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
  for (std::uint64_t survivors = random.below(outstanding_.size() + 1); survivors > 0 && !fails_; --survivors) {
    if (complete_oldest().outcome != Outcome::kDone) break;
  }
  interrupted_.assign(outstanding_.begin(), outstanding_.end());
  interrupted_compaction_ = compaction_;
  if (random.one_in(3)) {
    bytes_->end_process();
  } else {
    bytes_->fail_power(random, interrupted_, compaction_);
    if (!interrupted_.empty()) coverage.note(Met::kPowerFailedInWrite);
  }
}

void SimDisk::wipe(NodeId node, Random& random) {
  const bool in_bytes = bytes_ != nullptr;
  *this = in_bytes ? SimDisk(node, random.next(), false) : SimDisk(node);
}

std::string SimDisk::damage(Random& random, LogIndex kept, Coverage& coverage) {
  if (bytes_) {
    const auto what = kept ? std::nullopt : bytes_->rot(random);
    rotten_ = what.has_value();
    if (rotten_) coverage.note(Met::kRot);
    return what.value_or("is whole");
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
  REQUIRE_SAFE(found || rotten_, "after a crash a node does not start: " + found.error().message);
  if (!found) {
    coverage.note(Met::kRotRefused);
    return tl::unexpected(found.error().message);
  }
  if (rotten_) {
    REQUIRE_SAFE(may_follow_from_rot(*found), "a damaged disk has forgotten something, and nothing says so");
  } else {
    REQUIRE_SAFE(may_follow_from_crash(*found), "a disk holds what no crash can have left on it");
  }
  disk_ = ModelDisk(*std::move(found));
  note_highest();
  interrupted_.clear();
  interrupted_compaction_.reset();
  rotten_ = false;
  return {};
}

// Whether `is_it` holds for something that the crash may have left: some of the writes that were interrupted, from the
// first on, and perhaps a part of the next, as raft::Write and Storage::apply allow it. Hard states come after the
// entries of several writes.
bool SimDisk::some_outcome(LogIndex last, const OutcomeCheck& is_it) const {
  ModelDisk expected = disk_;
  std::vector<raft::HardState> hard_states{expected.durable().hard_state};
  if (is_it(expected.durable(), hard_states)) return true;
  for (const raft::Write& write : interrupted_) {
    if (write.snapshot) {
      expected.make_snapshot_durable(write);
      if (is_it(expected.durable(), hard_states)) return true;
    }
    if (write.first && write.first <= last && last - write.first + 1 < write.entries.size()) {
      ModelDisk in_part = expected;
      raft::Write part = write;
      part.entries.resize(last - write.first + 1);
      in_part.make_entries_durable(part);
      if (is_it(in_part.durable(), hard_states)) return true;
    }
    expected.make_entries_durable(write);
    if (is_it(expected.durable(), hard_states)) return true;
    if (write.hard_state) hard_states.push_back(*write.hard_state);
    if (is_it(expected.durable(), hard_states)) return true;
  }
  return false;
}

bool SimDisk::may_follow_from_crash(const raft::Restored& found) const {
  if (found.node != disk_.durable().node) return false;
  return some_outcome(last_of(found), [&](const raft::Restored& expected, const std::vector<raft::HardState>& states) {
    const bool has_snapshot = snapshot_of(found) == snapshot_of(expected) ||
                              (interrupted_compaction_ && snapshot_of(found) == interrupted_compaction_->index);
    const bool has_hard_state = std::find(states.begin(), states.end(), found.hard_state) != states.end();
    return has_snapshot && has_hard_state && same_log(found, expected);
  });
}

// S2: what was acknowledged is there, or the node knows up to where something may be missing; and it never forgets
// whom it voted for.
bool SimDisk::may_follow_from_rot(const raft::Restored& found) const {
  const raft::HardState& before = disk_.durable().hard_state;
  const raft::HardState& now = found.hard_state;
  const bool forgot = now.term < before.term || (now.term == before.term && before.vote && now.vote != before.vote);
  if (forgot) return false;
  return some_outcome(last_of(found), [&](const raft::Restored& expected, const std::vector<raft::HardState>&) {
    if (now.repair_until >= last_of(expected)) return true;
    if (last_of(found) < last_of(expected)) return false;
    const LogIndex first = std::max(found.base.index, expected.base.index).next();
    for (LogIndex index = first; index <= last_of(expected); index = index.next()) {
      if (*entry_at(found, index) != *entry_at(expected, index)) return false;
    }
    return true;
  });
}

}  // namespace lockstep::simulation

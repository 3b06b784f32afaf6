#include "tests/simulation/disk_oracle.hpp"

#include <algorithm>
#include <utility>

#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

using testing::ModelDisk;

const raft::Entry* entry_at(const raft::Restored& disk, LogIndex index) {
  if (index <= disk.base.index || index - disk.base.index > disk.entries.size()) return nullptr;
  return &disk.entries[index - disk.base.index.next()];
}

LogIndex last_of(const raft::Restored& disk) { return disk.base.index + disk.entries.size(); }

// Of an entry that the log holds or follows.
Term term_at(const raft::Restored& disk, LogIndex index) {
  return index == disk.base.index ? disk.base.term : entry_at(disk, index)->term;
}

// Where both logs reach, up to `last`. They may have been cut at different places.
bool agree(const raft::Restored& one, const raft::Restored& other, LogIndex last) {
  const LogIndex base = std::max(one.base.index, other.base.index);
  if (term_at(one, base) != term_at(other, base)) return false;
  for (LogIndex index = base.next(); index <= last; index = index.next()) {
    if (*entry_at(one, index) != *entry_at(other, index)) return false;
  }
  return true;
}

bool same_log(const raft::Restored& one, const raft::Restored& other) {
  return last_of(one) == last_of(other) && agree(one, other, last_of(one));
}

bool begins_as(const raft::Restored& log, const raft::Restored& found) {
  const LogIndex last = last_of(found);
  if (log.base.index > found.base.index || last > last_of(log)) return false;
  return term_at(log, last) == term_at(found, last) && agree(log, found, last);
}

bool same_snapshot(const raft::SharedSnapshot& one, const raft::SharedSnapshot& other) {
  return one == other || (one && other && *one == *other);
}

bool contains(const std::vector<LogIndex>& indexes, LogIndex index) {
  return std::find(indexes.begin(), indexes.end(), index) != indexes.end();
}

raft::SharedSnapshot older_of(const ModelDisk& disk) {
  return disk.snapshots().size() < 2 ? nullptr : disk.snapshots().front();
}

bool same_but_for_mark(raft::HardState one, const raft::HardState& other) {
  one.repair_until = other.repair_until;
  return one == other;
}

// What is durable when a process has found this, and these snapshots lie there.
ModelDisk goes_on(raft::Restored found, const std::vector<raft::SharedSnapshot>& kept) {
  const raft::SharedSnapshot newest = found.snapshot;
  raft::SharedSnapshot older;
  for (const raft::SharedSnapshot& snapshot : kept) {
    const bool is_later = !older || older->head.index < snapshot->head.index;
    if (newest && snapshot->head.index < newest->head.index && is_later) older = snapshot;
  }
  if (!older) return ModelDisk(std::move(found));
  found.snapshot = older;
  ModelDisk disk(std::move(found));
  disk.compacted(newest);
  return disk;
}

}  // namespace

// --- what it was given ---

void DiskOracle::wrote(raft::Write write) {
  if (write.snapshot) wrote_snapshot(write.snapshot->head.index);
  lives_.back().writes.push_back(std::move(write));
}

void DiskOracle::crashed(Crash crash) {
  crash_ = std::move(crash);
  for (const raft::Write& write : crash_.writes) {
    if (write.snapshot) highest_interrupted_ = std::max(highest_interrupted_, write.snapshot->head.index);
    if (!write.first) continue;
    highest_interrupted_ = std::max(highest_interrupted_, write.first.previous() + write.entries.size());
  }
}

void DiskOracle::rotted(ByteDisk::Rot rot) {
  if (rot.where == ByteDisk::Rot::Where::kSnapshot) rotten_snapshots_.insert(rot.snapshot);
  rot_ = std::move(rot);
}

// --- what a crash may have left ---

bool DiskOracle::some_outcome(const Promised& promised, LogIndex last, const OutcomeCheck& is_it) const {
  const std::vector<raft::HardState> hard_states{promised.disk.durable().hard_state};
  if (is_it({promised.disk, hard_states})) return true;  // mostly, and nothing is copied
  if (some_outcome_of_writes(promised.disk, last, is_it)) return true;
  const raft::Restored& durable = promised.disk.durable();
  if (!crash_.compaction) return false;
  if (durable.snapshot && durable.snapshot->head.index >= crash_.compaction->index) return false;
  auto folded = fold(durable.snapshot.get(), durable.base.index.next(), durable.entries, *crash_.compaction);
  REQUIRE_SAFE(folded.has_value(), "a disk does not fold: " + (folded ? std::string() : folded.error()));
  ModelDisk compacted = promised.disk;
  compacted.compacted(std::make_shared<const raft::Snapshot>(*std::move(folded)));
  return some_outcome_of_writes(std::move(compacted), last, is_it);
}

// Some of the writes that were interrupted, from the first on, and perhaps a part of the next.
bool DiskOracle::some_outcome_of_writes(ModelDisk expected, LogIndex last, const OutcomeCheck& is_it) const {
  std::vector<raft::HardState> hard_states{expected.durable().hard_state};
  if (is_it({expected, hard_states})) return true;
  for (const raft::Write& write : crash_.writes) {
    if (write.snapshot) {
      expected.make_snapshot_durable(write);
      if (is_it({expected, hard_states})) return true;
    }
    if (write.first && write.first <= last && last - write.first + 1 < write.entries.size()) {
      ModelDisk in_part = expected;
      raft::Write part = write;
      part.entries.resize(last - write.first + 1);
      in_part.make_entries_durable(part);
      if (is_it({in_part, hard_states})) return true;
    }
    expected.make_entries_durable(write);
    if (is_it({expected, hard_states})) return true;
    if (write.hard_state) hard_states.push_back(*write.hard_state);
    if (is_it({expected, hard_states})) return true;
  }
  return false;
}

// --- what a process may find ---

ModelDisk DiskOracle::check_found(const Promised& promised, raft::Restored found,
                                  const std::vector<LogIndex>& snapshot_files) {
  std::vector<raft::SharedSnapshot> kept = promised.disk.snapshots();
  const bool is_allowed = some_outcome(promised, last_of(found), [&](const Outcome& outcome) {
    if (!allows(outcome, {found, snapshot_files}, promised)) return false;
    kept.insert(kept.end(), outcome.disk.snapshots().begin(), outcome.disk.snapshots().end());
    return true;
  });
  REQUIRE_SAFE(is_allowed, complaint(found, promised));
  for (raft::Write& write : crash_.writes) lives_.back().writes.push_back(std::move(write));
  lives_.push_back({found, {}});
  crash_ = {};
  rot_.reset();
  std::erase_if(rotten_snapshots_, [&](LogIndex index) { return !contains(snapshot_files, index); });
  std::erase_if(kept,
                [&](const raft::SharedSnapshot& snapshot) { return !contains(snapshot_files, snapshot->head.index); });
  return goes_on(std::move(found), kept);
}

bool DiskOracle::allows(const Outcome& outcome, const Found& found, const Promised& promised) const {
  if (found.disk.node != outcome.disk.durable().node || !has_files(outcome.disk, found, promised.disk)) return false;
  if (is_whole(outcome, found)) return true;
  if (!rot_) return false;
  if (is_newest_rotten(outcome.disk)) {
    ModelDisk older = outcome.disk;
    if (older.lose_newest_snapshot()) {
      if (is_whole({older, outcome.hard_states}, found)) return true;
      if (!is_rotten(older)) return false;
    }
    if (is_whole_without_newest_snapshot(outcome, found)) return true;
  } else if (rot_->where != ByteDisk::Rot::Where::kLog) {
    return false;
  }
  return is_repaired(outcome, found, promised.highest);
}

bool DiskOracle::is_whole(const Outcome& outcome, const Found& found) const {
  const raft::Restored& expected = outcome.disk.durable();
  const auto& states = outcome.hard_states;
  if (std::find(states.begin(), states.end(), found.disk.hard_state) == states.end()) return false;
  if (!same_snapshot(found.disk.snapshot, expected.snapshot) || !same_log(found.disk, expected)) return false;
  // The log is kept back to the older snapshot, unless that one or the log itself rots.
  const bool may_begin_later = !rotten_snapshots_.empty() || (rot_ && rot_->where == ByteDisk::Rot::Where::kLog);
  return may_begin_later || found.disk.base.index <= expected.base.index;
}

// There is no other, or that one has rotted, too; but all of the log is there yet, from entry 1 on.
bool DiskOracle::is_whole_without_newest_snapshot(const Outcome& outcome, const Found& found) const {
  const raft::Restored& expected = outcome.disk.durable();
  if (found.disk.snapshot || found.disk.base.index) return false;
  const auto& states = outcome.hard_states;
  if (std::find(states.begin(), states.end(), found.disk.hard_state) == states.end()) return false;
  raft::Restored front = found.disk;  // which a snapshot stood for
  front.entries.resize(std::min(front.entries.size(), expected.base.index - LogIndex()));
  return same_log(found.disk, expected) && had_log(front);
}

bool DiskOracle::is_repaired(const Outcome& outcome, const Found& found, LogIndex highest) const {
  const raft::SharedSnapshot& snapshot = found.disk.snapshot;
  if (!has_snapshot_after_rot(outcome.disk, found.disk) || !has_mark(outcome, found.disk.hard_state, highest)) {
    return false;
  }
  const raft::EntryId end = snapshot ? raft::EntryId{snapshot->head.index, snapshot->head.term} : raft::EntryId();
  if (found.disk.base == end && found.disk.entries.empty()) return true;
  return found.disk.base.index <= end.index && last_of(found.disk) >= end.index && had_log(found.disk);
}

// What may be missing reaches up to the highest index ever written, and no further. A mark from before stays.
bool DiskOracle::has_mark(const Outcome& outcome, const raft::HardState& now, LogIndex highest) const {
  const LogIndex least = std::max(highest, last_of(outcome.disk.durable()));
  return std::any_of(outcome.hard_states.begin(), outcome.hard_states.end(), [&](const raft::HardState& state) {
    return same_but_for_mark(state, now) && now.repair_until >= std::max(least, state.repair_until) &&
           now.repair_until <= std::max({highest, highest_interrupted_, state.repair_until});
  });
}

// S3: two are kept. One that has rotted may have been moved aside, and then the third may not be deleted yet.
bool DiskOracle::has_files(const ModelDisk& expected, const Found& found, const ModelDisk& before) const {
  const auto& files = found.snapshot_files;
  for (const raft::SharedSnapshot& snapshot : expected.snapshots()) {
    const LogIndex index = snapshot->head.index;
    if (!contains(files, index) && !rotten_snapshots_.contains(index)) return false;
  }
  return std::all_of(files.begin(), files.end(), [&](LogIndex index) {
    return expected.snapshot_at(index) || (!rotten_snapshots_.empty() && before.snapshot_at(index));
  });
}

bool DiskOracle::has_snapshot_after_rot(const ModelDisk& expected, const raft::Restored& found) const {
  if (!is_newest_rotten(expected)) return same_snapshot(found.snapshot, expected.durable().snapshot);
  return same_snapshot(found.snapshot, older_of(expected));  // none: the log begins with entry 1
}

// It is the beginning of a log that was on the disk once.
bool DiskOracle::had_log(const raft::Restored& found) const {
  return std::any_of(lives_.begin(), lives_.end(), [&](const Life& life) {
    ModelDisk disk(life.start);
    if (begins_as(disk.durable(), found)) return true;
    const auto leads_to_it = [&](const raft::Write& write) {
      disk.make_snapshot_durable(write);
      disk.make_entries_durable(write);
      return begins_as(disk.durable(), found);
    };
    if (std::any_of(life.writes.begin(), life.writes.end(), leads_to_it)) return true;
    if (&life != &lives_.back()) return false;
    return std::any_of(crash_.writes.begin(), crash_.writes.end(), leads_to_it);
  });
}

// Its only snapshot, or it has none.
bool DiskOracle::is_rotten(const ModelDisk& disk) const {
  const raft::SharedSnapshot& snapshot = disk.durable().snapshot;
  return !snapshot || rotten_snapshots_.contains(snapshot->head.index);
}

bool DiskOracle::is_newest_rotten(const ModelDisk& disk) const {
  const raft::SharedSnapshot& newest = disk.durable().snapshot;
  return rot_ && rot_->where == ByteDisk::Rot::Where::kSnapshot && newest && newest->head.index == rot_->snapshot;
}

// --- refusals ---

void DiskOracle::check_refusal(const Promised& promised, const std::string& message) {
  REQUIRE_SAFE(rot_, "after a crash a node does not start: " + message);
  const bool meta_is_lost =
      rot_->where == ByteDisk::Rot::Where::kMeta && !rot_->other_copy_is_whole && crash_.power_failed;
  const bool has_reason =
      meta_is_lost || some_outcome(promised, promised.disk.last_index(),
                                   [&](const Outcome& outcome) { return nothing_is_left(outcome.disk); });
  REQUIRE_SAFE(has_reason, "a node does not start although it could (" + rot_->what + "): " + message);
}

bool DiskOracle::nothing_is_left(const ModelDisk& disk) const {
  if (!is_newest_rotten(disk) || !disk.durable().base.index) return false;
  const raft::SharedSnapshot older = older_of(disk);
  return !older || rotten_snapshots_.contains(older->head.index);
}

std::string DiskOracle::complaint(const raft::Restored& found, const Promised& promised) const {
  const auto describe = [](const raft::Restored& disk) {
    const LogIndex snapshot = disk.snapshot ? disk.snapshot->head.index : LogIndex();
    return "entries " + std::to_string(disk.base.index.next().value()) + " to " +
           std::to_string(last_of(disk).value()) + ", snapshot " + std::to_string(snapshot.value()) + ", term " +
           std::to_string(disk.hard_state.term.value()) + ", repair until " +
           std::to_string(disk.hard_state.repair_until.value());
  };
  return (rot_ ? "a disk is believed after rot (" + rot_->what : "a disk holds what no crash can have left (") +
         "): found " + describe(found) + "; there were " + describe(promised.disk.durable()) + ", and " +
         std::to_string(crash_.writes.size()) + " writes under way";
}

}  // namespace lockstep::simulation

// Chooses the snapshot and the entries that a node starts from.
#include "nodes/storage/recovery_plan.hpp"

#include <algorithm>
#include <utility>

namespace lockstep {
namespace {

bool base_is_known(const LogContents& log) { return !log.base.index || log.base.term; }

// A log whose front was cut off does not say of which term the entry before its first is. A snapshot may.
void learn_base(LogContents& log, const std::vector<SnapshotFile>& snapshots) {
  for (const SnapshotFile& snapshot : snapshots) {
    if (snapshot.head.index == log.base.index) log.base.term = snapshot.head.term;
  }
}

// Otherwise it follows the first entry that it holds.
void begin_after_first_entry(LogContents& log) {
  log.base = {log.base.index.next(), log.entries.front().term};
  log.entries.erase(log.entries.begin());
}

// S3: the log's records above a snapshot count only if the one at its index has its term.
bool agrees(const LogContents& log, const raft::SnapshotHead& snapshot) {
  if (snapshot.index < log.base.index || snapshot.index > log.last()) return false;
  if (snapshot.index == log.base.index) return snapshot.term == log.base.term;
  return snapshot.term == log.entries[snapshot.index - log.base.index.next()].term;
}

}  // namespace

std::optional<RecoveryPlan> plan_recovery(const Meta& meta, const LogScan& scan, const SnapshotsFound& snapshots) {
  RecoveryPlan plan;
  plan.log = scan.log;
  plan.rewrite = scan.damage.has_value();
  LogIndex covered;  // by the snapshot
  if (snapshots.newest) {
    const raft::SnapshotHead& head = snapshots.newest->head;
    covered = head.index;
    learn_base(plan.log, snapshots.files);
    if (agrees(plan.log, head)) {
      if (!base_is_known(plan.log)) begin_after_first_entry(plan.log);
    } else {
      if (plan.log.base.index > head.index) plan.rewrite = true;
      plan.log = {{head.index, head.term}, {}};
      plan.restart = true;
    }
  } else if (plan.log.base.index || meta.log_start.segment > 1) {
    return std::nullopt;
  }
  // A snapshot that is gone stood for what the log does not hold either.
  if (meta.snapshot > plan.log.last()) plan.rewrite = true;
  if (plan.rewrite) {
    plan.restart = false;
    const LogIndex highest = std::max({scan.highest_index, meta.snapshot, meta.hard_state.repair_until});
    if (highest > covered) plan.lost_up_to = highest;
  }
  return plan;
}

}  // namespace lockstep

// What a node goes on with: the newest whole snapshot and the log are brought together (S2, S3).
//
// A pure function of what was found in the folder. The log above the snapshot counts only if it agrees with the
// snapshot at the snapshot's index; else all of it is void: it is what an interrupted install left, or there is a gap
// because a later snapshot is damaged. What is lost at or below the snapshot's index is no loss.
#pragma once

#include <optional>

#include "nodes/storage/log_scan.hpp"
#include "nodes/storage/meta_file.hpp"
#include "nodes/storage/snapshot_store.hpp"

namespace lockstep {

struct RecoveryPlan {
  LogContents log;        // its base is known, and is at or before the snapshot
  bool rewrite = false;   // acknowledged data was damaged: the log on the disk is to be replaced by a copy of `log`
  bool restart = false;   // the log on the disk is not damaged but void: a restart record is to say so
  LogIndex lost_up_to{};  // what was acknowledged and is not here reaches up to this index; none: nothing
};

// None: what there is does not reach back to entry 1, so there is nothing to go on with.
std::optional<RecoveryPlan> plan_recovery(const Meta& meta, const LogScan& scan, const SnapshotsFound& snapshots);

}  // namespace lockstep

// What happens between finding a data folder and speaking: rules S2 and S4.
//
// Reading comes first and changes nothing, so a node that refuses to start leaves the folder as it was: the snapshots,
// the log, and what the two add up to (recovery_plan.hpp).
// Damage to acknowledged data is then written into `meta` before anything else, and the good prefix is
// copied into a new segment that replaces all others at the moment it gets its name. At last the end of
// the log and `meta` are written again and synced, since the page cache may hold what the disk does not.
// A crash at any point is followed by the same steps again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nodes/storage/log_scan.hpp"
#include "nodes/storage/log_writer.hpp"
#include "nodes/storage/meta_file.hpp"
#include "nodes/storage/snapshot_store.hpp"
#include "nodes/storage/storage_error.hpp"
#include "protocol/base/notice.hpp"
#include "protocol/base/random.hpp"

namespace lockstep {

struct RecoveryOptions {
  std::string folder;
  NodeId fresh_node_id;  // used if the folder is formatted now
  std::uint64_t seed = 0;
  std::uint64_t segment_bytes = 0;
  bool cluster_of_one = false;
};

struct Recovered {
  MetaFile meta;
  LogContents log;
  raft::SharedSnapshot snapshot;        // the newest
  std::vector<SnapshotFile> snapshots;  // newest first
  bool restart = false;                 // the log is to be restarted after log.base, before the node speaks (S3)
  Segment current;
  LogPosition position;
  std::vector<SegmentExtent> segments;
  std::vector<Notice> notices;
};

// The folder is locked already.
StorageResult<Recovered> recover(Disk& disk, const RecoveryOptions& options);

}  // namespace lockstep

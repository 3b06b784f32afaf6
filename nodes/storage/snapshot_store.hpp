// The snapshots of a data folder: the newest, and the one before it in case the newest rots. What the log must still
// hold follows from that: everything after the older one.
#pragma once

#include <string>
#include <vector>

#include "nodes/storage/disk.hpp"
#include "nodes/storage/snapshot_file.hpp"

namespace lockstep {

// What a folder holds when a node starts.
struct SnapshotsFound {
  raft::SharedSnapshot newest;       // of the whole ones; none: there is none
  std::vector<SnapshotFile> files;   // the newest, and older ones whose heads are whole; newest first
  std::vector<std::string> damaged;  // names of files
};
DiskResult<SnapshotsFound> find_snapshots(Disk& disk);

class SnapshotStore {
 public:
  SnapshotStore(Disk& disk, std::vector<SnapshotFile> newest_first) : disk_(&disk), files_(std::move(newest_first)) {}

  LogIndex newest() const { return files_.empty() ? LogIndex() : files_.front().head.index; }
  const SnapshotFile* find(LogIndex index) const;
  const SnapshotFile* newest_up_to(LogIndex index) const;
  // The log's entries above this one are needed.
  LogIndex log_is_needed_above() const { return files_.size() < 2 ? LogIndex() : files_[1].head.index; }

  void add(SnapshotFile file);  // that is durable
  // Deletes all but the two newest.
  DiskResult<void> drop_surplus();
  // Empty: there is no such snapshot (any more), or nothing of it at this offset. A read of the first
  // part checks the whole file. A reader that has all parts checks them by the hash.
  DiskResult<std::string> read(const raft::SnapshotRead& read) const;

 private:
  Disk* disk_;
  std::vector<SnapshotFile> files_;  // newest first
};

}  // namespace lockstep

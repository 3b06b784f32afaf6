// S6: makes a snapshot out of the one before it and of the log since, beside everything else.
//
// What it reads does not change under it: the snapshot and the log's batches up to the last one that was synced when
// it was asked for. Of each index the last record counts, across all segments. Nothing is deleted while it runs.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nodes/storage/disk.hpp"
#include "nodes/storage/log_writer.hpp"
#include "nodes/storage/snapshot_file.hpp"
#include "nodes/storage/storage_error.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep {

// Makes the snapshot: of the one before it (none: of the log from entry 1 on) and the entries from `first` on. An
// error, a sentence for a person: what was read does not lead to the state that it should.
using Fold = std::function<tl::expected<raft::Snapshot, std::string>(const raft::Snapshot* older, LogIndex first,
                                                                     std::span<const raft::Entry> entries)>;

struct CompactionJob {
  std::string folder;                   // for messages
  LogIndex older;                       // the snapshot to begin with; none: entry 1
  std::vector<SegmentExtent> segments;  // of the log
  std::uint64_t last_sequence = 0;      // that was synced
  bool log_is_cut = false;
  Fold fold;
};

// None: there was no room for the snapshot, and everything is as it was. An error: what the disk gives back is not
// what this node wrote, or the disk failed; the process must end with it.
StorageResult<std::optional<SnapshotFile>> compact(Disk& disk, const CompactionJob& job);

}  // namespace lockstep

// One file a snapshot: made whole or not at all, whoever made the snapshot, this node or its leader.
//
// It is written under a temporary name, synced, renamed, and the folder synced. Every byte of it is under a checksum.
// It is written and synced part by part, so that the log's syncs never wait behind all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nodes/storage/disk.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep {

// What stands before the state, and where in the file the state begins.
struct SnapshotFile {
  raft::SnapshotHead head;
  std::uint64_t state_offset = 0;
  std::uint32_t state_crc = 0;
};

// Durable once it returns. What a failure leaves behind has a temporary name and is removed, at the latest when the
// node starts.
DiskResult<SnapshotFile> write_snapshot(Disk& disk, const raft::Snapshot& snapshot);

// None: damaged, or cut short. The state itself is not looked at.
DiskResult<std::optional<SnapshotFile>> read_snapshot_head(Disk& disk, LogIndex index);
// None: damaged.
DiskResult<raft::SharedSnapshot> read_snapshot(Disk& disk, LogIndex index);
// Fewer bytes than asked where the state ends. Not checked: a reader that has all of the state checks it by its hash.
DiskResult<std::string> read_state(Disk& disk, const SnapshotFile& file, std::uint64_t offset, std::uint64_t bytes);

}  // namespace lockstep

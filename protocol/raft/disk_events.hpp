// What a node's disk has to tell the core, in one type.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "protocol/base/types.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::raft {

// The write is durable. Writes become durable in the order in which they were asked.
struct Persisted {
  WriteId write;
  friend bool operator==(const Persisted&, const Persisted&) = default;
};

// What a SnapshotRead asked for. `bytes` are empty if the snapshot is not there any more, or cannot be read.
struct SnapshotPartRead {
  SnapshotRead read;
  std::string bytes;
  friend bool operator==(const SnapshotPartRead&, const SnapshotPartRead&) = default;
};

// A compaction that was asked for has ended: the snapshot is durable, and so is the one before it. Without a snapshot
// there was no room for it on the disk.
struct Compacted {
  std::optional<SnapshotHead> snapshot;
  friend bool operator==(const Compacted&, const Compacted&) = default;
};

using DiskEvent = std::variant<Persisted, SnapshotPartRead, Compacted>;

}  // namespace lockstep::raft

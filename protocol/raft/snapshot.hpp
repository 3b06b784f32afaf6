// A snapshot: what stands in for the log up to an index (Raft section 7; S3, S6).
//
// Raft knows where it ends and which cluster it belongs to; the state itself is the state machine's own
// encoding, opaque here, as Configuration::state_limits is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/raft/entry.hpp"

namespace lockstep::raft {

struct SnapshotHead {
  LogIndex index;                // of the last entry it stands for, never 0
  Term term;                     // of that entry
  WallTime time{};               // of that entry
  Configuration configuration;   // of entry 1
  WallTime formed{};             // the time of entry 1
  std::uint64_t state_hash = 0;  // of the state after `index`: shows, when it is decoded, that it is whole (R16)
  std::uint64_t state_bytes = 0;
  friend bool operator==(const SnapshotHead&, const SnapshotHead&) = default;
};

struct Snapshot {
  SnapshotHead head;
  std::string state;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// Large, never changed, and held by the core, the disk and the simulator at once.
using SharedSnapshot = std::shared_ptr<const Snapshot>;

// A leader's question to its own disk: a part of a snapshot for a node that fetches.
struct SnapshotRead {
  NodeId to;  // who waits on `connection` for an answer to its Fetch
  ConnectionId connection;
  CallNumber fetch;
  LogIndex snapshot;         // which
  std::uint64_t offset = 0;  // in the state's bytes
  std::uint64_t bytes = 0;   // at most
  friend bool operator==(const SnapshotRead&, const SnapshotRead&) = default;
};

}  // namespace lockstep::raft

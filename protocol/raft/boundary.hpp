// What crosses the boundary of Raft beside events: its options, what leaves the node, and what happened to it.
//
// Plain values without behaviour. The order of work is written where it binds, on the fields of RaftOutput: whatever
// order a shell chooses is safe, since what must be durable first has been held back inside (R1, R3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/base/notice.hpp"
#include "protocol/base/types.hpp"
#include "protocol/raft/entry.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::raft {

struct Timing {
  Duration heartbeat = std::chrono::milliseconds(50);
  Duration election_timeout_min = std::chrono::milliseconds(500);
  Duration election_timeout_max = std::chrono::milliseconds(1000);
};

struct Bounds {
  std::size_t uncommitted_bytes = 16 * 1024 * 1024;  // of a leader's log: beyond that, Busy (R14)
  std::size_t published_bytes = 64 * 1024;           // entries of one published Append
  std::size_t fetched_bytes = 1024 * 1024;           // entries of one answer to a Fetch
  std::size_t snapshot_part_bytes = 1024 * 1024;     // of a snapshot's state in one answer to a Fetch
  std::size_t ahead_bytes = 1024 * 1024;             // Appends a follower buffers ahead of a gap (R7)
  // Published frames with entries that are not committed. A quarter of the PUB socket's high-water mark,
  // beyond which it drops silently.
  std::size_t unacknowledged_frames = 1024;
};

struct Options {
  Timing timing;
  Bounds bounds;
  std::uint64_t seed = 0;
};

// What leaves this node. A shell may act on it in any order: what has to be durable first is held back inside.
struct RaftOutput {
  std::vector<Write> writes;                 // to the disk, in this order
  std::vector<Outgoing> messages;            // may be lost, repeated, delayed
  std::vector<SnapshotRead> snapshot_reads;  // each is answered with snapshot_read(), or not at all
};

// A barrier whose round a quorum confirmed and whose index this leader has applied (L2). The state machine can now say
// what became of the renewals; hand that to answer_barrier().
struct ReadyBarrier {
  NodeId asker;  // the leader itself, or a follower that waits on `connection`
  ConnectionId connection;
  CallNumber number;
  LogIndex index;
  std::vector<SessionId> renewals;
};

// What happened that concerns this node itself.
struct Consequences {
  std::vector<BarrierAnswer> barriers;   // answers of another leader to request_barrier() of this node
  std::vector<SessionId> renewed;        // this node leads and heard of these: their leases begin again
  std::vector<ReadyBarrier> ready;       // this node leads and may answer these: see answer_barrier()
  SharedSnapshot snapshot;               // has come in whole: install() it if its state can be read. Null: none has
  std::vector<StateHash> leader_hashes;  // to be compared with this node's own (R16)
  std::vector<Notice> notices;
};

enum class Proposed { kAppended, kNotLeader, kBusy };

}  // namespace lockstep::raft

// The two ends of a snapshot's transfer, part by part (Raft section 7; S3).
//
// The follower asks with Fetch, as ever, and is answered with a part of a snapshot in place of entries. Its next
// question says how much of which snapshot it has. So a part that is lost is asked for again, and another leader that
// has the same snapshot goes on where the last one stopped.
//
// IncomingSnapshot is the follower's end. Invariant: what is here are the first bytes of one snapshot, fewer than all.
// DurableSnapshots is the leader's end, and every node has it. Invariant: at most two, the older one first.
//
// Neither sends, reads or installs anything. Both are values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/raft/messages.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::raft {

class IncomingSnapshot {
 public:
  bool is_under_way() const { return transfer_.has_value(); }
  // Which snapshot, and how many bytes of its state are here; none and 0 while no transfer is under way.
  LogIndex index() const { return transfer_ ? transfer_->head.index : LogIndex(); }
  std::uint64_t offset() const { return transfer_ ? transfer_->state.size() : 0; }

  // The part goes on from what is here, or begins a transfer while none is under way.
  bool is_next(const SnapshotPart& part) const;
  // Adds a part; a first part begins the transfer again. False: it does not go on from what is here, or is empty or too
  // long. Then the transfer is given up: the next heartbeat starts another.
  bool add(const SnapshotPart& part);
  // The snapshot, if all of it is here: the transfer is over then. Null: parts are missing.
  SharedSnapshot take_if_whole();
  void give_up() { transfer_.reset(); }

 private:
  struct Transfer {
    SnapshotHead head;
    std::string state;  // its first bytes
  };
  std::optional<Transfer> transfer_;
};

class DurableSnapshots {
 public:
  // The newest, of all or with this index; null: there is none.
  const SnapshotHead* newest() const { return heads_.empty() ? nullptr : &heads_.back(); }
  const SnapshotHead* find(LogIndex index) const;
  const std::vector<SnapshotHead>& heads() const { return heads_; }  // oldest first
  // Back to where the log is to be kept (S3): the index of the older of two; none while there are not two.
  LogIndex older() const { return heads_.size() < 2 ? LogIndex() : heads_.front().index; }

  // A snapshot is durable now, and so is the one before it.
  void add(const SnapshotHead& head);
  // What to read for a follower's Fetch: on from what it has of a snapshot that is here, else the first part of the
  // newest that can be read. None: no snapshot is durable yet.
  std::optional<SnapshotRead> part_for(NodeId asker, ConnectionId connection, const Fetch& fetch,
                                       std::uint64_t max_bytes) const;
  // The disk has nothing to give of this one. `base` is where the log begins.
  void could_not_read(LogIndex index, LogIndex base);

  void check_invariants() const;

 private:
  std::vector<SnapshotHead> heads_;
  LogIndex unreadable_;  // the one that could not be read when it was last tried; none: all can be
};

}  // namespace lockstep::raft

// The replicated log and how far it has got: verified, durable, committed (R2 to R5).
//
// It owns the entries in memory and three positions in them:
// - verified: what an Append of this term has proved to be the leader's too (R2),
// - durable: what this node's disk has (R3),
// - commit: what a quorum has for good (R4).
// Invariant: none of the three is beyond the log's end, and the log never begins after the commit index. The commit
// index never falls, and what is committed is never replaced.
//
// It does not decide what is committed or proved: that is the business of roles, which say so here. It asks no disk:
// what changes the log must stage the change in the Outbox.
// A value.
#pragma once

#include <algorithm>
#include <optional>

#include "protocol/raft/durability.hpp"
#include "protocol/raft/entry.hpp"
#include "protocol/raft/log.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::raft {

class ReplicatedLog {
 public:
  // All that was restored is durable. Committed is entry 1, by construction (R17), or what the snapshot stands for.
  explicit ReplicatedLog(const Restored& restored);

  const Log& entries() const { return log_; }
  LogIndex verified_index() const { return verified_; }
  LogIndex durable_index() const { return durability_.index(); }
  LogIndex commit_index() const { return commit_; }
  // How far the state machine may go: committed, and on this node's own disk (R4).
  LogIndex applicable_index() const { return std::min(commit_, durability_.index()); }
  // What a follower may acknowledge (R3): never the log's last index.
  LogIndex match_index() const { return std::min(verified_, durability_.index()); }

  // A leader's own entry.
  void append(Entry entry);
  // Takes the entries of an Append whose previous entry this log has: they and all before them are verified then.
  // Returns the first index that changed; none if all was there.
  std::optional<LogIndex> accept(const Append& append);
  // The log up to `index` is proved to be the leader's by other means.
  void verify_through(LogIndex index);
  // In a new term nothing is proved yet (R2).
  void begin_term() { verified_ = LogIndex(); }
  // Nothing happens if that is committed already.
  void commit_through(LogIndex index);

  // The whole log is dropped: it goes on after a snapshot that is committed and newer (S3).
  void install(const SnapshotHead& head);
  // Drops `last` and everything before it, for which a durable snapshot stands (S6).
  void drop_through(LogIndex last);

  // A write was handed to the disk, and is durable.
  void started(const Write& write, Time now);
  void persisted(WriteId write) { durability_.persisted(write); }
  // Since when the disk has had the oldest unfinished write; none if there is no such write (R14).
  std::optional<Time> waiting_since() const { return durability_.waiting_since(); }

  void check_positions() const;   // the invariant, in a few comparisons
  void check_invariants() const;  // the same, and that every entry is one that such a log may hold

 private:
  friend struct Inside;  // of the explorer
  Log log_;
  Durability durability_;
  LogIndex verified_;  // not kept by a leader, for whom it is the last index
  LogIndex commit_{1};
};

}  // namespace lockstep::raft

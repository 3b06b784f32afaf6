// What a node has to tell: its disk first, then the others (R1, S2).
//
// It owns the term and the vote, what of the log and of a snapshot the disk was not asked to write yet, and the
// messages that wait. While a new term, a new vote or the end of a repair is on its way to the disk, no message leaves.
// A message of an earlier term never leaves: when the term rises, all that wait are gone, as if lost on the way.
// Invariant: every message that waits is of the current term, and a granted vote among them is the node's own.
//
// Example, of a node that votes:
//   outbox.vote_for(candidate);
//   outbox.add(vote);                             // may_speak() is false now
//   const auto write = outbox.take_write(log);    // has the hard state in it
//   outbox.persisted(write->id);                  // may_speak() is true again
//   const auto messages = outbox.take_messages();
//
// It knows no disk and no socket, and nothing of what a message means beyond that. A value.
#pragma once

#include <optional>
#include <vector>

#include "protocol/raft/entry.hpp"
#include "protocol/raft/log.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::raft {

class Outbox {
 public:
  // `last_write` is the last write already asked of the disk.
  Outbox(const HardState& restored, WriteId last_write) : hard_state_(restored), last_write_(last_write) {}

  const HardState& hard_state() const { return hard_state_; }
  // A higher term, in which this node has voted for `vote`, or for nobody yet.
  void enter_term(Term term, NodeId vote = {});
  // In the current term. A vote is given once (Raft section 5.2).
  void vote_for(NodeId candidate);
  // What was damaged is durable again (S2).
  void end_repair();

  // False while a term or vote is on its way to the disk, or has still to be handed to it.
  bool may_speak() const { return !hard_state_staged_ && !hard_state_write_; }
  // The term and vote were handed to the disk and are not durable yet.
  bool is_hard_state_under_way() const { return hard_state_write_.has_value(); }

  // The log changed from this index on.
  void stage_entries_from(LogIndex first);
  // The snapshot takes the place of the whole log, and of what was staged of it.
  void stage_snapshot(SharedSnapshot snapshot);
  // A snapshot was staged that is not durable yet.
  bool is_installing() const { return installing_.has_value(); }
  // All that was staged, as one write; none if nothing was. Entries come from `log`, which is the one that was staged.
  std::optional<Write> take_write(const Log& log);
  // The write is durable, and with it all before it. Returns the snapshot that is durable by that; null: none.
  SharedSnapshot persisted(WriteId write);

  // May leave when may_speak(), in this order.
  void add(Outgoing outgoing);
  // Drops Fetches that have not left: the asker has a new question (R7).
  void withdraw_fetches();
  std::vector<Outgoing> take_messages();

  // Nothing waits for the disk or to be sent.
  bool is_idle() const { return may_speak() && !staged_from_ && !installing_ && messages_.empty(); }
  void check_invariants(const Log& log) const;

 private:
  friend struct Inside;  // of the explorer
  struct StagedSnapshot {
    SharedSnapshot snapshot;
    std::optional<WriteId> write;  // none: not handed to the disk yet
  };
  void check_message(const Message& message) const;

  HardState hard_state_;
  bool hard_state_staged_ = false;           // differs from what was last handed to the disk
  std::optional<WriteId> hard_state_write_;  // handed to the disk, not durable yet
  std::optional<LogIndex> staged_from_;      // entries from here on were not handed to the disk yet
  std::optional<StagedSnapshot> installing_;
  WriteId last_write_;
  std::vector<Outgoing> messages_;
};

}  // namespace lockstep::raft

// One voter of a formed cluster: Raft (Ongaro and Ousterhout 2014; "thesis" is Ongaro's) on one PUB socket.
//
// Events come in with the time, and take_output() says what to write and what to send. It knows nothing of locks,
// bytes, sockets or disks. What must be durable before what is sent (R1, R3) is kept here, not by the shell: while a
// new term or vote is on its way to the disk every message waits inside, and an Ack counts only what Persisted has
// confirmed.
//
// Example, of a shell's turn:
//   raft.receive(now, connection, message);              // or tick(), persisted(), propose() ...
//   RaftOutput output = raft.take_output(now.time);      // send the messages, ask the disk for the writes
//   raft.persisted(now.time, output.writes.front().id);  // later, when the disk has synced it
//   apply what raft.applicable_index() allows
//
// This class has the roles and decides who has which: it dispatches events, and holds elections. What a role does is in
// Leader and Follower. What every node has is in NodeState, made of organs with invariants of their own: ReplicatedLog,
// Outbox, Progress, Rounds, Backlog, AheadBuffer, IncomingSnapshot, DurableSnapshots.
// Broken invariants abort.
//
// How it differs from the paper: AppendEntries is published once to everyone, so a leader keeps no next index and no
// send state. A follower that misses something pulls it with Fetch (see follower.hpp). Rules R1 to R16 and S3 are in
// docs/protocol.md. Membership changes (R11 to R13) are not built.
//
// A value: copyable, deterministic, not thread-safe. Nothing here throws.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/raft/boundary.hpp"
#include "protocol/raft/follower.hpp"
#include "protocol/raft/leader.hpp"
#include "protocol/raft/node_state.hpp"
#include "protocol/raft/standing.hpp"

namespace lockstep::raft {

class Raft {
 public:
  // `restored` begins with entry 1, the configuration, or with a snapshot; either names the node. `last_write` is
  // the last write already asked of the disk.
  Raft(const Options& options, const Restored& restored, WriteId last_write, Time now);

  // --- events: each may change what take_output() returns and when next_deadline() is ---
  void receive(Now now, ConnectionId connection, const Message& message);
  void persisted(Time now, WriteId write);
  void tick(Time now);

  // Appends a command to the log, on a leader only. It is committed later, or never.
  Proposed propose(Now now, std::string command);
  // Sends commands to the leader, if one is known; answered by the log, or not at all.
  void forward(std::vector<std::string> commands);
  // Asks for a read index (thesis section 6.4; L2). Answered in Consequences::barriers or ::ready, unless it or its
  // answer is lost or the leader changes: then ask again, under a new number. Without a leader nothing happens.
  CallNumber request_barrier(std::vector<SessionId> renewals);
  // Sends the answer to a follower's barrier that was in Consequences::ready.
  void answer_barrier(const ReadyBarrier& barrier, std::vector<Renewal> renewals);
  // The hash of this node's state, to be sent along with heartbeats while it leads (R16).
  void set_state_hash(StateHash hash) { node_.state_hash = hash; }

  // S3. The whole log is dropped and goes on after the snapshot, which was in Consequences::snapshot of this event. The
  // state is that of the snapshot as soon as applicable_index() has reached it.
  void install(Time now, SharedSnapshot snapshot);
  // S6. A snapshot of what this node has applied is durable, and so is the one before it.
  void compacted(const SnapshotHead& head);
  // What the disk gave for one of RaftOutput::snapshot_reads; empty if it no longer has that snapshot.
  void snapshot_read(const SnapshotRead& read, std::string bytes);

  // Everything since the last call goes out together: one broadcast, one write.
  RaftOutput take_output(Time now);
  Consequences take_consequences();
  // When to tick if nothing else happens before. May be in the past.
  Time next_deadline() const;

  // --- where things stand ---
  NodeId self() const { return node_.self; }
  const Configuration& configuration() const { return node_.configuration; }
  WallTime formed_at() const { return node_.formed_at; }  // the time of entry 1
  // The newest that is durable here; null: there is none yet.
  const SnapshotHead* snapshot() const { return node_.snapshots.newest(); }
  const Log& log() const { return node_.log.entries(); }
  Term term() const { return node_.term(); }
  NodeId vote() const { return node_.vote(); }
  LogIndex commit_index() const { return node_.log.commit_index(); }
  LogIndex durable_index() const { return node_.log.durable_index(); }
  LogIndex verified_index() const { return is_leader() ? log().last_index() : node_.log.verified_index(); }
  // How far the state machine may go: committed, and on this node's own disk (R4).
  LogIndex applicable_index() const { return node_.log.applicable_index(); }
  bool is_leader() const { return std::holds_alternative<Leader>(role_); }
  bool is_candidate() const { return std::holds_alternative<Candidate>(role_); }
  bool is_pre_candidate() const { return std::holds_alternative<PreCandidate>(role_); }
  bool is_repairing() const { return node_.is_repairing(); }
  // False while a term or vote is on its way to the disk: until then what is to be sent waits here (R1). Requests
  // that are repeated when no answer comes should wait outside instead, lest they pile up on a disk that hangs.
  bool may_speak() const { return node_.outbox.may_speak(); }
  // A leader that has applied an entry of its own term (R6): what it knows is complete.
  bool leads_with_full_state() const;
  // How long ago a quorum was last heard from. Ask a leader only.
  Duration quorum_silence(Time now) const;
  NodeId leader() const;  // as far as this node knows; none if it does not
  // The first commit index heard from a live leader since this node started (or its own no-op's): no
  // read is answered before that is applied.
  std::optional<LogIndex> first_commit_heard() const { return node_.first_commit_heard; }

  // What is under way here, for a person, beside heartbeats and the rounds of barriers: empty if nothing. For checkers.
  std::vector<std::string_view> what_is_left() const;
  // Aborts if anything is not as it must always be. Looks at the whole log: for tests, after every step. The cheap half
  // of it runs by itself after every event.
  void check_invariants() const;

 private:
  friend struct Inside;  // the explorer tells states apart by all that decides what happens next

  struct PreCandidate {
    CallNumber number;
    std::set<NodeId> granted;
  };
  struct Candidate {
    CallNumber number;
    std::set<NodeId> granted;
  };
  // raft.cpp: who handles a message, and who has which role
  struct Dispatch;
  Follower& become_follower(Time now, Term term);
  Follower& follow(Time now, NodeId leader);
  void hint_leader(Time now, NodeId leader);

  // raft_elections.cpp
  void start_pre_vote(Time now);
  void campaign(Time now);
  void count_vote(Time now, Candidate& candidate, NodeId voter);
  void on_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request);
  void on_vote(Time now, const Message& from, const Vote& vote);

  // raft_invariants.cpp: the cheap half. Returns where the node stands now, against which the next step is checked.
  Standing check_step() const;

  NodeState node_;
  std::variant<Follower, PreCandidate, Candidate, Leader> role_;
  Standing seen_;  // after the last event: decides nothing
};

}  // namespace lockstep::raft

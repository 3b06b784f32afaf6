// What a node has whatever its role: the state "on all servers" of Raft figure 2, and its voice.
//
// It owns the organs that outlive a role: the replicated log, the outbox, the snapshots, and what it heard of leaders.
// Leader and Follower (figure 2's state "on leaders", and what a follower needs) get it passed with every call, and
// Raft decides which of them there is. So a role can change in one place only. Invariant: the term is never below that
// of the log's last entry.
//
// It knows no roles. A value.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/raft/boundary.hpp"
#include "protocol/raft/outbox.hpp"
#include "protocol/raft/replicated_log.hpp"
#include "protocol/raft/snapshot_transfer.hpp"

namespace lockstep::raft {

struct NodeState {
  NodeState(const Options& options, const Restored& restored, WriteId last_write);

  // --- term and vote ---
  Term term() const { return outbox.hard_state().term; }
  NodeId vote() const { return outbox.hard_state().vote; }  // in this term; none: nobody yet
  bool is_repairing() const { return static_cast<bool>(outbox.hard_state().repair_until); }
  // A higher term: nothing is proved in it yet (R2), and what waits to be sent is of an older one.
  void enter_term(Term term, NodeId vote = {});
  // S2. True: the repair has ended by this.
  bool finish_repair_if_reached();

  // --- the log ---
  // A change of the log that the disk is to be asked for.
  void append(Entry entry);
  void accept(const Append& append);
  // S6: a snapshot is durable, so the log in memory ends at the older of the two.
  void keep_snapshot(const SnapshotHead& head);

  // --- leaders ---
  void restart_election_timer(Time now);
  void heard_leader(Time now);
  // R9. Of another node that leads: a leader does not hear itself.
  bool heard_leader_recently(Time now) const;

  // --- what goes out, when the outbox may speak ---
  CallNumber next_call();
  void send(NodeId to, MessageBody body);
  void send_to_others(const MessageBody& body);
  void answer(ConnectionId connection, NodeId to, MessageBody body);
  void publish(Append append);
  void notice(std::string text, Notice::Level level = Notice::Level::kInfo);
  std::string name_of(NodeId id) const;
  std::size_t quorum() const;

  Options options;
  Random random;
  NodeId self;
  Configuration configuration;
  WallTime formed_at{};  // the time of entry 1

  ReplicatedLog log;
  Outbox outbox;
  DurableSnapshots snapshots;
  IncomingSnapshot incoming;  // outlives a change of leader: the next may have the same one
  std::vector<SnapshotRead> snapshot_reads;

  Time election_deadline{};
  std::optional<Time> leader_heard;            // the last Append of a leader, of whatever term
  std::optional<LogIndex> first_commit_heard;  // from a live leader since this node started
  std::optional<StateHash> state_hash;         // to be sent with heartbeats (R16)
  CallNumber last_call;
  Consequences consequences;

 private:
  Message message(NodeId to, MessageBody body) const;
};

}  // namespace lockstep::raft

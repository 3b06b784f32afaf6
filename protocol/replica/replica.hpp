// A whole node without I/O: it forms a cluster or finds itself in one, replicates the log by Raft, applies it to the
// state of the locks, and answers clients.
//
// A shell (the server, the simulator) hands in one event at a time with the time at which it happened:
//
//   replica.step(now, event);              // as often as something happened
//   replica.end_turn();                    // decides what goes out together
//   carry_out(replica.take_output());      // only takes it
//
// Everything since the last end_turn() is one batch: one broadcast, one write, one frame of commands. The same events
// in the same order give the same output, always. A Replica is a value: a copy goes its own way.
//
// Its parts: Formation until the cluster is formed, then Raft (the log), the state machine (what the log means), the
// RequestDesk (what clients wait for), the LeaseKeeper (whose lease has run out, on the leader) and its Contacts (which
// members hear each other).
// Not thread-safe. Broken invariants abort.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/notice.hpp"
#include "protocol/base/stop_reason.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/disk_events.hpp"
#include "protocol/raft/formation.hpp"
#include "protocol/raft/raft.hpp"
#include "protocol/raft/snapshot.hpp"
#include "protocol/replica/contacts.hpp"
#include "protocol/replica/fold.hpp"
#include "protocol/replica/lease_keeper.hpp"
#include "protocol/replica/request_desk.hpp"
#include "protocol/replica/state_hashes.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct InitialMember {
  std::string name;
  std::string client_endpoint;        // for status only
  std::string peer_endpoint = {};     // for notices only
  std::string publish_endpoint = {};  // for notices only
};

struct ReplicaOptions {
  std::string name;                            // one of the initial members
  std::vector<InitialMember> initial_members;  // in the order of the configuration file
  locks::StateLimits state_limits;             // used if this node forms the cluster
  raft::Timing timing;
  raft::Bounds bounds;
  DeskBounds desk;
  locks::Bounds state_bounds;  // the same on every node
  // Replicas compare their states at every such index (R16): the same on every node.
  std::uint64_t hash_interval = 1024;
  std::size_t kept_hashes = 64;                                // of this node's, and of the leader's
  Duration request_lifetime = std::chrono::seconds(10);        // then `unavailable`
  std::uint64_t compact_log_bytes = 16 * 1024 * 1024;          // so much log, or as much as the last snapshot: compact
  Duration barrier_interval = std::chrono::milliseconds(500);  // how old `age` may get on a healthy node
  Duration hello_interval = std::chrono::seconds(1);  // to members that have not answered yet: see contacts.hpp
  std::uint64_t seed = 0;                             // from the system's random device
  std::uint64_t pid = 0;                              // for status only
  std::string version;                                // for status only
};

// A message of a peer came in on `connection`; what answers it goes back there.
struct PeerMessage {
  ConnectionId connection;
  raft::Message message;
};
struct ClientRequest {
  ConnectionId connection;
  wire::Request request;
};
// A client's frame did not decode. The node answers with the error and counts it.
struct BadFrame {};
// Time has passed. `peers_read_empty`: all that had arrived from peers before was handed in. While it was not, no lease
// runs out, since renewals of it may be among what is left (L5).
struct Tick {
  bool peers_read_empty = true;
};

using Event = std::variant<PeerMessage, ClientRequest, BadFrame, raft::DiskEvent, Tick>;

// What the shell must do. Whatever order it chooses is safe: what must be durable before it is said has been held back
// inside until Persisted came. Publishing before writing is fastest (R15).
struct Output {
  std::vector<raft::Write> writes;       // to the disk, in this order
  std::vector<raft::Outgoing> messages;  // may be lost, repeated, delayed
  std::vector<ClientReply> replies;
  std::optional<Compaction> compaction;            // to be done beside everything else: see fold.hpp. One at a time
  std::vector<raft::SnapshotRead> snapshot_reads;  // may be lost
  std::vector<Notice> notices;
  std::optional<StopReason> fatal;  // the node cannot go on: it is to end
};

class Replica {
 public:
  Replica(const ReplicaOptions& options, const raft::Restored& restored, Now now);

  void step(Now now, const Event& event);
  // Decides what goes out together: everything since the last call is one batch. At the time of the last event.
  void end_turn();
  // What has been decided since the last call.
  Output take_output();
  // When to step with a Tick if nothing else happens before. May be in the past.
  Time next_deadline() const;

  // Views, for status, tests and checkers.
  wire::StatusAnswer status(Time now) const;
  wire::Role role() const;
  const raft::Raft* raft() const { return raft_ ? &*raft_ : nullptr; }  // none while the cluster forms
  const locks::StateMachine& state() const { return state_; }
  LogIndex applied_index() const { return applied_; }
  std::size_t lease_count() const { return leases_.size(); }  // that this node keeps, as the leader
  // What is outstanding here, for a person, beside what a healthy cluster does all the time: empty if nothing. For
  // checkers: after a while without requests and faults it must be empty on every node.
  std::vector<std::string_view> what_is_left() const;
  // Aborts if what must hold between events does not. Walks over everything: for tests and checkers. What is cheap of
  // it is checked after every step.
  void check_invariants() const;

 private:
  friend struct Inside;  // of the explorer
  void on(Now now, const PeerMessage& event);
  void on(Now now, const ClientRequest& event);
  void on(Now now, const BadFrame& event);
  void on(Now now, const raft::DiskEvent& event);
  void on(Now now, const raft::Persisted& event);
  void on(Now now, const raft::Compacted& event);
  void on(Now now, const raft::SnapshotPartRead& event);
  void on(Now now, const Tick& event);

  // The other members.
  void note_contact(const raft::Message& message);
  void look_at_contacts(Now now);
  void say_hello(const std::string& name);

  // Forming.
  void start_raft();
  void answer_hello(const PeerMessage& event, const raft::Hello& hello);
  void collect_formation_output();

  // What follows from every event, in this order.
  void collect_consequences();
  void install_if_durable(Now now);
  void apply_committed();
  void apply(const raft::Entry& entry);
  void compact_if_due();
  void follow_leader(Now now);
  void keep_leases(Now now);
  void answer_ready_barriers();
  void check_step() const;

  // What goes to the leader at the end of a turn.
  void hand_on_commands(Now now);
  void ask_for_barrier(Now now);

  void begin_with(const raft::Snapshot& snapshot);
  void take_snapshot(Now now, raft::SharedSnapshot snapshot);
  AppliedState applied_state() const { return {state_, applied_}; }
  bool may_answer_reads() const;

  ReplicaOptions options_;
  Random random_;
  NodeId self_;
  std::optional<raft::Formation> formation_;  // until the cluster is formed
  std::optional<raft::Raft> raft_;            // from then on
  Contacts contacts_;

  locks::StateMachine state_;
  LogIndex applied_;
  StateHashes hashes_;
  std::optional<std::pair<LogIndex, locks::StateMachine>> next_state_;  // of a snapshot on its way to the disk
  std::uint64_t bytes_since_snapshot_ = 0;                              // of entries that were applied
  bool compacting_ = false;

  RequestDesk desk_;
  LeaseKeeper leases_;
  std::vector<raft::ReadyBarrier> ready_barriers_;  // to be answered as soon as all that can be is applied

  Term leader_term_;  // the leader whom the pending commands were handed to
  NodeId leader_;
  std::uint64_t rejected_frames_ = 0;
  Now now_;  // of the last event
  Output output_;
};

}  // namespace lockstep

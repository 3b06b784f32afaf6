// A whole node without I/O: raft, the state machine, and the requests that wait here.
//
// A shell (the server's loop, the simulator, the explorer) hands in one event at a time with the time
// it happened, takes the output, and acts on it. The same events in the same order give the same
// output, always. A Replica is a value: a copy goes its own way.
//
// Neither thread-safe nor re-entrant. Nothing here throws.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/notice.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/formation.hpp"
#include "protocol/raft/raft.hpp"
#include "protocol/raft/snapshot.hpp"
#include "protocol/replica/fold.hpp"
#include "protocol/replica/keep_alives.hpp"
#include "protocol/replica/leases.hpp"
#include "protocol/replica/pending_requests.hpp"
#include "protocol/replica/reads.hpp"
#include "protocol/replica/state_hashes.hpp"
#include "protocol/replica/waits.hpp"
#include "protocol/replica/watches.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct InitialMember {
  std::string name;
  std::string client_endpoint;  // for status only
};

struct ReplicaOptions {
  std::string name;                            // one of the initial members
  std::vector<InitialMember> initial_members;  // in the order of the configuration file
  locks::StateLimits state_limits;             // used if this node forms the cluster
  raft::Timing timing;
  raft::Bounds bounds;
  Duration request_lifetime = std::chrono::seconds(10);        // then `unavailable`
  std::size_t max_pending_bytes = 64 * 1024 * 1024;            // then `busy`
  std::size_t max_polls = 100'000;                             // held back, or renewals under way; then `busy`
  std::uint64_t compact_log_bytes = 16 * 1024 * 1024;          // so much log, or as much as the last snapshot: compact
  std::size_t kept_changes = 65'536;                           // for those who watch: how far back they may go on from
  Duration barrier_interval = std::chrono::milliseconds(500);  // how old `age` may get on a healthy node
  std::uint64_t seed = 0;                                      // from the system's random device
  std::uint64_t pid = 0;                                       // for status only
  std::string version;                                         // for status only
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
// The disk has made the write durable. Writes complete in the order they were asked.
struct Persisted {
  WriteId write;
};
// A Compaction that was asked for is over: the snapshot is durable and the one before it is kept. None: there was no
// room for it on the disk.
struct Compacted {
  std::optional<raft::SnapshotHead> snapshot;
};
// What a SnapshotRead asked for. Nothing is there any more: `bytes` are empty.
struct SnapshotBytes {
  raft::SnapshotRead read;
  std::string bytes;
};
// Time has passed. `peers_read_empty`: all that had arrived from peers before was handed in; while it was not,
// no lease runs out, since renewals of it may be among what is left (L5).
struct Tick {
  bool peers_read_empty = true;
};

using Event = std::variant<PeerMessage, ClientRequest, BadFrame, Persisted, Compacted, SnapshotBytes, Tick>;

struct ClientReply {
  ConnectionId connection;
  wire::Response response;
};

// What the shell must do. Whatever order it chooses is safe: what must be durable before it is said
// has been held back inside until Persisted came. Publishing before writing is fastest (R15).
struct Output {
  std::vector<raft::Write> writes;       // to the disk, in this order
  std::vector<raft::Outgoing> messages;  // may be lost, repeated, delayed
  std::vector<ClientReply> replies;
  std::optional<Compaction> compaction;            // to be done beside everything else: see fold.hpp. One at a time
  std::vector<raft::SnapshotRead> snapshot_reads;  // may be lost
  std::vector<Notice> notices;
  std::optional<std::string> fatal;  // the node cannot go on, and why: a configuration error. Exit with 2.
};

class Replica {
 public:
  // Replicas compare their states at every such index (R16).
  static constexpr std::uint64_t kHashInterval = 1024;

  Replica(const ReplicaOptions& options, const raft::Restored& restored, Now now);

  void step(Now now, const Event& event);
  // Also decides what goes out together: everything since the last call is one batch.
  Output take_output();
  // When to step with a Tick if nothing else happens before. May be in the past.
  Time next_deadline() const;

  // Views, for status, tests and checkers.
  wire::StatusAnswer status(Time now) const;
  const raft::Raft* raft() const { return raft_ ? &*raft_ : nullptr; }  // none while the cluster forms
  const locks::StateMachine& state() const { return state_; }
  LogIndex applied_index() const { return applied_; }
  std::size_t lease_count() const { return leases_.size(); }  // that this node keeps, as the leader

 private:
  friend struct Inside;  // of the explorer
  // What the cluster has still to become, or is.
  void start_raft();
  void on(Now now, const PeerMessage& event);
  void on(Now now, const ClientRequest& event);
  void on(Now now, const BadFrame& event);
  void on(Now now, const Persisted& event);
  void on(Now now, const Compacted& event);
  void on(Now now, const SnapshotBytes& event);
  void on(Now now, const Tick& event);
  void on_hello(const PeerMessage& event, const raft::Hello& hello);
  void collect_formation_output();
  void collect_consequences();

  // Requests of clients (clients.cpp).
  void on_request(Now now, Asker asker, const wire::OpenSession& open);
  void on_request(Now now, Asker asker, const locks::Execute& execute);
  void on_request(Now now, Asker asker, const wire::Check& check);
  void on_request(Now now, Asker asker, const wire::List& list);
  void on_request(Now now, Asker asker, const wire::Status& status);
  void on_request(Now now, Asker asker, const wire::History& history);
  void on_request(Now now, Asker asker, const wire::Sessions& sessions);
  void on_request(Now now, Asker asker, const wire::KeepAlive& keep_alive);
  void on_request(Now now, Asker asker, const wire::Wait& wait);
  void on_request(Now now, Asker asker, const wire::Watch& watch);
  void take_command(Now now, Asker asker, const locks::Command& command);
  template <typename What>
  void take_read(Now now, Asker asker, const What& what);
  void answer_clients(Now now);
  void answer_read(Now now, const Read& read);
  wire::ResponseBody answer_to(Now now, const wire::Check& check) const;
  wire::ResponseBody answer_to(Now now, const wire::List& list) const;
  wire::ResponseBody answer_to(Now now, const wire::History& history) const;
  wire::ResponseBody answer_to(Now now, const wire::Sessions& sessions) const;
  void answer_renewal(const KeepAlives::Answered& renewal);
  void answer_or_hold(Now now, WaitPoll wait);
  void answer(const WaitPoll& wait);
  void answer_or_hold(Now now, WatchPoll watch);
  void answer_without_change(const WatchPoll& watch);
  void expire_requests(Now now);
  bool is_full_of_polls() const;
  static Time end_of_poll(Now now, std::uint32_t up_to_ms);
  void reply(Asker asker, wire::ResponseBody body);
  void reply_error(Asker asker, ErrorCode code, std::string detail = {});
  void reply_busy(Asker asker);
  bool may_answer_reads() const;

  // What follows from every event, in this order.
  void follow_leader(Now now);
  void hand_on_commands(Now now);
  void on_no_room_for(const PendingRequests::Due& request);
  void apply_committed();
  void apply(const raft::Entry& entry);
  void note_hash();
  void begin_with(const raft::Snapshot& snapshot);
  void take_snapshot(Now now, raft::SharedSnapshot snapshot);
  void install_if_durable(Now now);
  void compact_if_due();
  void ask_for_barrier(Now now);
  void barrier_answered(const raft::BarrierAnswer& answer);

  // Leases, on the leader (expiry.cpp).
  void advance_leases(Time now, bool peers_read_empty);
  void keep_leases(Now now);
  void begin_leases(Time now);
  void expire_sessions(Now now);
  std::optional<Duration> lease_of(SessionId session) const;
  void follow_lease_of(SessionId session);
  void follow_leases(const locks::Command& command, const std::optional<locks::Outcome>& outcome,
                     const std::vector<locks::SettledWaiter>& settled);
  void answer_ready_barriers();
  raft::Renewal verdict_on(SessionId session) const;

  ReplicaOptions options_;
  Random random_;
  NodeId self_;
  std::optional<raft::Formation> formation_;  // until the cluster is formed
  std::optional<raft::Raft> raft_;            // from then on

  locks::StateMachine state_;
  LogIndex applied_;
  StateHashes hashes_;
  std::optional<std::pair<LogIndex, locks::StateMachine>> next_state_;  // of a snapshot on its way to the disk
  std::uint64_t bytes_since_snapshot_ = 0;                              // of entries that were applied
  bool compacting_ = false;

  PendingRequests pending_;
  Reads reads_;
  KeepAlives keep_alives_;
  Waits waits_;
  Watches watches_;

  Leases leases_;
  std::optional<Term> leases_of_;  // the term in which this node leads and keeps them; none: it does not
  std::vector<raft::ReadyBarrier> ready_barriers_;  // to be answered as soon as all that can be is applied

  Term leader_term_;  // the leader whom the pending commands were handed to
  NodeId leader_;
  std::uint64_t rejected_frames_ = 0;
  Now now_;  // of the last event
  Output output_;
};

}  // namespace lockstep

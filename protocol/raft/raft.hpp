// One voter of a formed cluster: Raft (Ongaro and Ousterhout 2014; "thesis" is Ongaro's) on one PUB socket.
//
// It owns the log, the term, the vote and what this node knows of its peers; it decides what is
// committed. It knows nothing of locks, bytes, sockets or disks: events come in with the time, and
// take_output() says what to write and what to send.
//
// What must be durable before what is sent (R1, R3) is kept here, not by the shell: while a new term or
// vote is on its way to the disk every message waits inside, and an Ack counts only what Persisted has
// confirmed. Broken invariants abort.
//
// How it differs from the paper: AppendEntries is published once to everyone, so a leader keeps no next
// index and no send state. A follower that misses something pulls it with Fetch (see repair.cpp).
// Rules R1 to R16 and S3 are in docs/protocol.md. Membership changes (R11 to R13) are not built.
//
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/notice.hpp"
#include "protocol/base/random.hpp"
#include "protocol/base/types.hpp"
#include "protocol/raft/durability.hpp"
#include "protocol/raft/entry.hpp"
#include "protocol/raft/log.hpp"
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

// What leaves this node. In no order the shell must know: what has to be durable first is held back.
struct RaftOutput {
  std::vector<Write> writes;
  std::vector<Outgoing> messages;
  std::vector<SnapshotRead> snapshot_reads;  // to be answered with snapshot_read(), or not at all
};

// A barrier whose round a quorum confirmed and whose index this leader has applied. Whoever applies
// entries can now say what became of the renewals, and hands it to answer_barrier().
struct ReadyBarrier {
  NodeId asker;  // the leader itself, or a follower that waits on `connection`
  ConnectionId connection;
  CallNumber number;
  LogIndex index;
  std::vector<SessionId> renewals;
};

// What happened that concerns this node itself.
struct Consequences {
  std::vector<BarrierAnswer> barriers;   // to request_barrier() of this node, from another one that leads
  std::vector<SessionId> renewed;        // this node leads and heard of these: their leases begin anew
  std::vector<ReadyBarrier> ready;       // this node leads and may answer these: see answer_barrier()
  SharedSnapshot snapshot;               // has come in whole: if its state can be read, install() it; none: none has
  std::vector<StateHash> leader_hashes;  // to be compared with this node's own (R16)
  std::vector<Notice> notices;
};

enum class Proposed { kAppended, kNotLeader, kBusy };

class Raft {
 public:
  // `restored` begins with entry 1, the configuration, or with a snapshot; either names the node. `last_write` is
  // the last write already asked of the disk.
  Raft(const Options& options, const Restored& restored, WriteId last_write, Time now);

  // Events. Each may change what take_output() returns and when next_deadline() is.
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
  // The hash of this node's state, to be sent along with heartbeats while it leads.
  void set_state_hash(StateHash hash) { state_hash_ = hash; }

  // S3. The whole log is dropped and begins anew after the snapshot, which was in Consequences::snapshot. The state
  // is that of the snapshot as soon as applicable_index() has reached it.
  void install(Time now, SharedSnapshot snapshot);
  // S6. A snapshot of what this node has applied is durable, and so is the one before it.
  void compacted(const SnapshotHead& head);
  // What the disk gave for one of RaftOutput::snapshot_reads; nothing if it no longer has that snapshot.
  void snapshot_read(const SnapshotRead& read, std::string bytes);

  // Everything since the last call goes out together: one broadcast, one write.
  RaftOutput take_output(Time now);
  Consequences take_consequences();
  Time next_deadline() const;

  // Where things stand.
  NodeId self() const { return self_; }
  const Configuration& configuration() const { return configuration_; }
  WallTime formed_at() const { return formed_at_; }  // the time of entry 1
  // The newest that is durable here; none: there is none yet.
  const SnapshotHead* snapshot() const { return snapshots_.empty() ? nullptr : &snapshots_.back(); }
  const Log& log() const { return log_; }
  Term term() const { return hard_state_.term; }
  NodeId vote() const { return hard_state_.vote; }
  LogIndex commit_index() const { return commit_; }
  LogIndex durable_index() const { return durability_.index(); }
  LogIndex verified_index() const { return is_leader() ? log_.last_index() : verified_; }
  // How far the state machine may go: committed, and on this node's own disk (R4).
  LogIndex applicable_index() const { return std::min(commit_, durability_.index()); }
  bool is_leader() const { return std::holds_alternative<Leader>(role_); }
  bool is_candidate() const { return std::holds_alternative<Candidate>(role_); }
  bool is_pre_candidate() const { return std::holds_alternative<PreCandidate>(role_); }
  bool is_repairing() const { return static_cast<bool>(hard_state_.repair_until); }
  // False while a term or vote is on its way to the disk: until then what is to be sent waits here (R1). Requests
  // that are repeated when no answer comes should wait outside instead, lest they pile up on a disk that hangs.
  bool may_speak() const { return !hard_state_staged_ && !hard_state_write_; }
  // A leader that has applied an entry of its own term (R6): what it knows is complete.
  bool leads_with_full_state() const;
  // How long ago a quorum was last heard from, by a leader.
  Duration quorum_silence(Time now) const;
  NodeId leader() const;  // as far as this node knows; none if it does not
  // The first commit index heard from a live leader since this node started (or its own no-op's): no
  // read is answered before that is applied.
  std::optional<LogIndex> first_commit_heard() const { return first_commit_heard_; }

 private:
  friend struct Inside;  // the explorer tells states apart by all that decides what happens next

  // --- roles, each with what only it needs ---
  struct OutstandingFetch {
    CallNumber number;
    LogIndex index;
    Duration patience{};
    Time deadline{};
  };
  struct Follower {
    NodeId leader;  // none: not known
    std::optional<OutstandingFetch> fetch;
    std::map<LogIndex, Append> ahead;  // Appends that begin beyond what is verified, by previous index
    std::size_t ahead_bytes = 0;
    LogIndex leader_last;  // the highest index this term's leader was seen to have
    bool ack_due = false;
    Round round;  // the latest round heard
    Round acked_round;
    Time silence_probe{};  // when to fetch if the leader stays silent (R8)
  };
  struct PreCandidate {
    CallNumber number;
    std::set<NodeId> granted;
  };
  struct Candidate {
    CallNumber number;
    std::set<NodeId> granted;
  };
  struct Progress {
    LogIndex match;
    Round round;
    Time heard{};       // its last Ack
    bool lost = false;  // an operator was told so
  };
  struct WaitingBarrier {
    ReadyBarrier question;  // its index is the commit index when it arrived
    Round round;            // that must be confirmed; none until one is started for it
  };
  struct Leader {
    std::map<NodeId, Progress> peers;  // every other voter
    LogIndex noop;                     // this leader's own first entry (R6)
    LogIndex published;                // everything up to here was broadcast once
    std::deque<LogIndex> frames;       // last index of each broadcast that is not committed yet
    std::size_t uncommitted_bytes = 0;
    bool announce = false;  // a broadcast is due although there is nothing new to replicate
    Round round;            // of the latest broadcast
    Round confirmed;        // the latest that a quorum acknowledged
    std::vector<WaitingBarrier> barriers;
    Time next_heartbeat{};
  };

  // raft.cpp: terms, timers, output
  bool is_for_us(const Message& message) const;
  bool is_possible(const Message& message) const;
  bool is_stale(const Message& message) const;
  void become_follower(Time now, Term term, NodeId leader);
  void step_down(Time now, const char* why);
  void adopt_leader(NodeId leader);
  void hint_leader(Time now, NodeId leader);
  void heard_leader(Time now);
  bool leader_was_heard_recently(Time now) const;
  void reset_election_timer(Time now);
  void tick_follower(Time now, Follower& follower);
  void tick_leader(Time now);
  void stage_entries_from(LogIndex first);
  std::optional<Write> take_staged_write(Time now);
  void finish_repair_if_reached();
  Message message(NodeId to, MessageBody body) const;
  void send(NodeId to, MessageBody body);
  void send_to_others(const MessageBody& body);
  void answer(ConnectionId connection, NodeId to, MessageBody body);
  void publish(Append append);
  void notice(std::string text, Notice::Level level = Notice::Level::kInfo);
  std::string name_of(NodeId id) const;
  std::size_t quorum() const;
  CallNumber next_call();

  // elections.cpp
  void start_pre_vote(Time now);
  void campaign(Time now);
  void become_leader(Time now);
  void count_own_vote(Time now);
  bool would_vote_for(const VoteRequest& request) const;
  void on_pre_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request);
  void on_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request);
  void on_vote(Time now, const Message& from, const Vote& vote);

  // replication.cpp
  void append_to_own_log(Entry entry);
  void on_append(Time now, const Message& from, const Append& append);
  void accept(const Append& append);
  void note_ack_due(const Append& append);
  void send_ack_if_due();
  void on_ack(Time now, const Message& from, const Ack& ack);
  void advance_commit_of_leader();
  void advance_commit(LogIndex commit);
  void broadcast(Time now);
  Append next_broadcast(LogIndex after, std::vector<Entry> entries) const;
  void on_forward(Now now, ConnectionId connection, const Message& from, const Forward& forward);
  void check_quorum(Time now);

  // repair.cpp
  void keep_for_later(const Append& append);
  void drain_ahead();
  void start_fetch(Time now, LogIndex index);
  void repeat_fetch(Time now);
  void send_fetch(Time now, LogIndex index, Duration patience);
  LogIndex where_to_fetch() const;
  void on_fetch_answer(Time now, const Append& append);
  void on_fetch(ConnectionId connection, const Message& from, const Fetch& fetch);
  void on_not_leader(Time now, const Message& from, const NotLeader& answer);

  // snapshots.cpp
  void on_snapshot_part(Time now, const Message& from, const SnapshotPart& part);
  bool is_next(const SnapshotPart& part) const;
  void take_part(Time now, const SnapshotPart& part);
  void go_on_after_snapshot(Time now);
  void read_snapshot_for(ConnectionId connection, NodeId to, const Fetch& fetch);
  const SnapshotHead* snapshot_at(LogIndex index) const;
  void note_snapshot(const SnapshotHead& head);

  // rounds.cpp
  void on_barrier(ConnectionId connection, const Message& from, const Barrier& barrier);
  void on_barrier_answer(const BarrierAnswer& answer);
  void start_round_if_wanted();
  void confirm_rounds();
  void wait_for_round(Leader& leader, ReadyBarrier question);
  void release_barriers();
  void refuse_barriers(NodeId new_leader);

  Options options_;
  Random random_;
  NodeId self_;
  Configuration configuration_;
  WallTime formed_at_{};

  HardState hard_state_;
  bool hard_state_staged_ = false;           // differs from what was last handed to the disk
  std::optional<WriteId> hard_state_write_;  // handed to the disk, not durable yet
  Log log_;
  std::optional<LogIndex> staged_from_;  // entries from here on were not handed to the disk yet
  Durability durability_;
  WriteId last_write_;

  struct IncomingSnapshot {
    SnapshotHead head;
    std::string state;  // its first bytes
  };
  struct Installing {
    SharedSnapshot snapshot;
    std::optional<WriteId> write;  // none: not handed to the disk yet
  };
  std::vector<SnapshotHead> snapshots_;       // durable here, and may be read for others; oldest first, at most two
  LogIndex unreadable_;                       // of these, the one that could not be read when it was last tried
  std::optional<IncomingSnapshot> incoming_;  // outlives a change of leader: the next may have the same one
  std::optional<Installing> installing_;
  std::vector<SnapshotRead> snapshot_reads_;

  LogIndex commit_;
  LogIndex verified_;  // R2: highest index that an Append of this term has proved
  std::variant<Follower, PreCandidate, Candidate, Leader> role_;

  Time election_deadline_{};
  std::optional<Time> leader_heard_;  // the last Append of a leader, of whatever term
  std::optional<LogIndex> first_commit_heard_;
  std::optional<StateHash> state_hash_;
  CallNumber last_call_;
  std::vector<Outgoing> messages_;  // wait until term and vote are durable (R1)
  Consequences consequences_;
};

}  // namespace lockstep::raft

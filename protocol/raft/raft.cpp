// From an event to the output: which role handles it, and how roles change.

#include "protocol/raft/raft.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

// Only voters speak in a cluster of fixed members; observers, when they come, may Fetch.
bool is_for(const NodeState& node, const Message& message) {
  return message.cluster == node.configuration.cluster && (!message.to || message.to == node.self) &&
         message.from != node.self && node.configuration.find(message.from) != nullptr;
}

// Whether a leader of that term can have such a log: terms never fall along it, none is above the leader's own, and
// only entry 1 is a configuration (R17).
bool is_of_a_log(const Append& append, Term leaders_term) {
  Term last = append.previous_term;
  LogIndex index = append.previous_index;
  for (const Entry& entry : append.entries) {
    index = index.next();
    const bool configures = std::holds_alternative<Configuration>(entry.body);
    if (entry.term < last || (configures && index != LogIndex(1))) return false;
    last = entry.term;
  }
  return last <= leaders_term;
}

// What is impossible by itself, whatever else was said, is dropped like a stranger's message. One that contradicts
// another, or what is committed here, is another matter: see docs/protocol.md.
bool is_possible(const NodeState& node, const Message& message) {
  if (const auto* append = std::get_if<Append>(&message.body)) return is_of_a_log(*append, message.term);
  if (const auto* part = std::get_if<SnapshotPart>(&message.body)) {
    return part->head.term <= message.term && part->head.configuration == node.configuration;
  }
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) return request->last_term <= message.term;
  return true;
}

// An older term is dropped, except where an answer brings the asker up to date, and except an answer to
// a pre-vote, which carries the voter's own term and that may be lower than the asker's (R9).
bool is_stale(const NodeState& node, const Message& message) {
  if (message.term >= node.term()) return false;
  if (const auto* vote = std::get_if<Vote>(&message.body)) return !vote->pre_vote;
  const bool is_request =
      std::holds_alternative<VoteRequest>(message.body) || std::holds_alternative<Fetch>(message.body) ||
      std::holds_alternative<Forward>(message.body) || std::holds_alternative<Barrier>(message.body);
  return !is_request;
}

}  // namespace

Raft::Raft(const Options& options, const Restored& restored, WriteId last_write, Time now)
    : node_(options, restored, last_write) {
  const bool is_alone = node_.configuration.voters.size() == 1;
  if (is_alone) {
    node_.election_deadline = now;
  } else {
    node_.restart_election_timer(now);
  }
  seen_ = check_step();
}

// --- what comes in ---

// Finds the role once; what is done with the message is in the role.
struct Raft::Dispatch {
  Raft& raft;
  Now now;
  ConnectionId connection;
  const Message& message;

  // Whom a request is for: this node, if it leads and was not asked in an older term. Null: it was told who leads.
  Leader* leader_asked(CallNumber number) const {
    auto* leader = std::get_if<Leader>(&raft.role_);
    if (leader != nullptr && message.term >= raft.term()) return leader;
    raft.node_.answer(connection, message.from, NotLeader{.number = number, .leader = raft.leader()});
    return nullptr;
  }

  void operator()(const Append& m) const { raft.follow(now.time, message.from).on_append(raft.node_, now.time, m); }
  void operator()(const SnapshotPart& m) const {
    raft.follow(now.time, message.from).on_snapshot_part(raft.node_, now.time, m);
  }
  void operator()(const VoteRequest& m) const { raft.on_vote_request(now.time, connection, message, m); }
  void operator()(const Vote& m) const { raft.on_vote(now.time, message, m); }
  void operator()(const Ack& m) const {
    if (auto* leader = std::get_if<Leader>(&raft.role_)) leader->on_ack(raft.node_, now.time, message.from, m);
  }
  void operator()(const Fetch& m) const {
    if (Leader* leader = leader_asked(m.number)) leader->on_fetch(raft.node_, connection, message.from, m);
  }
  void operator()(const Forward& m) const {
    if (Leader* leader = leader_asked(m.number)) leader->on_forward(raft.node_, now, connection, message.from, m);
  }
  void operator()(const Barrier& m) const {
    Leader* leader = leader_asked(m.number);
    if (leader) leader->ask_barrier(raft.node_, {message.from, connection, m.number, LogIndex(), m.renewals});
  }
  void operator()(const BarrierAnswer& m) const { raft.node_.consequences.barriers.push_back(m); }
  void operator()(const NotLeader& m) const {
    const auto* follower = std::get_if<Follower>(&raft.role_);
    // It led once, in this term, or was thought to.
    if (follower != nullptr && follower->leader() == message.from) raft.role_ = Follower{};
    raft.hint_leader(now.time, m.leader);
  }
  void operator()(const Busy&) const {}  // what was forwarded stays pending and is forwarded again
  void operator()(const Hello&) const {}
  void operator()(const Form&) const {}
  void operator()(const HelloRefused&) const {}
};

void Raft::receive(Now now, ConnectionId connection, const Message& message) {
  if (!is_for(node_, message) || is_stale(node_, message) || !is_possible(node_, message)) return;

  // "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower"
  // (Raft figure 2), except from a request for votes, which may have to be ignored as a whole (R9).
  if (message.term > term() && !std::holds_alternative<VoteRequest>(message.body)) {
    become_follower(now.time, message.term);
  }

  std::visit(Dispatch{*this, now, connection, message}, message.body);
  seen_ = check_step();
}

void Raft::persisted(Time now, WriteId write) {
  const LogIndex before = durable_index();
  node_.log.persisted(write);
  if (const SharedSnapshot installed = node_.outbox.persisted(write)) node_.keep_snapshot(installed->head);
  const bool is_repaired = node_.finish_repair_if_reached();

  if (auto* candidate = std::get_if<Candidate>(&role_); candidate != nullptr && may_speak()) {
    count_vote(now, *candidate, self());  // its own vote counts when it is durable, like any other
  }
  if (auto* follower = std::get_if<Follower>(&role_);
      follower != nullptr && (durable_index() != before || is_repaired)) {
    follower->note_ack_due();
  }
  if (auto* leader = std::get_if<Leader>(&role_)) leader->persisted(node_);
  seen_ = check_step();
}

void Raft::tick(Time now) {
  if (auto* leader = std::get_if<Leader>(&role_)) {
    if (const auto reason = leader->reason_to_step_down(node_, now)) {
      node_.notice("steps down in term " + std::to_string(term().value()) + ": " + std::string(*reason),
                   Notice::Level::kWarning);
      become_follower(now, term());
    }
  } else if (now >= node_.election_deadline) {
    start_pre_vote(now);
  } else if (auto* follower = std::get_if<Follower>(&role_)) {
    follower->tick(node_, now);
  }
  seen_ = check_step();
}

// --- what it is asked ---

Proposed Raft::propose(Now now, std::string command) {
  auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr ? leader->propose(node_, now, std::move(command)) : Proposed::kNotLeader;
}

void Raft::forward(std::vector<std::string> commands) {
  const NodeId to = leader();
  if (!to || to == self()) return;
  node_.send(to, Forward{node_.next_call(), std::move(commands)});
}

CallNumber Raft::request_barrier(std::vector<SessionId> renewals) {
  const CallNumber number = node_.next_call();
  if (auto* leading = std::get_if<Leader>(&role_)) {
    leading->ask_barrier(node_, {self(), ConnectionId(), number, LogIndex(), std::move(renewals)});
  } else if (const NodeId to = leader()) {
    node_.send(to, Barrier{number, std::move(renewals)});
  }
  return number;
}

void Raft::answer_barrier(const ReadyBarrier& barrier, std::vector<Renewal> renewals) {
  node_.answer(barrier.connection, barrier.asker, BarrierAnswer{barrier.number, barrier.index, std::move(renewals)});
}

void Raft::install(Time now, SharedSnapshot snapshot) {
  auto* follower = std::get_if<Follower>(&role_);
  INVARIANT(follower != nullptr, "only a follower is sent a snapshot (S3)");
  follower->install(node_, now, std::move(snapshot));
  seen_ = check_step();
}

void Raft::compacted(const SnapshotHead& head) {
  node_.keep_snapshot(head);
  seen_ = check_step();
}

void Raft::snapshot_read(const SnapshotRead& read, std::string bytes) {
  const SnapshotHead* head = node_.snapshots.find(read.snapshot);
  if (head == nullptr) return;
  if (bytes.empty()) {
    node_.snapshots.could_not_read(read.snapshot, log().base().index);
  } else if (is_leader()) {
    node_.answer(read.connection, read.to, SnapshotPart{read.fetch, *head, read.offset, std::move(bytes)});
  }
}

// --- changes of role ---

Follower& Raft::become_follower(Time now, Term new_term) {
  INVARIANT(new_term >= term(), "a term never falls");
  if (new_term > term()) node_.enter_term(new_term);
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    leader->refuse_barriers(node_);
    node_.restart_election_timer(now);
  }
  return role_.emplace<Follower>();
}

// What only a term's leader sends came from `leader`.
Follower& Raft::follow(Time now, NodeId leader) {
  INVARIANT(!is_leader(), "a term has one leader");
  auto* already = std::get_if<Follower>(&role_);
  Follower& follower = already != nullptr ? *already : become_follower(now, term());
  follower.adopt_leader(node_, leader);
  return follower;
}

// Somebody named the leader of our term.
void Raft::hint_leader(Time now, NodeId leader) {
  if (!leader || leader == self() || is_leader() || configuration().find(leader) == nullptr) return;
  auto* already = std::get_if<Follower>(&role_);
  Follower& follower = already != nullptr ? *already : role_.emplace<Follower>();
  follower.take_hint(node_, now, leader);
}

// --- what goes out ---

RaftOutput Raft::take_output(Time now) {
  if (auto* leader = std::get_if<Leader>(&role_)) leader->publish(node_, now);
  RaftOutput output;
  if (auto write = node_.outbox.take_write(log())) {
    node_.log.started(*write, now);
    output.writes.push_back(std::move(*write));
  }
  // R1: no message of a term leaves before the term and the vote are durable; S2: nor before it is
  // durable that a repair is complete.
  if (may_speak()) {
    if (auto* follower = std::get_if<Follower>(&role_)) follower->send_ack_if_due(node_);
    output.messages = node_.outbox.take_messages();
  }
  output.snapshot_reads = std::exchange(node_.snapshot_reads, {});
  seen_ = check_step();
  return output;
}

Consequences Raft::take_consequences() { return std::exchange(node_.consequences, {}); }

// --- where things stand ---

Time Raft::next_deadline() const {
  if (const auto* leader = std::get_if<Leader>(&role_)) return leader->next_heartbeat();
  const auto* follower = std::get_if<Follower>(&role_);
  return follower != nullptr ? std::min(node_.election_deadline, follower->next_deadline()) : node_.election_deadline;
}

NodeId Raft::leader() const {
  if (is_leader()) return self();
  const auto* follower = std::get_if<Follower>(&role_);
  return follower != nullptr ? follower->leader() : NodeId();
}

bool Raft::leads_with_full_state() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr && leader->has_full_state(node_);
}

Duration Raft::quorum_silence(Time now) const {
  const auto* leader = std::get_if<Leader>(&role_);
  INVARIANT(leader != nullptr, "only a leader hears a quorum");
  return leader->quorum_silence(now);
}

}  // namespace lockstep::raft

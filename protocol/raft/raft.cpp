// Terms, timers and the order of what leaves this node.

#include "protocol/raft/raft.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/quorum.hpp"

namespace lockstep::raft {
namespace {

const Configuration& configuration_of(const Restored& restored) {
  if (restored.snapshot) return restored.snapshot->head.configuration;
  INVARIANT(!restored.entries.empty() && !restored.base.index, "raft starts only once entry 1 is durable");
  const auto* configuration = std::get_if<Configuration>(&restored.entries.front().body);
  INVARIANT(configuration != nullptr, "entry 1 is the configuration");
  return *configuration;
}

WallTime formed_at(const Restored& restored) {
  return restored.snapshot ? restored.snapshot->head.formed : restored.entries.front().time;
}

// The time of the base matters only where nothing follows it, and then it is the snapshot's last entry.
WallTime base_time(const Restored& restored) { return restored.snapshot ? restored.snapshot->head.time : WallTime(); }

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

}  // namespace

Raft::Raft(const Options& options, const Restored& restored, WriteId last_write, Time now)
    : options_(options),
      random_(options.seed),
      self_(restored.node),
      configuration_(configuration_of(restored)),
      formed_at_(raft::formed_at(restored)),
      hard_state_(restored.hard_state),
      log_(restored.entries, restored.base, base_time(restored)),
      durability_(log_.last_index()),
      last_write_(last_write),
      commit_(1),  // entry 1 is committed by construction (R17)
      role_(Follower{}) {
  INVARIANT(configuration_.find(self_) != nullptr, "entry 1 names this node");
  if (restored.snapshot) {
    const SnapshotHead& head = restored.snapshot->head;
    INVARIANT(log_.base().index <= head.index && log_.matches(head.index, head.term),
              "the log goes on from the snapshot");
    snapshots_.push_back(head);
    commit_ = head.index;
  }
  // Within one write the entries become durable first, so a crash can leave the term of the last one above
  // the stored term. This node was silent in that term, so it voted for nobody; the term is stored before
  // it speaks (R1).
  if (hard_state_.term < log_.last_term()) {
    hard_state_.term = log_.last_term();
    hard_state_.vote = NodeId();
    hard_state_staged_ = true;
  }
  // Answers to what an earlier incarnation asked must not be taken for answers to this one.
  last_call_ = CallNumber(random_.next() >> 16);
  const bool alone = configuration_.voters.size() == 1;
  if (alone) {
    election_deadline_ = now;
  } else {
    reset_election_timer(now);
  }
}

NodeId Raft::leader() const {
  if (is_leader()) return self_;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->leader;
  return NodeId();
}

std::size_t Raft::quorum() const { return quorum_of(configuration_.voters.size()); }

CallNumber Raft::next_call() {
  last_call_ = last_call_.next();
  return last_call_;
}

// --- what comes in ---

// Only voters speak in a cluster of fixed members; observers, when they come, may Fetch.
bool Raft::is_for_us(const Message& message) const {
  return message.cluster == configuration_.cluster && (!message.to || message.to == self_) && message.from != self_ &&
         configuration_.find(message.from) != nullptr;
}

// What is impossible by itself, whatever else was said, is dropped like a stranger's message. One that contradicts
// another, or what is committed here, is another matter: see docs/protocol.md.
bool Raft::is_possible(const Message& message) const {
  if (const auto* append = std::get_if<Append>(&message.body)) return is_of_a_log(*append, message.term);
  if (const auto* part = std::get_if<SnapshotPart>(&message.body)) {
    return part->head.term <= message.term && part->head.configuration == configuration_;
  }
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) return request->last_term <= message.term;
  return true;
}

// An older term is dropped, except where an answer brings the asker up to date, and except an answer to
// a pre-vote, which carries the voter's own term and that may be lower than the asker's (R9).
bool Raft::is_stale(const Message& message) const {
  if (message.term >= term()) return false;
  if (const auto* vote = std::get_if<Vote>(&message.body)) return !vote->pre_vote;
  const bool is_request =
      std::holds_alternative<VoteRequest>(message.body) || std::holds_alternative<Fetch>(message.body) ||
      std::holds_alternative<Forward>(message.body) || std::holds_alternative<Barrier>(message.body);
  return !is_request;
}

void Raft::receive(Now now, ConnectionId connection, const Message& message) {
  if (!is_for_us(message) || is_stale(message) || !is_possible(message)) return;

  // "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower"
  // (Raft figure 2), except from a request for votes, which may have to be ignored as a whole (R9).
  if (message.term > term() && !std::holds_alternative<VoteRequest>(message.body)) {
    become_follower(now.time, message.term, NodeId());
  }

  struct Handler {
    Raft& raft;
    Now now;
    ConnectionId connection;
    const Message& message;
    void operator()(const Append& m) const { raft.on_append(now.time, message, m); }
    void operator()(const VoteRequest& m) const {
      if (m.pre_vote) {
        raft.on_pre_vote_request(now.time, connection, message, m);
      } else {
        raft.on_vote_request(now.time, connection, message, m);
      }
    }
    void operator()(const Vote& m) const { raft.on_vote(now.time, message, m); }
    void operator()(const Ack& m) const { raft.on_ack(now.time, message, m); }
    void operator()(const Fetch& m) const { raft.on_fetch(connection, message, m); }
    void operator()(const Forward& m) const { raft.on_forward(now, connection, message, m); }
    void operator()(const Barrier& m) const { raft.on_barrier(connection, message, m); }
    void operator()(const BarrierAnswer& m) const { raft.on_barrier_answer(m); }
    void operator()(const NotLeader& m) const { raft.on_not_leader(now.time, message, m); }
    void operator()(const Busy&) const {}  // what was forwarded stays pending and is forwarded again
    void operator()(const Hello&) const {}
    void operator()(const Form&) const {}
    void operator()(const HelloRefused&) const {}
    void operator()(const SnapshotPart& m) const { raft.on_snapshot_part(now.time, message, m); }
  };
  std::visit(Handler{*this, now, connection, message}, message.body);
}

void Raft::persisted(Time now, WriteId write) {
  const LogIndex before = durability_.index();
  durability_.completed(write);
  if (hard_state_write_ && write >= *hard_state_write_) hard_state_write_.reset();
  if (installing_ && installing_->write && write >= *installing_->write) {
    note_snapshot(installing_->snapshot->head);
    installing_.reset();
  }
  finish_repair_if_reached();

  if (is_candidate()) count_own_vote(now);
  if (auto* follower = std::get_if<Follower>(&role_)) {
    if (durability_.index() != before) follower->ack_due = true;
  }
  if (is_leader()) {
    advance_commit_of_leader();
    release_barriers();
  }
}

void Raft::tick(Time now) {
  if (is_leader()) {
    tick_leader(now);
  } else if (now >= election_deadline_) {
    start_pre_vote(now);
  } else if (auto* follower = std::get_if<Follower>(&role_)) {
    tick_follower(now, *follower);
  }
}

void Raft::tick_leader(Time now) {
  const std::optional<Time> disk_owes_since = durability_.waiting_since();
  if (disk_owes_since && now - *disk_owes_since > options_.timing.election_timeout_max) {
    step_down(now, "its own disk is behind (R14)");
    return;
  }
  check_quorum(now);
}

void Raft::tick_follower(Time now, Follower& follower) {
  if (follower.fetch) {
    if (now >= follower.fetch->deadline) repeat_fetch(now);
  } else if (follower.leader && now >= follower.silence_probe) {
    start_fetch(now, where_to_fetch());
  }
}

Time Raft::next_deadline() const {
  if (const auto* leader = std::get_if<Leader>(&role_)) return leader->next_heartbeat;
  Time deadline = election_deadline_;
  if (const auto* follower = std::get_if<Follower>(&role_)) {
    if (follower->fetch) {
      deadline = std::min(deadline, follower->fetch->deadline);
    } else if (follower->leader) {
      deadline = std::min(deadline, follower->silence_probe);
    }
  }
  return deadline;
}

// --- changes of role ---

void Raft::become_follower(Time now, Term new_term, NodeId leader) {
  INVARIANT(new_term >= term(), "a term never falls");
  if (new_term > term()) {
    hard_state_.term = new_term;
    hard_state_.vote = NodeId();
    hard_state_staged_ = true;
    verified_ = LogIndex();
    messages_.clear();  // of an older term: as if lost on the way
  }
  if (is_leader()) {
    refuse_barriers(leader);
    reset_election_timer(now);
  }
  role_ = Follower{};
  adopt_leader(leader);
}

void Raft::step_down(Time now, const char* why) {
  notice(std::string("steps down in term ") + std::to_string(term().value()) + ": " + why, Notice::Level::kWarning);
  become_follower(now, term(), NodeId());
}

void Raft::adopt_leader(NodeId leader) {
  auto& follower = std::get<Follower>(role_);
  if (!leader || follower.leader == leader) return;
  INVARIANT(!follower.leader, "a term has one leader");
  follower.leader = leader;
  notice("follows " + name_of(leader) + " in term " + std::to_string(term().value()));
}

// Somebody named the leader of our term: ask it where we stand. Only hearing it resets the election timer.
void Raft::hint_leader(Time now, NodeId leader) {
  if (!leader || leader == self_ || is_leader() || configuration_.find(leader) == nullptr) return;
  if (!std::holds_alternative<Follower>(role_)) role_ = Follower{};
  adopt_leader(leader);
  auto& follower = std::get<Follower>(role_);
  follower.silence_probe = now + options_.timing.election_timeout_min / 3;
  if (!follower.fetch) start_fetch(now, where_to_fetch());
}

void Raft::heard_leader(Time now) {
  leader_heard_ = now;
  reset_election_timer(now);
  std::get<Follower>(role_).silence_probe = now + options_.timing.election_timeout_min / 3;
}

bool Raft::leader_was_heard_recently(Time now) const {
  return is_leader() || (leader_heard_ && now - *leader_heard_ < options_.timing.election_timeout_min);
}

void Raft::reset_election_timer(Time now) {
  election_deadline_ =
      now + random_.between(options_.timing.election_timeout_min, options_.timing.election_timeout_max);
}

// S2: what was damaged is on the disk again and proved to be the leader's. From the moment that fact is
// durable this node votes and acks as any other.
void Raft::finish_repair_if_reached() {
  if (!is_repairing() || std::min(verified_, durability_.index()) < hard_state_.repair_until) return;
  notice("repaired: the log is whole again up to index " + std::to_string(hard_state_.repair_until.value()));
  hard_state_.repair_until = LogIndex();
  hard_state_staged_ = true;
  if (auto* follower = std::get_if<Follower>(&role_)) follower->ack_due = true;
}

// --- what goes out ---

void Raft::stage_entries_from(LogIndex first) { staged_from_ = staged_from_ ? std::min(*staged_from_, first) : first; }

Message Raft::message(NodeId to, MessageBody body) const {
  return {configuration_.cluster, term(), self_, to, std::move(body)};
}

void Raft::send(NodeId to, MessageBody body) {
  messages_.push_back({ToMember{name_of(to)}, message(to, std::move(body))});
}

void Raft::send_to_others(const MessageBody& body) {
  for (const Member& member : configuration_.voters) {
    if (member.id != self_) send(member.id, body);
  }
}

void Raft::answer(ConnectionId connection, NodeId to, MessageBody body) {
  messages_.push_back({ToConnection{connection}, message(to, std::move(body))});
}

void Raft::publish(Append append) { messages_.push_back({Publish{}, message(NodeId(), std::move(append))}); }

void Raft::notice(std::string text, Notice::Level level) { consequences_.notices.push_back({level, std::move(text)}); }

std::string Raft::name_of(NodeId id) const {
  const Member* member = configuration_.find(id);
  return member != nullptr ? member->name : "?";
}

// The log from the lowest index that changed since the last write: what one write replaces.
std::optional<Write> Raft::take_staged_write(Time now) {
  const bool snapshot_staged = installing_ && !installing_->write;
  if (!staged_from_ && !hard_state_staged_ && !snapshot_staged) return std::nullopt;
  last_write_ = last_write_.next();
  Write write{last_write_, LogIndex(), {}, std::nullopt};
  LogIndex first;
  LogIndex last;
  if (snapshot_staged) {
    installing_->write = write.id;
    write.snapshot = installing_->snapshot;
    first = last = write.snapshot->head.index;
  }
  if (staged_from_) {
    write.first = *staged_from_;
    write.entries = log_.slice(staged_from_->previous(), SIZE_MAX);
    first = first ? first : write.first;
    last = log_.last_index();
  }
  if (hard_state_staged_) {
    write.hard_state = hard_state_;
    hard_state_write_ = write.id;
  }
  durability_.started(write.id, first, last, now);
  staged_from_.reset();
  hard_state_staged_ = false;
  return write;
}

RaftOutput Raft::take_output(Time now) {
  if (is_leader()) {
    broadcast(now);
    confirm_rounds();
  }
  RaftOutput output;
  if (auto write = take_staged_write(now)) output.writes.push_back(std::move(*write));

  // R1: no message of a term leaves before the term and the vote are durable; S2: nor before it is
  // durable that a repair is complete.
  if (may_speak()) {
    send_ack_if_due();
    output.messages = std::exchange(messages_, {});
  }
  output.snapshot_reads = std::exchange(snapshot_reads_, {});
  return output;
}

Consequences Raft::take_consequences() { return std::exchange(consequences_, {}); }

}  // namespace lockstep::raft

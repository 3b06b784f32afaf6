// From an event to the output: forming, raft, applying. The requests of clients are the desk's (request_desk.cpp).

#include "protocol/replica/replica.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/base/move_to_end.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

// A part that is to be sent must be one that can be read.
static_assert(raft::Bounds{}.snapshot_part_bytes <= wire::kMaxSnapshotPart);

std::vector<std::string> names_of(const std::vector<InitialMember>& members) {
  std::vector<std::string> names;
  names.reserve(members.size());
  for (const InitialMember& member : members) names.push_back(member.name);
  return names;
}

raft::FormationOptions formation_options(const ReplicaOptions& options, std::uint64_t seed) {
  raft::FormationOptions formation;
  formation.name = options.name;
  formation.initial_members = names_of(options.initial_members);
  formation.state_limits = wire::encode(options.state_limits);
  formation.seed = seed;
  return formation;
}

Contacts contacts_of(const ReplicaOptions& options, Time now) {
  Reach self;
  std::vector<Reach> others;
  for (const InitialMember& member : options.initial_members) {
    Reach reach{member.name, member.peer_endpoint, member.publish_endpoint};
    if (member.name == options.name) {
      self = std::move(reach);
    } else {
      others.push_back(std::move(reach));
    }
  }
  return {std::move(self), std::move(others), options.hello_interval, now};
}

DeskOptions desk_options(const ReplicaOptions& options) {
  DeskOptions desk;
  desk.request_lifetime = options.request_lifetime;
  desk.bounds = options.desk;
  desk.barrier_interval = options.barrier_interval;
  desk.barrier_patience = 4 * options.timing.heartbeat;
  return desk;
}

// A node that crashed after entry 1 was durable but before it was bound to its cluster is not formed yet.
bool is_formed(const raft::Restored& restored) {
  const bool has_entry_1 = restored.snapshot || !restored.entries.empty();
  return has_entry_1 && static_cast<bool>(restored.hard_state.cluster);
}

}  // namespace

Replica::Replica(const ReplicaOptions& options, const raft::Restored& restored, Now now)
    : options_(options),
      random_(options.seed),
      self_(restored.node),
      contacts_(contacts_of(options, now.time)),
      state_(locks::StateLimits{}, options.state_bounds),
      hashes_(options.kept_hashes),
      desk_(desk_options(options)),
      leases_(options.timing.heartbeat),
      now_(now) {
  if (is_formed(restored)) {
    raft_.emplace(raft::Options{options_.timing, options_.bounds, random_.next()}, restored, WriteId(), now.time);
    if (restored.snapshot) begin_with(*restored.snapshot);
    apply_committed();
  } else {
    formation_.emplace(formation_options(options_, random_.next()), restored, now);
    collect_formation_output();
  }
}

void Replica::step(Now now, const Event& event) {
  now_ = now;
  const LogIndex applied_before = applied_;
  std::visit([&](const auto& happened) { on(now, happened); }, event);
  if (contacts_.is_due(now.time)) look_at_contacts(now);
  if (!raft_) return;
  collect_consequences();
  install_if_durable(now);
  apply_committed();
  compact_if_due();
  follow_leader(now);
  keep_leases(now);
  answer_ready_barriers();
  if (may_answer_reads()) desk_.answer_ready(now, applied_state());
  desk_.time_out(now, applied_state());
  INVARIANT(applied_ >= applied_before, "what was applied stays applied");
  INVARIANT(leader_term_ == raft_->term(), "the leader that is followed is of this term");
  check_step();
}

// ---- Events

void Replica::on(Now now, const PeerMessage& event) {
  note_contact(event.message);
  if (const auto* hello = std::get_if<raft::Hello>(&event.message.body); hello && raft_) {
    answer_hello(event, *hello);
  } else if (raft_) {
    raft_->receive(now, event.connection, event.message);
  } else {
    formation_->receive(now, event.connection, event.message);
    collect_formation_output();
  }
}

void Replica::on(Now now, const ClientRequest& event) {
  const Asker asker{event.connection, event.request.call};
  if (std::holds_alternative<wire::StatusRequest>(event.request.body)) {
    desk_.reply(applied_state(), asker, status(now.time));
  } else if (raft_) {
    desk_.take(now, applied_state(), asker, event.request.body);
  } else {
    desk_.reply_error(applied_state(), asker, ErrorCode::kNoLeader,
                      "the cluster has not formed yet: not all initial members are up");
  }
}

void Replica::on(Now, const BadFrame&) { ++rejected_frames_; }

void Replica::on(Now now, const raft::DiskEvent& event) {
  std::visit([&](const auto& happened) { on(now, happened); }, event);
}

void Replica::on(Now now, const raft::Persisted& event) {
  if (raft_) {
    raft_->persisted(now.time, event.write);
    return;
  }
  formation_->persisted(now, event.write);
  collect_formation_output();
  if (formation_->formed()) start_raft();
}

void Replica::on(Now, const raft::Compacted& event) {
  compacting_ = false;
  if (event.snapshot) {
    raft_->compacted(*event.snapshot);
  } else {
    bytes_since_snapshot_ = 0;  // tried again when the log has grown by as much again
  }
}

void Replica::on(Now, const raft::SnapshotPartRead& event) { raft_->snapshot_read(event.read, event.bytes); }

// L5: a leader's lease clock goes on with its ticks.
void Replica::on(Now now, const Tick& tick) {
  if (!raft_) {
    formation_->tick(now);
    collect_formation_output();
    return;
  }
  raft_->tick(now.time);
  if (raft_->is_leader()) leases_.advance(now.time, raft_->quorum_silence(now.time), tick.peers_read_empty);
}

// ---- The other members

// While the cluster forms a member says its name, and whom it has heard. Later its id is known, and a Form answers a
// Hello.
void Replica::note_contact(const raft::Message& message) {
  const bool is_for_us = message.to == self_;
  if (!raft_) {
    const auto* hello = std::get_if<raft::Hello>(&message.body);
    if (hello == nullptr) return;
    contacts_.heard(hello->name);
    if (is_for_us && !message.cluster) contacts_.answered(hello->name);
    return;
  }
  const raft::Member* from = raft_->configuration().find(message.from);
  if (from == nullptr) return;
  contacts_.heard(from->name);
  if (is_for_us && std::holds_alternative<raft::Form>(message.body)) contacts_.answered(from->name);
  if (!message.to && std::holds_alternative<raft::Append>(message.body)) contacts_.heard_broadcast(from->name);
}

// While the cluster forms, Formation says Hello.
void Replica::look_at_contacts(Now now) {
  std::optional<std::string_view> leader;
  if (raft_) {
    const raft::Member* member = raft_->configuration().find(raft_->leader());
    leader = member != nullptr ? std::string_view(member->name) : "";
  }
  Contacts::Look look = contacts_.look(now.time, leader);
  move_to_end(look.notices, output_.notices);
  if (!raft_) return;
  for (const std::string& name : look.unanswered) say_hello(name);
}

// Of no term, so it need not wait until one is durable (R1).
void Replica::say_hello(const std::string& name) {
  const raft::Configuration& configuration = raft_->configuration();
  const raft::Member* member = configuration.find(name);
  if (member == nullptr) return;
  raft::Message hello{configuration.cluster, Term(), self_, member->id,
                      raft::Hello{options_.name, names_of(options_.initial_members)}};
  output_.messages.push_back({raft::ToMember{name}, std::move(hello)});
}

// ---- Forming

void Replica::start_raft() {
  raft_.emplace(raft::Options{options_.timing, options_.bounds, random_.next()}, *formation_->formed(),
                formation_->last_write(), now_.time);
  formation_.reset();
}

// R17: "Any formed node answers a blank Hello whose id is in entry 1 with that Form."
void Replica::answer_hello(const PeerMessage& event, const raft::Hello& hello) {
  const auto& configuration = raft_->configuration();
  raft::Message answer{
      configuration.cluster, Term(), self_, event.message.from,
      raft::answer_to_hello(configuration, raft_->formed_at(), event.message.from, event.message.cluster, hello)};
  output_.messages.push_back({raft::ToConnection{event.connection}, std::move(answer)});
}

void Replica::collect_formation_output() {
  raft::FormationOutput output = formation_->take_output();
  move_to_end(output.writes, output_.writes);
  move_to_end(output.messages, output_.messages);
  move_to_end(output.notices, output_.notices);
  if (output.fatal) output_.fatal = std::move(output.fatal);
}

// ---- What follows from every event

// What concerns this node itself; what leaves it is batched by end_turn().
void Replica::collect_consequences() {
  raft::Consequences consequences = raft_->take_consequences();
  for (const SessionId session : consequences.renewed) leases_.renew(session);
  for (const raft::BarrierAnswer& answer : consequences.barriers) desk_.barrier_answered(answer);
  move_to_end(consequences.ready, ready_barriers_);
  hashes_.note_leaders(consequences.leader_hashes, applied_);
  if (consequences.snapshot) take_snapshot(now_, consequences.snapshot);
  move_to_end(consequences.notices, output_.notices);
}

void Replica::apply_committed() {
  // While a snapshot is on its way to the disk the log begins after it.
  while (applied_ < raft_->applicable_index() && raft_->log().contains(applied_.next())) {
    applied_ = applied_.next();
    apply(raft_->log().at(applied_));
  }
}

void Replica::apply(const raft::Entry& entry) {
  bytes_since_snapshot_ += raft::size_of(entry);
  const AppliedEntry applied = apply_entry(state_, applied_, entry);
  if (applied.command) {
    const std::vector<locks::SettledWaiter> settled = state_.take_settled_waiters();
    desk_.applied(applied_state(), applied, settled, state_.take_changes());
    leases_.applied(applied, settled, state_);
  }
  if (applied_.value() % options_.hash_interval != 0) return;
  const raft::StateHash own{applied_, state_.hash()};
  hashes_.note_own(own);
  raft_->set_state_hash(own);
}

// ---- Snapshots

void Replica::begin_with(const raft::Snapshot& snapshot) {
  auto state = restore_state(snapshot, options_.state_bounds);
  INVARIANT(state.has_value(), "whoever starts a replica from a snapshot has seen that it can be read");
  state_ = *std::move(state);
  applied_ = snapshot.head.index;
  desk_.state_replaced(now_, applied_state());
}

// One that cannot be read is fetched again when the leader is heard next.
void Replica::take_snapshot(Now now, raft::SharedSnapshot snapshot) {
  auto state = restore_state(*snapshot, options_.state_bounds);
  if (!state) {
    output_.notices.push_back(
        {Notice::Level::kWarning, "the snapshot that came in " + state.error() + ": it is fetched again"});
    return;
  }
  next_state_.emplace(snapshot->head.index, *std::move(state));
  raft_->install(now.time, std::move(snapshot));
}

void Replica::install_if_durable(Now now) {
  if (!next_state_ || raft_->applicable_index() < next_state_->first) return;
  applied_ = next_state_->first;
  state_ = std::move(next_state_->second);
  next_state_.reset();
  bytes_since_snapshot_ = 0;
  desk_.state_replaced(now, applied_state());
}

// A snapshot costs as much as the state is large, so it is worth as much log (S6).
void Replica::compact_if_due() {
  const raft::SnapshotHead* last = raft_->snapshot();
  const std::uint64_t due = std::max(options_.compact_log_bytes, last != nullptr ? last->state_bytes : 0);
  if (compacting_ || bytes_since_snapshot_ < due) return;
  compacting_ = true;
  bytes_since_snapshot_ = 0;
  output_.compaction = Compaction{applied_, state_.hash(), options_.state_bounds};
}

// "After a start: no answer until applied reaches a commit index heard from a live leader", else a node that was away
// for a day would answer with yesterday's owners.
bool Replica::may_answer_reads() const {
  const auto heard = raft_->first_commit_heard();
  return heard && applied_ >= *heard;
}

// ---- The leader

void Replica::follow_leader(Now now) {
  if (raft_->leader() != leader_ || raft_->term() != leader_term_) {
    INVARIANT(raft_->term() >= leader_term_, "a term never falls (R1)");
    leader_ = raft_->leader();
    leader_term_ = raft_->term();
    desk_.leader_changed(applied_state(), static_cast<bool>(leader_));
  } else {
    desk_.hand_on_again_since(now.time - options_.timing.election_timeout_max, raft_->is_leader());
  }
}

// R6: before its own first entry is applied a leader does not know all sessions, so it ends none. L4: an Expire goes
// into this leader's own log, in its own term, and nowhere else.
void Replica::keep_leases(Now now) {
  if (!raft_->leads_with_full_state()) return leases_.stop(now.time);
  leases_.keep(now.time, raft_->term(), state_);
  for (const locks::Expire& expire : leases_.take_expired(state_)) {
    if (raft_->propose(now, wire::encode(locks::Command(expire))) == raft::Proposed::kBusy) leases_.put_back(expire);
  }
}

// L2: a round that a quorum confirmed proves that this node still led after it restarted the leases.
void Replica::answer_ready_barriers() {
  if (!leases_.keeps()) ready_barriers_.clear();
  for (raft::ReadyBarrier& barrier : ready_barriers_) {
    std::vector<raft::Renewal> verdicts;
    for (const SessionId session : barrier.renewals) {
      verdicts.push_back(leases_.verdict_on(session, state_));
      // A node that is told that a session ended must have applied what ended it, to know why.
      if (verdicts.back() == raft::Renewal::kDead) barrier.index = applied_;
    }
    if (barrier.asker == self_) {
      desk_.barrier_answered({barrier.number, barrier.index, std::move(verdicts)});
    } else {
      raft_->answer_barrier(barrier, std::move(verdicts));
    }
  }
  ready_barriers_.clear();
}

void Replica::hand_on_commands(Now now) {
  if (!leader_ || !raft_->may_speak()) return;
  while (desk_.has_due_commands()) {
    std::vector<PendingRequests::Due> due = desk_.take_due_commands(now.time);
    std::vector<std::string> commands;
    for (PendingRequests::Due& request : due) {
      if (!raft_->is_leader()) {
        commands.push_back(std::move(request.command));
      } else if (raft_->propose(now, std::move(request.command)) == raft::Proposed::kBusy) {
        desk_.no_room_for(applied_state(), request);
      }
    }
    if (!commands.empty()) raft_->forward(std::move(commands));
  }
}

void Replica::ask_for_barrier(Now now) {
  if (!leader_ || !raft_->may_speak() || !desk_.barrier_is_due(now.time)) return;
  desk_.barrier_sent(now.time, raft_->request_barrier(desk_.renewals()));
}

// ---- Output

void Replica::end_turn() {
  if (raft_) {
    hand_on_commands(now_);
    ask_for_barrier(now_);
    raft::RaftOutput raft_output = raft_->take_output(now_.time);
    collect_consequences();  // a cluster of one confirms its rounds by publishing them
    answer_ready_barriers();
    if (may_answer_reads()) desk_.answer_ready(now_, applied_state());
    move_to_end(raft_output.writes, output_.writes);
    move_to_end(raft_output.messages, output_.messages);
    move_to_end(raft_output.snapshot_reads, output_.snapshot_reads);
    check_step();
  }
  std::vector<ClientReply> replies = desk_.take_replies();
  move_to_end(replies, output_.replies);
}

Output Replica::take_output() { return std::exchange(output_, {}); }

Time Replica::next_deadline() const {
  if (!raft_) return formation_->next_deadline();
  Time deadline = std::min({raft_->next_deadline(), desk_.next_deadline(), leases_.next_deadline()});
  if (leader_ && raft_->may_speak()) {
    deadline = std::min(deadline, desk_.next_barrier());
    const auto handed_on = desk_.oldest_handed_on();
    if (handed_on) deadline = std::min(deadline, *handed_on + options_.timing.election_timeout_max);
  }
  return deadline;
}

std::vector<std::string_view> Replica::what_is_left() const {
  std::vector<std::string_view> left = desk_.what_is_left();
  if (next_state_) left.emplace_back("a state to be installed");
  if (compacting_) left.emplace_back("a compaction");
  if (!ready_barriers_.empty()) left.emplace_back("barriers to be answered");
  if (!raft_) return left;
  std::vector<std::string_view> of_raft = raft_->what_is_left();
  move_to_end(of_raft, left);
  return left;
}

// ---- What must hold

void Replica::check_step() const {
  INVARIANT(applied_ <= raft_->applicable_index(), "only what is committed and durable here is applied (R4)");
  INVARIANT(state_.last_applied() <= applied_, "the state is that of the last applied entry");
  INVARIANT(!leases_.keeps() || raft_->leads_with_full_state(), "only a leader with the full state keeps leases (R6)");
}

void Replica::check_invariants() const {
  INVARIANT(raft_.has_value() != formation_.has_value(), "a node forms a cluster or is in one");
  desk_.check_invariants();
  leases_.check_invariants(state_);
  if (!raft_) {
    INVARIANT(!applied_, "nothing is applied before the cluster is formed");
    return;
  }
  raft_->check_invariants();
  check_step();
  const bool is_installing = next_state_.has_value();
  INVARIANT(is_installing || applied_ == raft_->applicable_index(), "all that can be applied is");
  INVARIANT(!is_installing || next_state_->first > applied_, "a snapshot is installed only above what is applied (S3)");
}

}  // namespace lockstep

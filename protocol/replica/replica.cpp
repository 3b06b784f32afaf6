// From an event to the output: forming, raft, applying. Requests of clients are in clients.cpp.

#include "protocol/replica/replica.hpp"

#include <algorithm>
#include <type_traits>

#include "protocol/base/invariant.hpp"
#include "protocol/base/move_to_end.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

// How often a node sends a barrier for the sake of renewals alone.
constexpr Duration kRenewalInterval = std::chrono::milliseconds(50);

// A part that is to be sent must be one that can be read.
static_assert(raft::Bounds{}.snapshot_part_bytes <= wire::kMaxSnapshotPart);

raft::FormationOptions formation_options(const ReplicaOptions& options, std::uint64_t seed) {
  raft::FormationOptions formation;
  formation.name = options.name;
  for (const InitialMember& member : options.initial_members) formation.initial_members.push_back(member.name);
  formation.state_limits = wire::encode(options.state_limits);
  formation.seed = seed;
  return formation;
}

// A refusal by the state machine is an error to the client; every other result goes as it is.
wire::ResponseBody body_of(const locks::Result& result) {
  const auto to_body = [](const auto& outcome) -> wire::ResponseBody {
    if constexpr (std::is_same_v<decltype(outcome), const locks::Refused&>) {
      return wire::Error{outcome.code, outcome.detail, outcome.current_session};
    } else {
      return outcome;
    }
  };
  return std::visit(to_body, result);
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
      pending_(options.request_lifetime, options.max_pending_bytes),
      reads_(options.barrier_interval, 4 * options.timing.heartbeat),
      keep_alives_(kRenewalInterval, options.request_lifetime, options.max_polls),
      watches_(options.kept_changes),
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
  std::visit([&](const auto& happened) { on(now, happened); }, event);
  if (!raft_) return;
  collect_consequences();
  install_if_durable(now);
  apply_committed();
  compact_if_due();
  follow_leader(now);
  keep_leases(now);
  answer_ready_barriers();
  answer_clients(now);
  expire_requests(now);
}

void Replica::on(Now now, const PeerMessage& event) {
  if (const auto* hello = std::get_if<raft::Hello>(&event.message.body); hello && raft_) {
    on_hello(event, *hello);
  } else if (raft_) {
    raft_->receive(now, event.connection, event.message);
  } else {
    formation_->receive(now, event.connection, event.message);
    collect_formation_output();
  }
}

void Replica::on(Now, const BadFrame&) { ++rejected_frames_; }

void Replica::on(Now now, const Persisted& event) {
  if (raft_) {
    raft_->persisted(now.time, event.write);
    return;
  }
  formation_->persisted(now, event.write);
  collect_formation_output();
  if (formation_->formed()) start_raft();
}

void Replica::on(Now, const Compacted& event) {
  compacting_ = false;
  if (event.snapshot) {
    raft_->compacted(*event.snapshot);
  } else {
    bytes_since_snapshot_ = 0;  // tried again when the log has grown by as much again
  }
}

void Replica::on(Now, const SnapshotBytes& event) { raft_->snapshot_read(event.read, event.bytes); }

void Replica::on(Now now, const Tick& tick) {
  if (raft_) {
    raft_->tick(now.time);
    advance_leases(now.time, tick.peers_read_empty);
  } else {
    formation_->tick(now);
    collect_formation_output();
  }
}

void Replica::start_raft() {
  raft_.emplace(raft::Options{options_.timing, options_.bounds, random_.next()}, *formation_->formed(),
                formation_->last_write(), now_.time);
  formation_.reset();
}

// R17: "Any formed node answers a blank Hello whose id is in entry 1 with that Form."
void Replica::on_hello(const PeerMessage& event, const raft::Hello& hello) {
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

// What concerns this node itself; what leaves it is batched in take_output().
void Replica::collect_consequences() {
  raft::Consequences consequences = raft_->take_consequences();
  for (const SessionId session : consequences.renewed) leases_.renew(session);
  for (const raft::BarrierAnswer& answer : consequences.barriers) barrier_answered(answer);
  move_to_end(consequences.ready, ready_barriers_);
  hashes_.note_leaders(consequences.leader_hashes, applied_);
  if (consequences.snapshot) take_snapshot(now_, consequences.snapshot);
  move_to_end(consequences.notices, output_.notices);
}

void Replica::barrier_answered(const raft::BarrierAnswer& answer) {
  reads_.barrier_answered(answer.number, answer.index);
  keep_alives_.barrier_answered(answer.number, answer.index, answer.renewals);
}

// --- applying ---

void Replica::apply_committed() {
  // While a snapshot is on its way to the disk the log begins after it.
  while (applied_ < raft_->applicable_index() && raft_->log().contains(applied_.next())) {
    applied_ = applied_.next();
    apply(raft_->log().at(applied_));
    note_hash();
  }
}

// Whoever waits for the entry, or for what it did, is answered at it: the next may change things again.
void Replica::apply(const raft::Entry& entry) {
  bytes_since_snapshot_ += raft::size_of(entry);
  const auto [command, outcome] = apply_entry(state_, applied_, entry);
  if (!command) return;
  const std::vector<locks::SettledWaiter> settled = state_.take_settled_waiters();
  if (outcome) {
    for (const Asker& asker : pending_.complete(outcome->key)) reply(asker, body_of(outcome->result));
  }
  for (const locks::SettledWaiter& waiter : settled) {
    for (const WaitPoll& wait : waits_.settle(waiter.id)) answer(wait);
  }
  watches_.record(state_.take_changes());
  follow_leases(*command, outcome, settled);
}

void Replica::note_hash() {
  if (applied_.value() % kHashInterval != 0) return;
  const raft::StateHash own{applied_, state_.hash()};
  hashes_.note_own(own);
  raft_->set_state_hash(own);
}

// --- snapshots ---

void Replica::begin_with(const raft::Snapshot& snapshot) {
  auto state = restore_state(snapshot);
  INVARIANT(state.has_value(), "whoever starts a replica from a snapshot has seen that it can be read");
  state_ = *std::move(state);
  applied_ = snapshot.head.index;
  watches_.begin_anew(applied_);
}

// One that cannot be read is fetched again when the leader is heard next.
void Replica::take_snapshot(Now now, raft::SharedSnapshot snapshot) {
  auto state = restore_state(*snapshot);
  if (!state) {
    output_.notices.push_back(
        {Notice::Level::kWarning, "the snapshot that came in " + state.error() + ": it is fetched again"});
    return;
  }
  next_state_.emplace(snapshot->head.index, *std::move(state));
  raft_->install(now.time, std::move(snapshot));
}

// Nobody here was told what the entries in between did. Requests among them are handed on once more, and answered from
// their sessions' tables; who watches begins anew; who waits in line is looked at.
void Replica::install_if_durable(Now now) {
  if (!next_state_ || raft_->applicable_index() < next_state_->first) return;
  applied_ = next_state_->first;
  state_ = std::move(next_state_->second);
  next_state_.reset();
  bytes_since_snapshot_ = 0;
  watches_.begin_anew(applied_);
  for (WaitPoll& wait : waits_.take_held()) answer_or_hold(now, std::move(wait));
}

// A snapshot costs as much as the state is large, so it is worth as much log (S6).
void Replica::compact_if_due() {
  const raft::SnapshotHead* last = raft_->snapshot();
  const std::uint64_t due = std::max(options_.compact_log_bytes, last != nullptr ? last->state_bytes : 0);
  if (compacting_ || bytes_since_snapshot_ < due) return;
  compacting_ = true;
  bytes_since_snapshot_ = 0;
  output_.compaction = Compaction{applied_, state_.hash()};
}

// --- the leader, and what is handed to it ---

void Replica::follow_leader(Now now) {
  if (raft_->leader() != leader_ || raft_->term() != leader_term_) {
    leader_ = raft_->leader();
    leader_term_ = raft_->term();
    reads_.leader_changed();
    for (const Asker asker : keep_alives_.leader_changed()) reply_error(asker, ErrorCode::kUnavailable);
    if (leader_) pending_.hand_on_again();
  } else {
    pending_.hand_on_again_since(now.time - options_.timing.election_timeout_max, raft_->is_leader());
  }
}

void Replica::hand_on_commands(Now now) {
  if (!leader_ || !raft_->may_speak()) return;
  while (pending_.has_due()) {
    std::vector<PendingRequests::Due> due = pending_.take_due(now.time, wire::kForwardedFrame);
    std::vector<std::string> commands;
    for (PendingRequests::Due& request : due) {
      if (!raft_->is_leader()) {
        commands.push_back(std::move(request.command));
      } else if (raft_->propose(now, std::move(request.command)) == raft::Proposed::kBusy) {
        on_no_room_for(request);
      }
    }
    if (!commands.empty()) raft_->forward(std::move(commands));
  }
}

// Of a request that an earlier leader may have, "this copy was not taken" might not be true: that one waits on,
// for its entry, for room, or for its time.
void Replica::on_no_room_for(const PendingRequests::Due& request) {
  if (request.handed_on_before) {
    pending_.was_refused(request.key);
  } else {
    for (const Asker& asker : pending_.complete(request.key)) reply_error(asker, ErrorCode::kBusy);
  }
}

void Replica::ask_for_barrier(Now now) {
  if (!leader_ || !raft_->may_speak()) return;
  if (!reads_.barrier_is_due(now.time) && !keep_alives_.barrier_is_due(now.time)) return;
  const CallNumber number = raft_->request_barrier(keep_alives_.renewals());
  reads_.barrier_sent(now.time, number);
  keep_alives_.barrier_sent(now.time, number);
}

// --- output ---

Output Replica::take_output() {
  if (raft_) {
    hand_on_commands(now_);
    ask_for_barrier(now_);
    raft::RaftOutput raft_output = raft_->take_output(now_.time);
    collect_consequences();  // a cluster of one confirms its rounds by publishing them
    answer_ready_barriers();
    answer_clients(now_);
    move_to_end(raft_output.writes, output_.writes);
    move_to_end(raft_output.messages, output_.messages);
    move_to_end(raft_output.snapshot_reads, output_.snapshot_reads);
  }
  Output output;
  std::swap(output, output_);
  return output;
}

Time Replica::next_deadline() const {
  if (!raft_) return formation_->next_deadline();
  Time deadline = raft_->next_deadline();
  if (const auto expiry = pending_.next_expiry()) deadline = std::min(deadline, *expiry);
  deadline = std::min({deadline, keep_alives_.next_expiry(), waits_.next_deadline(), watches_.next_deadline()});
  if (leases_of_) deadline = std::min(deadline, leases_.next_deadline());
  if (leader_ && raft_->may_speak()) {
    deadline = std::min({deadline, reads_.next_deadline(), keep_alives_.next_barrier()});
    const auto handed_on = pending_.oldest_handed_on();
    if (handed_on) deadline = std::min(deadline, *handed_on + options_.timing.election_timeout_max);
  } else {
    deadline = std::min(deadline, reads_.next_expiry());
  }
  return deadline;
}

}  // namespace lockstep

// What a leader does for leases: it keeps their clock, says what became of renewals, and appends an Expire
// for each that ran out. A follower does nothing of this.

#include "protocol/replica/replica.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

// While a session of TTL 0 waits, it must show that its client lives: else it would be granted what nobody
// would ever release, and those behind it would wait for ever.
constexpr Duration kWaitLease = std::chrono::seconds(10);

}  // namespace

// L5. A heartbeat is answered well within another.
void Replica::advance_leases(Time now, bool peers_read_empty) {
  if (!leases_of_ || !raft_->is_leader()) return;
  const bool quorum_answers = raft_->quorum_silence(now) <= 2 * options_.timing.heartbeat;
  leases_.advance(now, quorum_answers && peers_read_empty);
}

// R6: before its own first entry is applied a leader does not know all sessions, so it ends none.
void Replica::keep_leases(Now now) {
  if (!raft_->leads_with_full_state()) {
    if (leases_of_) leases_.begin(now.time);
    leases_of_.reset();
    return;
  }
  if (leases_of_ != raft_->term()) begin_leases(now.time);
  expire_sessions(now);
}

// L6: nobody knows when a former leader last heard of a session, so every lease begins anew.
void Replica::begin_leases(Time now) {
  leases_of_ = raft_->term();
  leases_.begin(now);
  for (const SessionId session : state_.sessions().in_order()) follow_lease_of(session);
}

// None: the session needs no lease.
std::optional<Duration> Replica::lease_of(SessionId id) const {
  const locks::Session* session = state_.sessions().find(id);
  if (session == nullptr) return std::nullopt;
  if (session->ttl_ms != 0) return std::chrono::milliseconds(session->ttl_ms);
  if (state_.locks().waits_of(id).empty()) return std::nullopt;
  return kWaitLease;
}

void Replica::follow_lease_of(SessionId session) {
  const auto duration = lease_of(session);
  if (!duration) {
    leases_.forget(session);
  } else if (!leases_.is_known(session)) {
    leases_.start(session, *duration);
  }
}

// Of the sessions that an entry touched: it may have opened them or ended them, and queued or settled their waits.
void Replica::follow_leases(const locks::Command& command, const std::optional<locks::Outcome>& outcome,
                            const std::vector<locks::SettledWaiter>& settled) {
  if (!leases_of_) return;
  if (const auto* open = std::get_if<locks::Open>(&command)) {
    const auto* opened = outcome ? std::get_if<locks::SessionOpened>(&outcome->result) : nullptr;
    if (opened != nullptr) follow_lease_of(opened->session);
    follow_lease_of(open->replaces);
  } else if (const auto* execute = std::get_if<locks::Execute>(&command)) {
    follow_lease_of(execute->session);
    const auto* close = std::get_if<locks::CloseSession>(&execute->operation);
    if (close != nullptr) follow_lease_of(close->target);
  } else {
    follow_lease_of(std::get<locks::Expire>(command).session);
  }
  for (const locks::SettledWaiter& waiter : settled) follow_lease_of(waiter.session);
}

// L4: into this leader's own log, in its own term, and nowhere else.
void Replica::expire_sessions(Now now) {
  for (const SessionId session : leases_.take_expired()) {
    if (!lease_of(session)) {
      leases_.forget(session);
      continue;
    }
    const bool waits_only = state_.sessions().find(session)->ttl_ms == 0;
    const locks::Expire expire{session, waits_only};
    if (raft_->propose(now, wire::encode(locks::Command(expire))) == raft::Proposed::kBusy) leases_.put_back(session);
  }
}

// L2: a round that a quorum confirmed proves that this node still led after it restarted the leases.
void Replica::answer_ready_barriers() {
  if (!leases_of_) ready_barriers_.clear();
  for (raft::ReadyBarrier& barrier : ready_barriers_) {
    std::vector<raft::Renewal> verdicts;
    for (const SessionId session : barrier.renewals) {
      verdicts.push_back(verdict_on(session));
      // Whoever is told that a session ended must have applied what ended it, to know why.
      if (verdicts.back() == raft::Renewal::kDead) barrier.index = applied_;
    }
    if (barrier.asker == self_) {
      barrier_answered({barrier.number, barrier.index, std::move(verdicts)});
    } else {
      raft_->answer_barrier(barrier, std::move(verdicts));
    }
  }
  ready_barriers_.clear();
}

// Once an Expire is appended it may be committed whatever happens, so from then on nothing is promised (L4).
raft::Renewal Replica::verdict_on(SessionId session) const {
  if (state_.sessions().find(session) == nullptr) return raft::Renewal::kDead;
  return leases_.is_expiring(session) ? raft::Renewal::kUnknown : raft::Renewal::kRenewed;
}

}  // namespace lockstep

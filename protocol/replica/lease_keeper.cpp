// Which sessions have a lease, for how long, and what an applied entry changes about that.
#include "protocol/replica/lease_keeper.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

// While a session of TTL 0 waits, it must show that its client lives. Otherwise it would be granted what nobody would
// ever release, and those behind it would wait for ever.
constexpr Duration kWaitLease = std::chrono::seconds(10);

// Nothing if the session needs no lease.
std::optional<Duration> lease_of(SessionId id, const locks::StateMachine& state) {
  const locks::Session* session = state.sessions().find(id);
  if (session == nullptr) return std::nullopt;
  if (session->ttl_ms != 0) return std::chrono::milliseconds(session->ttl_ms);
  if (state.locks().waits_of(id).empty()) return std::nullopt;
  return kWaitLease;
}

}  // namespace

// L6: nobody knows when a former leader last heard of a session, so every lease begins again.
void LeaseKeeper::keep(Time now, Term term, const locks::StateMachine& state) {
  if (term_ == term) return;
  INVARIANT(!term_ || *term_ < term, "a leader's term never falls");
  term_ = term;
  leases_.begin(now);
  for (const SessionId session : state.sessions().in_order()) follow(session, state);
}

void LeaseKeeper::stop(Time now) {
  if (!keeps()) return;
  leases_.begin(now);
  term_.reset();
}

// L5. A heartbeat is answered well within another.
void LeaseKeeper::advance(Time now, Duration quorum_silence, bool peers_read_empty) {
  if (!keeps()) return;
  const bool quorum_answers = quorum_silence <= 2 * heartbeat_;
  leases_.advance(now, quorum_answers && peers_read_empty);
}

void LeaseKeeper::follow(SessionId session, const locks::StateMachine& state) {
  const auto duration = lease_of(session, state);
  if (!duration) {
    leases_.forget(session);
  } else if (!leases_.is_known(session)) {
    leases_.start(session, *duration);
  }
}

void LeaseKeeper::applied(const AppliedEntry& entry, const std::vector<locks::SettledWaiter>& settled,
                          const locks::StateMachine& state) {
  if (!keeps() || !entry.command) return;
  if (const auto* open = std::get_if<locks::Open>(&*entry.command)) {
    const auto* opened = entry.outcome ? std::get_if<locks::SessionOpened>(&entry.outcome->result) : nullptr;
    if (opened != nullptr) follow(opened->session, state);
    follow(open->replaces, state);
  } else if (const auto* execute = std::get_if<locks::Execute>(&*entry.command)) {
    follow(execute->session, state);
    const auto* close = std::get_if<locks::CloseSession>(&execute->operation);
    if (close != nullptr) follow(close->target, state);
  } else {
    follow(std::get<locks::Expire>(*entry.command).session, state);
  }
  for (const locks::SettledWaiter& waiter : settled) follow(waiter.session, state);
}

std::vector<locks::Expire> LeaseKeeper::take_expired(const locks::StateMachine& state) {
  std::vector<locks::Expire> expired;
  for (const SessionId session : leases_.take_expired()) {
    if (!lease_of(session, state)) {
      leases_.forget(session);
      continue;
    }
    const bool waits_only = state.sessions().find(session)->ttl_ms == 0;
    expired.push_back({session, waits_only});
  }
  return expired;
}

// Once an Expire is appended it may be committed whatever happens, so from then on nothing is promised (L4).
raft::Renewal LeaseKeeper::verdict_on(SessionId session, const locks::StateMachine& state) const {
  if (state.sessions().find(session) == nullptr) return raft::Renewal::kDead;
  return leases_.is_expiring(session) ? raft::Renewal::kUnknown : raft::Renewal::kRenewed;
}

void LeaseKeeper::check_invariants(const locks::StateMachine& state) const {
  if (!keeps()) {
    INVARIANT(leases_.size() == 0, "a node that does not lead keeps no leases");
    return;
  }
  std::size_t needed = 0;
  for (const SessionId session : state.sessions().in_order()) {
    if (!lease_of(session, state)) continue;
    ++needed;
    INVARIANT(leases_.is_known(session), "a leader knows the lease of every session that needs one (L6)");
  }
  INVARIANT(leases_.size() == needed, "a leader keeps no lease of a session that needs none");
}

}  // namespace lockstep

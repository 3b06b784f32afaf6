// Applies commands: one function a kind.
#include "protocol/locks/state_machine.hpp"

#include "protocol/base/invariant.hpp"
#include "protocol/locks/deadlock.hpp"
#include "protocol/locks/obstacle.hpp"
#include "protocol/locks/record_hash.hpp"
#include "protocol/locks/state_image.hpp"

namespace lockstep::locks {
namespace {

Refused refused(ErrorCode code, std::string detail = {}) { return Refused{code, SessionId(), std::move(detail)}; }

std::string about(const std::string& name) { return "lock \"" + name + "\""; }

std::uint64_t hash_of(const StateLimits& limits) {
  return RecordHash(RecordTag::kLimits)
      .add(limits.locks)
      .add(limits.sessions)
      .add(limits.locks_per_session)
      .add(limits.waiters_per_lock)
      .finish();
}

// Of requests whose session does not live. Nothing is known any more of one that ended long ago.
ErrorCode error_after(std::optional<EndReason> end) {
  switch (end.value_or(EndReason::kExpired)) {
    case EndReason::kSuperseded: return ErrorCode::kSessionSuperseded;
    case EndReason::kClosed: return ErrorCode::kSessionClosed;
    case EndReason::kForced: return ErrorCode::kSessionForced;
    default: return ErrorCode::kSessionExpired;
  }
}

}  // namespace

StateMachine::StateMachine(const StateLimits& limits, const Bounds& bounds)
    : limits_(limits),
      bounds_(bounds),
      limits_hash_(hash_of(limits)),
      sessions_(bounds.ended_sessions),
      history_(bounds) {}

StateMachine::StateMachine(StateImage image, const Bounds& bounds) : StateMachine(image.limits, bounds) {
  last_applied_ = image.last_applied;
  for (const EndedSession& ended : image.ended) sessions_.restore(ended);
  for (Session& session : image.sessions) sessions_.restore(std::move(session));
  for (const LockRecord& lock : image.locks) {
    for (const HoldRecord& hold : lock.holds) {
      locks_.restore(lock.name, {hold.session, hold.thread, lock.mode, lock.permits},
                     {hold.thread, hold.token, hold.since, hold.granted, hold.waiter, 0});
    }
  }
  for (const WaiterRecord& waiter : image.waiters) {
    locks_.enqueue(waiter.names, waiter.request, waiter.id, waiter.since);
  }
  for (const SessionId session : sessions_.in_order()) sessions_.now_busy(session, locks_.is_busy(session));
  for (HistoryEvent& event : image.history) history_.restore(std::move(event));
}

std::optional<Outcome> StateMachine::apply(LogIndex index, WallTime time, const Command& command) {
  INVARIANT(index > last_applied_, "entries are applied in order, each once");
  last_applied_ = index;
  changes_.clear();
  locks_.take_settled();
  const Stamp at{index, time};
  if (const auto* request = std::get_if<Expire>(&command)) {
    expire(at, *request);
    return std::nullopt;
  }
  RequestKey key = key_of(command);
  if (const auto* request = std::get_if<Open>(&command)) return Outcome{key, open(at, *request)};
  auto result = execute(at, std::get<Execute>(command), key.fingerprint);
  if (!result) return std::nullopt;
  return Outcome{key, *std::move(result)};
}

// ---- Sessions

// L1. The order of the questions matters: a retried Open is recognised before anything else, so that
// it cannot take over from itself; a stale one names an older session, so it cannot fence the living.
Result StateMachine::open(const Stamp& at, const Open& open) {
  const SessionId last = sessions_.last_of(open.client);
  const Session* current = sessions_.find(last);
  if (current && current->nonce == open.nonce && current->secret_hash == open.secret_hash) {
    sessions_.used(last, at.index, locks_.is_busy(last));
    return SessionOpened{last};
  }
  if (last && open.replaces != last) return Refused{ErrorCode::kSessionConflict, last};
  if (current) return take_over(at, open, *current);
  return open_new(at, open);
}

Result StateMachine::open_new(const Stamp& at, const Open& open) {
  if (sessions_.size() >= limits_.sessions) {
    const SessionId idle = sessions_.longest_idle();
    if (!idle) return refused(ErrorCode::kTooManySessions);
    sessions_.end(idle, EndReason::kEvicted);
  }
  sessions_.open(at.index, at.time, open);
  return SessionOpened{session_opened_by(at.index)};
}

Result StateMachine::take_over(const Stamp& at, const Open& open, const Session& current) {
  if (current.secret_hash != open.secret_hash) return refused(ErrorCode::kWrongSecret);
  const SessionId earlier = current.id;
  const SessionId session = session_opened_by(at.index);
  const std::vector<std::string> names = locks_.names_held_by(earlier);
  locks_.drop_waits_of(earlier);
  for (const std::string& name : names) note_end(at, *locks_.find(name), earlier, {EndReason::kSuperseded});
  sessions_.end(earlier, EndReason::kSuperseded);
  sessions_.open(at.index, at.time, open);
  locks_.take_over(earlier, session, token_granted_by(at.index), at.time);
  for (const std::string& name : names) note_grant(at, name, session, locks_.find(name)->second.mode);
  sessions_.used(session, at.index, locks_.is_busy(session));
  settle(at);
  return SessionOpened{session};
}

void StateMachine::expire(const Stamp& at, const Expire& expire) {
  if (sessions_.find(expire.session) == nullptr) return;
  if (expire.waits_only) {
    locks_.drop_waits_of(expire.session);
    sessions_.now_busy(expire.session, locks_.is_busy(expire.session));
  } else {
    end_session(at, expire.session, {EndReason::kExpired});
  }
  settle(at);
}

// L8: first its waits, so that nothing is granted to a session that is ending; then its locks.
void StateMachine::end_session(const Stamp& at, SessionId session, const Cause& cause) {
  locks_.drop_waits_of(session);
  for (const std::string& name : locks_.names_held_by(session)) {
    end_hold(at, *locks_.find(name), session, cause);
  }
  sessions_.end(session, cause.reason);
}

// ---- Exactly once

std::optional<Result> StateMachine::execute(const Stamp& at, const Execute& request, std::uint64_t fingerprint) {
  if (sessions_.find(request.session) == nullptr) {
    const auto end = sessions_.end_of(request.session);
    // A second copy of the very request that closed the session.
    if (end == EndReason::kClosed && std::holds_alternative<Close>(request.operation)) return Closed{};
    return refused(error_after(end));
  }
  sessions_.acknowledge(request.session, request.acknowledged_below);
  auto result = run_once(at, request, fingerprint);
  if (sessions_.find(request.session) != nullptr) {
    sessions_.used(request.session, at.index, locks_.is_busy(request.session));
  }
  return result;
}

// A number that has run is answered from the table, one that was acknowledged is over.
std::optional<Result> StateMachine::run_once(const Stamp& at, const Execute& request, std::uint64_t fingerprint) {
  const Session& session = sessions_.at(request.session);
  if (request.number < session.acknowledged_below) return std::nullopt;
  if (request.number - session.acknowledged_below >= bounds_.unacknowledged) {
    return refused(ErrorCode::kTooManyUnacknowledged);
  }
  if (const SavedAnswer* answer = session.answer_to(request.number)) {
    if (answer->fingerprint != fingerprint) return refused(ErrorCode::kNumberReused);
    return answer->result;
  }
  Result result =
      std::visit([&](const auto& operation) { return run(at, request.session, operation); }, request.operation);
  settle(at);
  const bool lives = sessions_.find(request.session) != nullptr;
  if (lives) sessions_.save(request.session, SavedAnswer{request.number, fingerprint, result});
  return result;
}

// ---- The operations

Result StateMachine::run(const Stamp& at, SessionId session, const Preempt& preempt) {
  const LockRequest request{session};
  const NamedLock* lock = locks_.find(preempt.name);
  if (lock != nullptr && !lock->second.holds.empty()) return who_holds(*lock, session, sessions_);
  if (lock != nullptr) return refused(ErrorCode::kWaitedFor, about(preempt.name));
  if (auto refusal = over_limits(session, 1, 1)) return *std::move(refusal);
  locks_.grant({&preempt.name, 1}, request, token_granted_by(at.index), at.time);
  note_grant(at, preempt.name, session, request.mode);
  return Granted{token_granted_by(at.index)};
}

Result StateMachine::run(const Stamp& at, SessionId session, const Release& release) {
  const NamedLock* lock = locks_.find(release.name);
  if (lock == nullptr || lock->second.holds.empty()) return NotHolder{};
  if (!lock->second.holds.contains(session)) return NotHolder{client_of(lock->second.holds.begin()->first)};
  end_hold(at, *lock, session, {EndReason::kReleased});
  return Released{};
}

Result StateMachine::run(const Stamp& at, SessionId session, const Acquire& acquire) {
  if (auto refusal = refusal_of(session, acquire)) return *std::move(refusal);
  const LockRequest request{session, acquire.thread, acquire.mode, acquire.permits};
  const NamedLock* obstacle = nullptr;
  std::size_t new_names = 0;
  for (const std::string& name : acquire.names) {
    const NamedLock* lock = locks_.find(name);
    if (lock == nullptr) ++new_names;
    if (obstacle == nullptr && !LockTable::is_to_be_had(lock, acquire.mode)) obstacle = lock;
  }
  if (obstacle != nullptr && !acquire.wait) {
    Held by = who_blocks(*obstacle, request, sessions_);
    if (!by.token) return refused(ErrorCode::kWaitedFor, about(obstacle->first));
    return by;
  }
  if (auto refusal = over_limits(session, acquire.names.size(), new_names)) return *std::move(refusal);
  if (obstacle != nullptr) return enqueue(at, request, acquire, *obstacle);
  locks_.grant(acquire.names, request, token_granted_by(at.index), at.time);
  for (const std::string& name : acquire.names) note_grant(at, name, session, acquire.mode);
  return Granted{token_granted_by(at.index)};
}

Result StateMachine::enqueue(const Stamp& at, const LockRequest& request, const Acquire& acquire,
                             const NamedLock& obstacle) {
  for (const std::string& name : acquire.names) {
    const NamedLock* lock = locks_.find(name);
    if (lock != nullptr && lock->second.queue.size() >= limits_.waiters_per_lock) {
      return refused(ErrorCode::kTooManyWaiters, about(name));
    }
  }
  if (locks_.is_busy(request.session)) {
    if (const auto cycle = find_deadlock(locks_, acquire.names, request)) {
      return refused(ErrorCode::kDeadlock, describe(*cycle, sessions_));
    }
  }
  Held by = who_blocks(obstacle, request, sessions_);
  const Waiter& waiter = locks_.enqueue(acquire.names, request, waiter_queued_by(at.index), at.time);
  return Queued{waiter.id, LockTable::position_of(waiter), std::move(by)};
}

Result StateMachine::run(const Stamp&, SessionId session, const Cancel& cancel) {
  if (const Waiter* waiter = locks_.waiter(cancel.waiter); waiter && waiter->request.session == session) {
    locks_.drop(cancel.waiter);
    return Cancelled{};
  }
  if (const auto* granted = locks_.granted(cancel.waiter); granted && granted->session == session) {
    return Granted{granted->token};
  }
  return refused(ErrorCode::kWaiterGone);
}

Result StateMachine::run(const Stamp& at, SessionId session, const Close&) {
  end_session(at, session, {EndReason::kClosed});
  return Closed{};
}

Result StateMachine::run(const Stamp& at, SessionId session, const ForceRelease& release) {
  const NamedLock* lock = locks_.find(release.name);
  if (lock == nullptr || lock->second.holds.empty()) return NotHolder{};
  std::vector<SessionId> holders;
  for (const auto& [holder, hold] : lock->second.holds) holders.push_back(holder);
  const ClientId by = client_of(session);
  for (const SessionId holder : holders) {
    end_hold(at, *locks_.find(release.name), holder, {EndReason::kForced, by, release.why});
    sessions_.lock_was_forced(holder, at.index);
    sessions_.now_busy(holder, locks_.is_busy(holder));
  }
  return Released{};
}

Result StateMachine::run(const Stamp& at, SessionId session, const CloseSession& close) {
  if (sessions_.find(close.target) == nullptr) return refused(ErrorCode::kNoSuchSession);
  end_session(at, close.target, {EndReason::kForced, client_of(session), close.why});
  return Closed{};
}

// ---- Whether a request is allowed

std::optional<Refused> StateMachine::refusal_of(SessionId session, const Acquire& acquire) const {
  for (const std::string& name : acquire.names) {
    const NamedLock* lock = locks_.find(name);
    if (lock == nullptr) continue;
    if (lock->second.holds.contains(session)) return refused(ErrorCode::kAlreadyHeld, about(name));
    if (locks_.is_waiting_for(session, *lock)) return refused(ErrorCode::kAlreadyWaiting, about(name));
    const std::uint32_t permits = lock->second.permits;
    if ((permits == 0) != (acquire.permits == 0)) {
      return refused(ErrorCode::kModeMismatch, about(name) + (permits == 0 ? " is no semaphore" : " is a semaphore"));
    }
    if (permits != acquire.permits) {
      return refused(ErrorCode::kPermitsMismatch, about(name) + " has " + std::to_string(permits) + " permits");
    }
  }
  return std::nullopt;
}

std::optional<Refused> StateMachine::over_limits(SessionId session, std::size_t names, std::size_t new_names) const {
  if (locks_.size() + new_names > limits_.locks) return refused(ErrorCode::kTooManyLocks);
  if (locks_.claims_of(session) + names > limits_.locks_per_session) {
    return refused(ErrorCode::kTooManySessionLocks);
  }
  return std::nullopt;
}

// ---- What follows

void StateMachine::settle(const Stamp& at) {
  if (locks_.is_settled()) return;
  while (const auto grant = locks_.grant_next(token_granted_by(at.index), at.time)) {
    INVARIANT(sessions_.find(grant->request.session) != nullptr, "no dead waiter is granted (L8)");
    for (const std::string& name : grant->names) note_grant(at, name, grant->request.session, grant->request.mode);
  }
}

void StateMachine::end_hold(const Stamp& at, const NamedLock& lock, SessionId session, const Cause& cause) {
  note_end(at, lock, session, cause);
  locks_.release(lock.first, session);
}

void StateMachine::note_grant(const Stamp& at, const std::string& name, SessionId session, Mode mode) {
  changes_.push_back({at.index, name, mode, client_of(session), token_granted_by(at.index), std::nullopt});
}

void StateMachine::note_end(const Stamp& at, const NamedLock& lock, SessionId session, const Cause& cause) {
  const Hold& hold = lock.second.holds.at(session);
  const ClientId& client = client_of(session);
  changes_.push_back({at.index, lock.first, lock.second.mode, client, hold.token, cause.reason});
  history_.add({0, lock.first, lock.second.mode, client, hold.token, hold.granted, at.time, cause.reason, cause.by,
                std::string(cause.why)});
}

ErrorCode StateMachine::why_ended(SessionId session) const { return error_after(sessions_.end_of(session)); }

std::uint64_t StateMachine::recomputed_hash() const {
  return hash_of(limits_) + locks_.recomputed_hash() + sessions_.recomputed_hash() + history_.recomputed_hash();
}

}  // namespace lockstep::locks

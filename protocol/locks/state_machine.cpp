#include "protocol/locks/state_machine.hpp"

#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/locks/record_hash.hpp"

namespace lockstep::locks {
namespace {

Refused refused(ErrorCode code) { return Refused{code, SessionId()}; }

std::uint64_t hash_of(const StateLimits& limits) {
  return RecordHash(RecordTag::kLimits).add(limits.locks).add(limits.sessions).add(limits.locks_per_session).finish();
}

}  // namespace

StateMachine::StateMachine(const StateLimits& limits) : limits_(limits), limits_hash_(hash_of(limits)) {}

std::optional<Outcome> StateMachine::apply(LogIndex index, WallTime time, const Command& command) {
  INVARIANT(index > last_applied_, "entries are applied in order, each once");
  last_applied_ = index;
  RequestKey key = key_of(command);
  if (const auto* request = std::get_if<Open>(&command)) return Outcome{key, open(index, *request)};
  auto result = execute(index, time, std::get<Execute>(command), key.fingerprint);
  if (!result) return std::nullopt;
  return Outcome{key, *std::move(result)};
}

// L1. The order of the questions matters: a retried Open is recognised before anything else, so that
// it cannot take over from itself; a stale one names an older session, so it cannot fence the living.
Result StateMachine::open(LogIndex index, const Open& open) {
  const SessionId last = sessions_.last_of(open.client);
  const Session* current = sessions_.find(last);
  if (current && current->nonce == open.nonce && current->secret_hash == open.secret_hash) {
    sessions_.used(last, index, locks_.held_by(last) != 0);
    return SessionOpened{last};
  }
  if (last && open.replaces != last) return Refused{ErrorCode::kSessionConflict, last};
  if (current) return take_over(index, open, *current);
  return open_new(index, open);
}

Result StateMachine::open_new(LogIndex index, const Open& open) {
  if (sessions_.size() >= limits_.sessions) {
    const SessionId idle = sessions_.longest_idle();
    if (!idle) return refused(ErrorCode::kTooManySessions);
    sessions_.end(idle, SessionEnd::kEvicted);
  }
  sessions_.open(index, open);
  return SessionOpened{session_opened_by(index)};
}

Result StateMachine::take_over(LogIndex index, const Open& open, const Session& current) {
  if (current.secret_hash != open.secret_hash) return refused(ErrorCode::kWrongSecret);
  const SessionId earlier = current.id;
  const SessionId session = session_opened_by(index);
  sessions_.end(earlier, SessionEnd::kSuperseded);
  sessions_.open(index, open);
  locks_.take_over(earlier, session, token_granted_by(index));
  sessions_.used(session, index, locks_.held_by(session) != 0);
  return SessionOpened{session};
}

std::optional<Result> StateMachine::execute(LogIndex index, WallTime time, const Execute& request,
                                            std::uint64_t fingerprint) {
  if (sessions_.find(request.session) == nullptr) {
    const bool superseded = sessions_.end_of(request.session) == SessionEnd::kSuperseded;
    return refused(superseded ? ErrorCode::kSessionSuperseded : ErrorCode::kSessionExpired);
  }
  sessions_.acknowledge(request.session, request.acknowledged_below);
  auto result = run_once(index, time, request, fingerprint);
  sessions_.used(request.session, index, locks_.held_by(request.session) != 0);
  return result;
}

// Exactly once: a number that has run is answered from the table, one that was acknowledged is over.
std::optional<Result> StateMachine::run_once(LogIndex index, WallTime time, const Execute& request,
                                             std::uint64_t fingerprint) {
  const Session& session = *sessions_.find(request.session);
  if (request.number < session.acknowledged_below) return std::nullopt;
  if (request.number - session.acknowledged_below >= kMaxUnacknowledged) {
    return refused(ErrorCode::kTooManyUnacknowledged);
  }
  if (const SavedAnswer* answer = session.answer_to(request.number)) {
    if (answer->fingerprint != fingerprint) return refused(ErrorCode::kNumberReused);
    return answer->result;
  }
  Result result = run(index, time, request.session, request.operation);
  sessions_.save(request.session, SavedAnswer{request.number, fingerprint, result});
  return result;
}

Result StateMachine::run(LogIndex index, WallTime time, SessionId session, const Operation& operation) {
  if (const auto* wanted = std::get_if<Preempt>(&operation)) return preempt(index, time, session, wanted->name);
  return release(session, std::get<Release>(operation).name);
}

Result StateMachine::preempt(LogIndex index, WallTime time, SessionId session, const std::string& name) {
  if (const LockTable::Lock* lock = locks_.find(name)) {
    return Held{client_of(lock->session), lock->token, lock->since};
  }
  if (locks_.size() >= limits_.locks) return refused(ErrorCode::kTooManyLocks);
  if (locks_.held_by(session) >= limits_.locks_per_session) return refused(ErrorCode::kTooManySessionLocks);
  const FencingToken token = token_granted_by(index);
  locks_.grant(name, session, token, time);
  return Granted{token};
}

Result StateMachine::release(SessionId session, const std::string& name) {
  const LockTable::Lock* lock = locks_.find(name);
  if (lock == nullptr) return NotHolder{};
  if (lock->session != session) return NotHolder{client_of(lock->session)};
  locks_.release(name);
  return Released{};
}

std::optional<LockView> StateMachine::check(std::string_view name) const {
  const auto found = locks_.in_order().find(name);
  if (found == locks_.in_order().end()) return std::nullopt;
  return view_of(found->first, found->second);
}

std::vector<LockView> StateMachine::list(std::string_view prefix, std::string_view after, std::size_t limit) const {
  const auto& locks = locks_.in_order();
  auto lock = after < prefix ? locks.lower_bound(prefix) : locks.upper_bound(after);
  std::vector<LockView> views;
  for (; lock != locks.end() && views.size() < limit && lock->first.starts_with(prefix); ++lock) {
    views.push_back(view_of(lock->first, lock->second));
  }
  return views;
}

const ClientId& StateMachine::client_of(SessionId session) const {
  const Session* owner = sessions_.find(session);
  INVARIANT(owner != nullptr, "the session of every lock lives");
  return owner->client;
}

LockView StateMachine::view_of(const std::string& name, const LockTable::Lock& lock) const {
  return LockView{name, client_of(lock.session), lock.token, lock.since};
}

std::uint64_t StateMachine::recomputed_hash() const {
  return hash_of(limits_) + locks_.recomputed_hash() + sessions_.recomputed_hash();
}

}  // namespace lockstep::locks

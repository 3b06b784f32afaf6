// Opens, finds and ends sessions, and keeps their answers until they are acknowledged.
#include "protocol/locks/sessions.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/locks/record_hash.hpp"

namespace lockstep::locks {
namespace {

bool has_lower_number(const SavedAnswer& answer, RequestNumber number) { return answer.number < number; }

// A session hashes in three parts, so that a request rehashes only what it changes: what the Open
// fixed, what every use changes, and each saved answer.
std::uint64_t hash_of_identity(const Session& session) {
  return RecordHash(RecordTag::kSession)
      .add(session.id.value())
      .add(session.client)
      .add(session.secret_hash)
      .add(session.nonce)
      .add(session.ttl_ms)
      .add_text(session.note)
      .add(session.opened)
      .finish();
}

std::uint64_t hash_of_use(const Session& session) {
  return RecordHash(RecordTag::kSessionUse)
      .add(session.id.value())
      .add(session.last_used.value())
      .add(session.acknowledged_below.value())
      .add(session.forced_at.value())
      .finish();
}

std::uint64_t hash_of_answer(SessionId session, const SavedAnswer& answer) {
  return RecordHash(RecordTag::kAnswer)
      .add(session.value())
      .add(answer.number.value())
      .add(answer.fingerprint)
      .add(answer.result)
      .finish();
}

std::uint64_t hash_of_all(const Session& session) {
  std::uint64_t sum = hash_of_identity(session) + hash_of_use(session);
  for (const SavedAnswer& answer : session.answers) sum += hash_of_answer(session.id, answer);
  return sum;
}

std::uint64_t hash_of(const EndedSession& ended) {
  return RecordHash(RecordTag::kEndedSession)
      .add(ended.position)
      .add(ended.id.value())
      .add(ended.client)
      .add(static_cast<std::uint64_t>(ended.how))
      .finish();
}

}  // namespace

const SavedAnswer* Session::answer_to(RequestNumber number) const {
  const auto found = std::lower_bound(answers.begin(), answers.end(), number, has_lower_number);
  return found != answers.end() && found->number == number ? &*found : nullptr;
}

const Session* Sessions::find(SessionId id) const {
  const auto found = living_.find(id);
  return found == living_.end() ? nullptr : &found->second;
}

const Session& Sessions::at(SessionId id) const {
  const Session* session = find(id);
  INVARIANT(session != nullptr, "the session of every holder and every waiter lives");
  return *session;
}

Session& Sessions::living(SessionId id) {
  const auto found = living_.find(id);
  INVARIANT(found != living_.end(), "only a living session is changed");
  return found->second;
}

SessionId Sessions::last_of(const ClientId& client) const {
  const auto found = last_of_client_.find(client);
  return found == last_of_client_.end() ? SessionId() : found->second;
}

std::optional<EndReason> Sessions::end_of(SessionId id) const {
  const auto found = how_ended_.find(id);
  if (found == how_ended_.end()) return std::nullopt;
  return found->second;
}

SessionId Sessions::longest_idle() const {
  return idle_by_last_use_.empty() ? SessionId() : idle_by_last_use_.begin()->second;
}

void Sessions::open(LogIndex index, WallTime time, const Open& open) {
  INVARIANT(find(last_of(open.client)) == nullptr, "a client has at most one living session");
  Session session;
  session.id = session_opened_by(index);
  session.client = open.client;
  session.secret_hash = open.secret_hash;
  session.nonce = open.nonce;
  session.ttl_ms = open.ttl_ms;
  session.note = open.note;
  session.opened = time;
  session.last_used = index;
  add(std::move(session));
}

void Sessions::add(Session&& session) {
  hash_ += hash_of_all(session);
  make_idle(session);
  ids_.insert(ids_.end(), session.id);
  last_of_client_[session.client] = session.id;
  living_.emplace(session.id, std::move(session));
}

void Sessions::end(SessionId id, EndReason how) {
  auto node = living_.extract(id);
  INVARIANT(!node.empty(), "only a living session ends");
  const Session& session = node.mapped();
  hash_ -= hash_of_all(session);
  idle_by_last_use_.erase(session.last_used);
  ids_.erase(id);
  if (ended_.size() == kept_ended_) forget_oldest();
  remember({ended_count_ + 1, id, session.client, how});
}

void Sessions::remember(const EndedSession& ended) {
  ended_count_ = ended.position;
  hash_ += hash_of(ended);
  how_ended_.emplace(ended.id, ended.how);
  ended_.push_back(ended);
}

void Sessions::forget_oldest() {
  const EndedSession& oldest = ended_.front();
  hash_ -= hash_of(oldest);
  how_ended_.erase(oldest.id);
  const auto last = last_of_client_.find(oldest.client);
  if (last != last_of_client_.end() && last->second == oldest.id) last_of_client_.erase(last);
  ended_.pop_front();
}

void Sessions::used(SessionId id, LogIndex index, bool busy) {
  Session& session = living(id);
  INVARIANT(index >= session.last_used, "entries are applied in order");
  hash_ -= hash_of_use(session);
  auto place = idle_by_last_use_.extract(session.last_used);
  session.last_used = index;
  hash_ += hash_of_use(session);
  if (busy) return;
  if (place.empty()) return make_idle(session);
  place.key() = index;
  idle_by_last_use_.insert(idle_by_last_use_.end(), std::move(place));
}

void Sessions::now_busy(SessionId id, bool busy) {
  const Session& session = living(id);
  if (busy) {
    idle_by_last_use_.erase(session.last_used);
  } else {
    make_idle(session);
  }
}

void Sessions::make_idle(const Session& session) {
  if (session.ttl_ms == 0) idle_by_last_use_.emplace_hint(idle_by_last_use_.end(), session.last_used, session.id);
}

void Sessions::lock_was_forced(SessionId id, LogIndex index) {
  Session& session = living(id);
  hash_ -= hash_of_use(session);
  session.forced_at = index;
  hash_ += hash_of_use(session);
}

void Sessions::acknowledge(SessionId id, RequestNumber below) {
  Session& session = living(id);
  if (below <= session.acknowledged_below) return;
  hash_ -= hash_of_use(session);
  session.acknowledged_below = below;
  hash_ += hash_of_use(session);
  auto& answers = session.answers;
  const auto kept = std::lower_bound(answers.begin(), answers.end(), below, has_lower_number);
  for (auto answer = answers.begin(); answer != kept; ++answer) hash_ -= hash_of_answer(id, *answer);
  answers.erase(answers.begin(), kept);
}

void Sessions::save(SessionId id, SavedAnswer answer) {
  Session& session = living(id);
  auto& answers = session.answers;
  const auto place = std::lower_bound(answers.begin(), answers.end(), answer.number, has_lower_number);
  INVARIANT(place == answers.end() || place->number != answer.number, "a request number runs at most once");
  INVARIANT(answer.number >= session.acknowledged_below, "an acknowledged number never runs again");
  hash_ += hash_of_answer(id, answer);
  answers.insert(place, std::move(answer));
}

// A client's sessions end in the order in which they were opened, and the one that lives was opened last.
void Sessions::restore(const EndedSession& ended) {
  last_of_client_[ended.client] = ended.id;
  remember(ended);
}

void Sessions::restore(Session session) { add(std::move(session)); }

std::uint64_t Sessions::recomputed_hash() const {
  std::uint64_t sum = 0;
  for (const auto& [id, session] : living_) sum += hash_of_all(session);
  for (const EndedSession& ended : ended_) sum += hash_of(ended);
  return sum;
}

}  // namespace lockstep::locks

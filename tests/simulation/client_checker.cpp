#include "tests/simulation/client_checker.hpp"

#include <algorithm>
#include <set>

#include "protocol/base/overloaded.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

// What a node says of itself; every other answer to a command comes from an applied entry.
bool is_about_the_node(const wire::ErrorAnswer& error) {
  return error.code == ErrorCode::kBusy || error.code == ErrorCode::kNoLeader || error.code == ErrorCode::kUnavailable;
}

bool says_session_ended(ErrorCode code) { return error_info(code).exit_code == 5; }

// Whether the response says what the state machine said.
bool says(const wire::Response& response, const locks::Result& result) {
  const auto same = [&](const auto& outcome) {
    using Outcome = std::decay_t<decltype(outcome)>;
    if constexpr (std::is_same_v<Outcome, locks::Refused>) {
      const auto* error = std::get_if<wire::ErrorAnswer>(&response.body);
      return error != nullptr && error->code == outcome.code && error->current_session == outcome.current_session;
    } else {
      const auto* said = std::get_if<Outcome>(&response.body);
      return said != nullptr && *said == outcome;
    }
  };
  return std::visit(same, result);
}

std::string text(LogIndex index) { return std::to_string(index.value()); }

}  // namespace

void ClientChecker::replied(const Turn& turn, const Reference* reference, const wire::Request& request,
                            const wire::Response& response) {
  const auto* error = std::get_if<wire::ErrorAnswer>(&response.body);
  if (error != nullptr && is_about_the_node(*error)) return;
  if (std::holds_alternative<wire::StatusRequest>(request.body)) return;
  REQUIRE_SAFE(reference != nullptr, "a node without a cluster answers nothing");

  std::visit(Overloaded{
                 [&](const wire::OpenSession& open) {
                   check_command(*reference, locks::RequestKey{open.client, SessionId(), open.nonce, 0}, response);
                 },
                 [&](const locks::Execute& execute) { check_command(*reference, locks::key_of(execute), response); },
                 [&](const wire::StatusRequest&) {},
                 [&](const wire::Wait& wait) { pages_.check(*reference, wait, response.body, response.applied); },
                 [&](const wire::WatchRequest& watch) {
                   const auto* answer = std::get_if<wire::WatchAnswer>(&response.body);
                   REQUIRE_SAFE(answer != nullptr, "a watch is answered with a WatchAnswer");
                   pages_.check(*reference, watch, *answer, response.applied, turn.floor);
                 },
                 [&](const wire::KeepAlive& keep_alive) {
                   const auto* answer = std::get_if<wire::KeptAlive>(&response.body);
                   if (answer != nullptr) return pages_.check(*reference, keep_alive, *answer, response.applied);
                   REQUIRE_SAFE(error != nullptr && says_session_ended(error->code) &&
                                    !reference->past().session(keep_alive.session, response.applied),
                                "a renewal of a session that lives is told that it ended");
                 },
                 [&](const auto& read) { check_read(turn, *reference, read, response); },
             },
             request.body);
}

template <typename Asked>
void ClientChecker::check_read(const Turn& turn, const Reference& reference, const Asked& asked,
                               const wire::Response& response) {
  const auto* answer = std::get_if<typename Asked::Answer>(&response.body);
  REQUIRE_SAFE(answer != nullptr, "a read has the answer of its kind");
  REQUIRE_SAFE(response.applied >= asked.at_least, "a read is at least as new as was asked for");
  pages_.check(reference, asked, *answer, response.applied);
  if constexpr (requires { answer->age_ms; }) check_age(turn, reference, answer->age_ms, response.applied);
}

// An answer is backed by a committed entry that gave exactly this answer to this request.
void ClientChecker::check_command(const Reference& reference, const locks::RequestKey& key,
                                  const wire::Response& response) {
  const auto& answers = reference.answers_to(key);
  const bool backed = std::any_of(answers.begin(), answers.end(), [&](const Reference::Answer& answer) {
    return answer.index == response.applied && says(response, answer.result);
  });
  REQUIRE_SAFE(backed, "no committed entry gave the answer that a client is told for index " + text(response.applied));
  if (const auto* error = std::get_if<wire::ErrorAnswer>(&response.body)) {
    refusals_.try_emplace(key, Refusal{error->code, response.applied});
    if (error->code == ErrorCode::kSessionSuperseded) coverage_->note(Met::kSupersededAnswer);
  }
}

// "The state is at least as new as the cluster's was `age` ago": the first entry that is missing from it
// was committed no earlier than that.
void ClientChecker::check_age(const Turn& turn, const Reference& reference, std::optional<std::uint64_t> age_ms,
                              LogIndex applied) {
  if (!age_ms) return;
  coverage_->note(Met::kAgeChecked);
  if (applied >= reference.last()) return;
  const Time promised = turn.began - turn.clock->in_world(std::chrono::milliseconds(*age_ms));
  REQUIRE_SAFE(
      reference.committed_at(applied.next()) >= promised,
      "an answer at index " + text(applied) + " is older than the " + std::to_string(*age_ms) + " ms that it claims");
}

void ClientChecker::completed(const Reference* reference, SessionId session, const Call& call,
                              const Completion& completion) {
  if (const auto* error = std::get_if<ClientError>(&completion.outcome)) {
    if (error->code == ErrorCode::kUnavailable) coverage_->note(Met::kIndefiniteAnswer);
    return;
  }
  if (call.kind == CallKind::kStatus) return;
  // There was no session to close, or nothing was sent of what was cancelled.
  const bool is_answer = static_cast<bool>(completion.applied);
  if (!is_answer && (call.kind == CallKind::kClose || std::holds_alternative<NotAcquired>(completion.outcome))) return;
  REQUIRE_SAFE(reference != nullptr, "without a cluster no call has an outcome");
  const bool is_read = call.kind == CallKind::kCheck || call.kind == CallKind::kList || call.kind == CallKind::kCount;
  if (is_read) {
    REQUIRE_SAFE(completion.applied >= call.seen, "what a client sees never goes back");
    coverage_->note(call.mode == wire::ReadMode::kLocal ? Met::kLocalRead : Met::kLinearizableRead);
  }
  // A linearizable read sees all that was committed before it began (etcd #7331: a new leader's must too).
  if (is_read && call.mode == wire::ReadMode::kLinearizable) {
    REQUIRE_SAFE(completion.applied >= call.committed, "a linearizable read at index " + text(completion.applied) +
                                                           " began when " + text(call.committed) + " was committed");
  }
  if (const auto* granted = std::get_if<locks::Granted>(&completion.outcome)) {
    check_grant(*reference, call, granted->token);
  }
  if (const auto* taken_over = std::get_if<TakenOver>(&completion.outcome)) {
    check_taken_over(*reference, *taken_over, completion.applied);
  }
  if (std::holds_alternative<NotAcquired>(completion.outcome)) {
    check_is_in_no_queue(*reference, session, call, completion.applied);
  }
}

void ClientChecker::check_grant(const Reference& reference, const Call& call, FencingToken token) const {
  const LogIndex index(token.value());
  REQUIRE_SAFE(index <= reference.last() && reference.committed_at(index) >= call.started,
               "a call is granted by an entry that was committed after it began");
  std::vector<std::string> names = call.names;
  if (names.empty()) names.push_back(call.name);
  const auto& changes = reference.changes_at(index);
  for (const std::string& name : names) {
    const bool is_granted = std::any_of(changes.begin(), changes.end(), [&](const locks::LockChange& change) {
      return !change.ended && change.name == name && change.token == token;
    });
    REQUIRE_SAFE(is_granted, "a call is granted what its token's entry granted: " + name);
  }
}

// Whoever takes its earlier session over is told of every lock that came with it (L1): all that its Open gave it, but
// for those that somebody has taken away since.
void ClientChecker::check_taken_over(const Reference& reference, const TakenOver& outcome, LogIndex open) const {
  const FencingToken token(open.value());
  std::set<std::string> told;
  for (const TakenOverLock& lock : outcome.locks) told.insert(lock.name);
  std::set<std::string> given;
  for (const locks::LockChange& change : reference.changes_at(open)) {
    if (!change.ended && change.token == token) given.insert(change.name);
  }
  REQUIRE_SAFE(std::includes(given.begin(), given.end(), told.begin(), told.end()),
               "a lock is told to be taken over that was not");
  for (const std::string& name : given) {
    const auto view = reference.past().lock(name, reference.last());
    const bool is_held = view && std::any_of(view->holders.begin(), view->holders.end(), [&](const auto& holder) {
                           return holder.session == SessionId(open.value()) && holder.token == token;
                         });
    REQUIRE_SAFE(!is_held || told.contains(name), "a lock was taken over, and its client is not told: " + name);
  }
  if (!told.empty()) coverage_->note(Met::kHoldsTakenOver);
}

// An acquisition that ended without the lock leaves no phantom waiter behind.
void ClientChecker::check_is_in_no_queue(const Reference& reference, SessionId session, const Call& call,
                                         LogIndex ended) const {
  for (const std::string& name : call.names) {
    const auto view = reference.past().lock(name, ended);
    if (!view) continue;
    const bool waits = std::any_of(view->waiters.begin(), view->waiters.end(),
                                   [&](const locks::WaiterView& waiter) { return waiter.session == session; });
    REQUIRE_SAFE(!waits, "an acquisition that ended still waits for " + name);
  }
}

// Definite is for ever. Of a session that ended, a request may have run before that and never after.
void ClientChecker::check_refusals(const Reference& reference) const {
  for (const auto& [key, refusal] : refusals_) {
    const LogIndex ran = reference.ran_at(key);
    if (!ran) continue;
    const bool may_have_run_before = says_session_ended(refusal.code) && ran < refusal.index;
    const bool is_definite = error_info(refusal.code).certainty == Certainty::kDefinite;
    REQUIRE_SAFE(may_have_run_before || (!is_definite && !says_session_ended(refusal.code)),
                 "a request that was refused with " + std::string(error_info(refusal.code).name) +
                     " ran nevertheless in entry " + text(ran));
  }
}

}  // namespace lockstep::simulation

// ClientCore: what an answer, or a refusal, means for the request that it answers.
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/client_core.hpp"
#include "protocol/client_core/in_words.hpp"
#include "protocol/client_core/problems.hpp"

namespace lockstep {
namespace {

bool says_yes(const ClientOutcome& outcome) {
  return std::holds_alternative<locks::Granted>(outcome) || std::holds_alternative<locks::Released>(outcome) ||
         std::holds_alternative<locks::Closed>(outcome);
}

// The answer as an outcome, if it is one of those that the request can have.
template <typename... Answers>
std::optional<ClientOutcome> outcome_if(const wire::ResponseBody& body) {
  std::optional<ClientOutcome> outcome;
  const auto take = [&](const auto* answer) {
    if (answer) outcome = *answer;
  };
  (take(std::get_if<Answers>(&body)), ...);
  return outcome;
}

std::optional<ClientOutcome> outcome_of(const locks::Operation& operation, const wire::ResponseBody& body) {
  using Outcome = std::optional<ClientOutcome>;
  return std::visit(Overloaded{
                        [&](const locks::Preempt&) { return outcome_if<locks::Granted, locks::Held>(body); },
                        [&](const locks::Release&) { return outcome_if<locks::Released, locks::NotHolder>(body); },
                        [&](const locks::Close&) { return outcome_if<locks::Closed>(body); },
                        [&](const locks::ForceRelease&) { return outcome_if<locks::Released, locks::NotHolder>(body); },
                        [&](const locks::CloseSession&) { return outcome_if<locks::Closed>(body); },
                        // Of an acquisition, except a Cancel that an earlier process left behind.
                        [](const locks::Acquire&) { return Outcome(); },
                        [&](const locks::Cancel&) -> Outcome {
                          if (std::holds_alternative<locks::Cancelled>(body)) return NotAcquired{};
                          return outcome_if<locks::Granted>(body);
                        },
                    },
                    operation);
}

std::optional<LossReason> loss_after(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSessionExpired: return LossReason::kExpired;
    case ErrorCode::kSessionSuperseded: return LossReason::kSuperseded;
    case ErrorCode::kSessionForced: return LossReason::kForced;
    case ErrorCode::kSessionClosed: return LossReason::kClosed;
    default: return std::nullopt;
  }
}

ClientError definite(const wire::Error& error) {
  return ClientError{error.code, error.detail, error.current_session, true};
}

}  // namespace

void ClientCore::on(Time, const ClientTick&) {}

// Late and repeated answers find no copy that anybody waits for, and are dropped here.
void ClientCore::on(Time now, const ServerMessage& message) {
  const wire::Response& response = message.response;
  session_.saw_index(response.applied);
  if (lease_.is_keep_alive(response.call)) return on_keep_alive_answer(now, message);
  const auto* error = std::get_if<wire::Error>(&response.body);
  if (!response.call && error) return on_unmatched_error(now, message.endpoint, *error);
  const auto copy = copies_.find(response.call);
  if (copy == copies_.end()) return;
  const auto request = requests_.find(copy->second);
  INVARIANT(request != requests_.end(), "a copy belongs to a request");
  const bool newest = request->second.copies.back() == response.call;
  if (error) return on_error(now, request, newest, *error);
  if (auto problem = on_answer(now, request, response); !problem.empty() && newest) {
    move_on(now, request->second, std::string(problem), backoff(request->second.failures));
  }
}

// The node could not read so much of a frame as its call number: another version of the protocol, say.
void ClientCore::on_unmatched_error(Time now, std::size_t endpoint, const wire::Error& error) {
  lost_endpoint(now, endpoint, in_words(error));
}

void ClientCore::on(Time now, const NotConnected& event) { lost_endpoint(now, event.endpoint, "no connection"); }

void ClientCore::lost_endpoint(Time now, std::size_t endpoint, const std::string& problem) {
  if (lease_.asked_endpoint() == endpoint) keep_alive_failed(now, problem, backoff(lease_.failures()));
  for (auto& [id, request] : requests_) {
    if (!request.in_flight || request.endpoint != endpoint) continue;
    move_on(now, request, problem, backoff(request.failures));
  }
}

void ClientCore::on_keep_alive_answer(Time now, const ServerMessage& message) {
  const wire::Response& response = message.response;
  const bool newest = lease_.is_newest(response.call);
  if (const auto* kept = std::get_if<wire::KeptAlive>(&response.body)) {
    if (lease_.acknowledged(response.call)) output_.lease_events.emplace_back(LeaseRenewed{*lease_.safe_until()});
    if (kept->forced_at <= forced_at_) return;
    forced_at_ = kept->forced_at;
    session_.saw_index(forced_at_);
    return verify_holds(now);
  }
  std::string problem(kWrongKind);
  if (const auto* error = std::get_if<wire::Error>(&response.body)) {
    if (const auto reason = loss_after(error->code)) return end_session(*reason, definite(*error));
    problem = in_words(*error);
  }
  if (newest) keep_alive_failed(now, std::move(problem), backoff(lease_.failures()));
}

void ClientCore::on_error(Time now, Requests::iterator request, bool newest_copy, const wire::Error& error) {
  if (const auto reason = loss_after(error.code)) {
    if (request->first == retiring_) return retired(request);
    if (is_close(request->second)) return closed(request, LogIndex());
    if (is_of_session(request->second)) return end_session(*reason, definite(error), request->first);
  }
  // A node that cannot read a copy says nothing of the copies that other nodes could read: of another version, say.
  const bool unread = error.code == ErrorCode::kBadRequest || error.code == ErrorCode::kUnsupportedVersion;
  const bool says_nothing = error_info(error.code).certainty != Certainty::kDefinite || request->first == retiring_ ||
                            (unread && another_copy_was_sent(request->second));
  if (!says_nothing) return on_definite_error(now, request, definite(error));
  if (newest_copy) move_on(now, request->second, in_words(error), backoff(request->second.failures));
}

void ClientCore::on_definite_error(Time now, Requests::iterator request, const ClientError& error) {
  if (std::holds_alternative<wire::OpenSession>(request->second.body)) return open_refused(now, request, error);
  if (is_operation(request->second)) session_.answered(request->second.number);
  if (request->second.acquisition) return on_acquisition_error(now, request, error);
  answer_call(request->second, error, LogIndex());
  erase(request);
}

std::string_view ClientCore::on_answer(Time now, Requests::iterator request, const wire::Response& response) {
  const auto reading = [&] { return on_read_answer(now, request, response); };
  return std::visit(
      Overloaded{[&](const wire::OpenSession&) { return on_opened(now, request, response); },
                 [&](const locks::Operation&) { return on_operation_answer(now, request, response); },
                 [&](const RetireSession&) {
                   if (!std::holds_alternative<locks::Closed>(response.body)) return kWrongKind;
                   retired(request);
                   return std::string_view();
                 },
                 [&](const wire::Wait&) { return on_acquisition_answer(now, request, response); },
                 [&](const wire::Check&) { return reading(); }, [&](const wire::List&) { return reading(); },
                 [&](const wire::Status&) { return reading(); }, [&](const wire::History&) { return reading(); },
                 [&](const wire::Sessions&) { return reading(); }, [&](const wire::Watch&) { return reading(); }},
      request->second.body);
}

std::string_view ClientCore::on_read_answer(Time now, Requests::iterator request, const wire::Response& response) {
  using Outcome = std::optional<ClientOutcome>;
  const wire::ResponseBody& body = response.body;
  bool as_new_as_asked = response.applied >= request->second.at_least;
  const auto outcome = std::visit(
      Overloaded{[&](const wire::Check&) { return outcome_if<wire::CheckAnswer>(body); },
                 [&](const wire::List&) { return outcome_if<wire::ListAnswer>(body); },
                 [&](const wire::History&) { return outcome_if<wire::HistoryAnswer>(body); },
                 [&](const wire::Sessions&) { return outcome_if<wire::SessionsAnswer>(body); },
                 [&](const wire::Watch& watch) {
                   const auto* answer = std::get_if<wire::WatchAnswer>(&body);
                   as_new_as_asked = answer && (answer->reset || answer->index >= watch.from);
                   if (request->second.takes_over && answer) {
                     as_new_as_asked = answer->index.value() >= session_.id().value();
                   }
                   return outcome_if<wire::WatchAnswer>(body);
                 },
                 [&](const wire::Status&) {  // of this node as it is
                   as_new_as_asked = true;
                   return outcome_if<wire::StatusAnswer>(body);
                 },
                 [](const wire::Wait&) { return Outcome(); }, [](const wire::OpenSession&) { return Outcome(); },
                 [](const locks::Operation&) { return Outcome(); }, [](const RetireSession&) { return Outcome(); }},
      request->second.body);
  if (!outcome) return kWrongKind;
  if (!as_new_as_asked) return kTooOld;
  if (request->second.takes_over) return took_over(now, request, *outcome), std::string_view();
  if (const auto conflict = request->second.conflict) {
    erase(request);
    conflict_settled(*conflict, std::get<wire::SessionsAnswer>(*outcome));
    return {};
  }
  if (request->second.verifies) {
    verified(now, request, std::get<wire::CheckAnswer>(*outcome));
  } else {
    answer_call(request->second, *outcome, response.applied);
  }
  erase(request);
  return {};
}

std::string_view ClientCore::on_operation_answer(Time now, Requests::iterator found, const wire::Response& response) {
  Request& request = found->second;
  if (request.acquisition) return on_acquisition_answer(now, found, response);
  const locks::Operation operation = std::get<locks::Operation>(request.body);
  const auto outcome = outcome_of(operation, response.body);
  if (!outcome) return kWrongKind;
  if (is_close(request)) return closed(found, response.applied), std::string_view();
  session_.answered(request.number);
  note_holds(request, *outcome);
  if (request.claimed && !says_yes(*outcome)) {
    // It was refused when it ran, which may be long ago: ask anew, as a request of its own.
    start_anew(now, request);
    return {};
  }
  answer_call(request, *outcome, response.applied);
  erase(found);
  const auto* close = std::get_if<locks::CloseSession>(&operation);
  if (close && close->target == session_.id()) {
    end_session(LossReason::kForced, {ErrorCode::kSessionForced, "this client closed it as an operator", {}, true});
  }
  return {};
}

// What this session holds, as far as it was told.
void ClientCore::note_holds(const Request& request, const ClientOutcome& outcome) {
  const bool released = std::holds_alternative<locks::Released>(outcome);
  const auto* granted = std::get_if<locks::Granted>(&outcome);
  std::visit(Overloaded{[&](const locks::Preempt& preempt) {
                          if (granted) hold({preempt.name}, granted->token);
                        },
                        [&](const locks::Release& release) {
                          if (released) {
                            was_given_back(release.name);
                            held_.erase(release.name);
                          } else if (request.gives_back) {
                            was_taken(release.name, *request.gives_back);
                          }
                        },
                        [&](const locks::ForceRelease& force) {
                          const auto held = held_.find(force.name);
                          if (released && held != held_.end()) was_taken(force.name, FencingToken(held->second));
                        },
                        [](const locks::Acquire&) {}, [](const locks::Cancel&) {}, [](const locks::Close&) {},
                        [](const locks::CloseSession&) {}},
             std::get<locks::Operation>(request.body));
}

// Nobody but an operator takes a lock from a session that lives.
void ClientCore::was_taken(const std::string& name, FencingToken token) {
  const auto held = held_.find(name);
  if (held == held_.end() || held->second != token) return;
  held_.erase(held);
  output_.lease_events.emplace_back(LocksForced{{{name, token}}});
}

void ClientCore::hold(const std::vector<std::string>& names, FencingToken token) {
  for (const std::string& name : names) {
    if (gave_up_holds_) {
      lost_locks_.insert_or_assign(name, LossReason::kClosed);
    } else {
      held_.insert_or_assign(name, token);
      lost_locks_.erase(name);
    }
  }
  // An operator took something since this was granted, and its answer was long under way.
  if (token.value() < forced_at_.value()) verify_due_ = true;
}

}  // namespace lockstep

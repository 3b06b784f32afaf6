// RunOnce: an operation. It runs exactly once, under its number, whichever of its copies the cluster takes.
#include <utility>

#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/acquiring.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {
namespace {

bool says_yes(const ClientOutcome& outcome) {
  return std::holds_alternative<locks::Granted>(outcome) || std::holds_alternative<locks::Released>(outcome) ||
         std::holds_alternative<locks::Closed>(outcome);
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

// What was held when this was first sent is gone. What was granted to this client meanwhile was taken, too, or is what
// came free by this: the cluster knows.
void note_forced(ClientParts& client, Time now, const std::string& name, std::optional<FencingToken> held,
                 LogIndex applied) {
  if (held) was_taken(client, name, *held);
  const bool may_be_ours = client.holds.token_of(name) || !client.acquisitions.in_line_for(name).empty();
  if (may_be_ours && client.holds.was_forced(applied)) verify_holds(client, now);
}

// What this session holds, as far as it was told.
void note_holds(ClientParts& client, Time now, const RunOnce& operation, const ClientOutcome& outcome,
                LogIndex applied) {
  const bool released = std::holds_alternative<locks::Released>(outcome);
  const auto* granted = std::get_if<locks::Granted>(&outcome);
  std::visit(Overloaded{[&](const locks::Preempt& preempt) {
                          if (granted) client.holds.hold({preempt.name}, granted->token);
                        },
                        [&](const locks::Release& release) {
                          if (released) {
                            was_given_back(client, release.name);
                            client.holds.released(release.name);
                          } else if (operation.gives_back) {
                            was_taken(client, release.name, *operation.gives_back);
                          }
                        },
                        [&](const locks::ForceRelease& force) {
                          if (released) note_forced(client, now, force.name, operation.gives_back, applied);
                        },
                        [](const locks::Acquire&) {}, [](const locks::Cancel&) {}, [](const locks::Close&) {},
                        [](const locks::CloseSession&) {}},
             operation.operation);
}

}  // namespace

bool RunOnce::ends() const {
  return is_close() || std::holds_alternative<locks::Cancel>(operation) ||
         (acquisition && std::holds_alternative<locks::Release>(operation));
}

Lane RunOnce::lane() const {
  if (number) return Lane::kRepeating;
  return ends() ? Lane::kEnding : Lane::kNew;
}

wire::RequestBody RunOnce::says(Time, const ClientSession& session) const {
  return locks::Execute{session.id(), number, session.acknowledged_below(), operation};
}

Detail accept(ClientParts& client, Time now, RequestId id, const RunOnce& operation, const wire::Response& response) {
  if (operation.acquisition) return on_step_answer(client, now, id, response);
  const auto outcome = outcome_of(operation.operation, response.body);
  if (!outcome) return kWrongKind;
  if (operation.is_close()) return closed(client, id, response.applied), Detail();
  client.session.answered(operation.number);
  note_holds(client, now, operation, *outcome, response.applied);
  if (operation.claimed && !says_yes(*outcome)) {
    // It was refused when it ran, which may be long ago: ask again, as a request of its own.
    client.requests.start_again(id, now);
    return {};
  }
  const auto* close = std::get_if<locks::CloseSession>(&operation.operation);
  const bool closes_own = close && close->target == client.session.id();
  client.answer_call(id, *outcome, response.applied);
  client.requests.erase(id);
  if (closes_own) {
    end_session(client, LossReason::kForced,
                {ErrorCode::kSessionForced, "this client closed it as an operator", {}, true});
  }
  return {};
}

void refused(ClientParts& client, Time now, RequestId id, const RunOnce& operation, const ClientError& error) {
  client.session.answered(operation.number);
  if (operation.acquisition) return on_step_refused(client, now, id, error);
  client.answer_call(id, error, LogIndex());
  client.requests.erase(id);
}

}  // namespace lockstep::client_core

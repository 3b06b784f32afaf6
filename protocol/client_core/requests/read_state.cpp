// ReadState: one page of state for the application, at least as new as anything that this client has seen.
#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"

namespace lockstep::client_core {
namespace {

std::optional<ClientOutcome> outcome_of(const ReadState& read, const wire::ResponseBody& body) {
  return std::visit(Overloaded{[&](const wire::Check&) { return outcome_if<wire::CheckAnswer>(body); },
                               [&](const wire::List&) { return outcome_if<wire::ListAnswer>(body); },
                               [&](const wire::Status&) { return outcome_if<wire::StatusAnswer>(body); },
                               [&](const wire::History&) { return outcome_if<wire::HistoryAnswer>(body); },
                               [&](const wire::Sessions&) { return outcome_if<wire::SessionsAnswer>(body); }},
                    read.read);
}

// A status is of one node as it is.
LogIndex at_least(const ReadState& read) {
  return std::visit(
      Overloaded{[](const wire::Status&) { return LogIndex(); }, [](const auto& page) { return page.at_least; }},
      read.read);
}

}  // namespace

wire::RequestBody ReadState::says(Time, const ClientSession& session) {
  return std::visit(Overloaded{[](wire::Status& status) { return wire::RequestBody(status); },
                               [&](auto& page) {
                                 page.at_least = session.highest_index();
                                 return wire::RequestBody(page);
                               }},
                    read);
}

Detail accept(ClientParts& client, Time, RequestId id, const ReadState& read, const wire::Response& response) {
  const auto outcome = outcome_of(read, response.body);
  if (!outcome) return kWrongKind;
  if (response.applied < at_least(read)) return kTooOld;
  client.answer_call(id, *outcome, response.applied);
  client.requests.erase(id);
  return {};
}

}  // namespace lockstep::client_core

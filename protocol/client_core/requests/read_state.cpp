// ReadState: one page of state for the application, at least as new as anything that this client has seen.
#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"

namespace lockstep::client_core {
namespace {

// Each read names the answer that belongs to it.
std::optional<ClientOutcome> outcome_of(const ReadState& read, const wire::ResponseBody& body) {
  const auto expected = [&]<typename Request>(const Request&) { return outcome_if<typename Request::Answer>(body); };
  return std::visit(Overloaded{expected, [&](const wire::ReadRequest& page) { return std::visit(expected, page); }},
                    read.read);
}

// A status is of one node as it is.
LogIndex at_least(const ReadState& read) {
  const auto* page = std::get_if<wire::ReadRequest>(&read.read);
  return page ? wire::at_least_of(*page) : LogIndex();
}

}  // namespace

wire::RequestBody ReadState::says(Time, const ClientSession& session) {
  auto* page = std::get_if<wire::ReadRequest>(&read);
  if (!page) return std::get<wire::StatusRequest>(read);
  std::visit([&](auto& request) { request.at_least = session.highest_index(); }, *page);
  return wire::body_of(*page);
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

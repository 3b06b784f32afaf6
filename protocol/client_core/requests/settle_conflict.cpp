// SettleConflict: an Open was refused, for the client has had another session than the one that it named (L1).
//
// An Open of this process or of an earlier one may have opened that session, which then ended before anybody heard of
// it. An Open that names an ended session takes nothing over. One that lives may be a later incarnation's, which an
// earlier one must not fence.
#include <utility>

#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {

wire::RequestBody SettleConflict::says(Time, const ClientSession& session) {
  sessions.at_least = session.highest_index();
  return sessions;
}

void settle_conflict(ClientParts& client, Time now, const ClientError& conflict) {
  OutstandingRequest request{SettleConflict{{conflict.current_session.previous(), 1, LogIndex()}, conflict}};
  request.due = now;
  client.requests.add(std::move(request));
}

Detail accept(ClientParts& client, Time, RequestId id, const SettleConflict& settle, const wire::Response& response) {
  const auto* answer = std::get_if<wire::SessionsAnswer>(&response.body);
  if (answer == nullptr) return kWrongKind;
  if (response.applied < settle.sessions.at_least) return kTooOld;
  const ClientError conflict = settle.conflict;
  client.requests.erase(id);
  const bool lives = !answer->sessions.empty() && answer->sessions.front().session == conflict.current_session;
  if (lives) return open_failed(client, conflict), Detail();
  client.session.goes_on_from(conflict.current_session);
  client.open_sent.reset();
  return {};
}

}  // namespace lockstep::client_core

// RetireSession: the Close of a session that was lost here. Repeated until the cluster says, in whatever way, that the
// session has ended.
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {

wire::RequestBody RetireSession::says(Time, const ClientSession&) const {
  return locks::Execute{session, number, number, locks::Close{}};
}

Detail accept(ClientParts& client, Time, RequestId id, const RetireSession&, const wire::Response& response) {
  if (!std::holds_alternative<locks::Closed>(response.body)) return kWrongKind;
  retired(client, id);
  return {};
}

}  // namespace lockstep::client_core

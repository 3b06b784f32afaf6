// BeginSession: an Open, which opens a session of this client or takes over the one of an earlier incarnation (L1).
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {

wire::RequestBody BeginSession::says(Time, const ClientSession&) const { return open; }

void open_session(ClientParts& client, Time now) {
  if (!client.requests.of<BeginSession>().empty() || !client.requests.of<SettleConflict>().empty()) return;
  INVARIANT(!client.is_retiring(), "a session is opened after the one before was given up");
  const ClientOptions& options = client.options;
  const std::uint64_t nonce = client.session.begin_open();
  const auto ttl_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options.ttl).count();
  OutstandingRequest request{BeginSession{{options.client, options.secret, nonce, static_cast<std::uint32_t>(ttl_ms),
                                           client.session.replaces(), options.note}}};
  request.due = now;
  client.requests.add(std::move(request));
}

Detail accept(ClientParts& client, Time now, RequestId id, const BeginSession& open, const wire::Response& response) {
  const auto* opened = std::get_if<locks::SessionOpened>(&response.body);
  if (!opened || !opened->session) return kWrongKind;
  // An earlier Open of the same nonce, which its call gave up, may be the one that opened it (L3).
  const Time first_sent = *std::exchange(client.open_sent, std::nullopt);
  const bool is_own = open.open.nonce == client.options.nonce;
  client.requests.erase(id);
  client.session.opened(opened->session);
  client.session.saw_index(LogIndex(opened->session.value()));
  if (client.has_lease() && !is_own) {
    // An earlier process sent that Open, and may have its answer as well. What it opened is taken over in turn.
    client.session.ended();
    return {};
  }
  client.lease.begin(first_sent);
  client.holds.begin_session();
  if (client.lease.has_run_out(now)) {
    // It was opened too late to be of use. Nothing was asked of it yet, so no call is told.
    client.session.ended();
    client.lease.end();
    retire(client, now, opened->session, RequestNumber(1));
    return {};
  }
  client.lost.reset();
  INVARIANT(client.holds.held().empty(), "a new session holds nothing that this client was told of");
  if (const auto safe_until = client.lease.safe_until()) {
    client.output.lease_events.emplace_back(LeaseRenewed{*safe_until});
  }
  return {};
}

void refused(ClientParts& client, Time now, RequestId id, const BeginSession&, const ClientError& error) {
  client.requests.erase(id);
  if (error.code != ErrorCode::kSessionConflict || !error.current_session) return open_failed(client, error);
  client.session.saw_index(LogIndex(error.current_session.value()));
  settle_conflict(client, now, error);
}

}  // namespace lockstep::client_core

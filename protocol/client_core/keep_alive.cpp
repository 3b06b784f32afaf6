// Keep-alives: sent one after another, each with a send time of its own.
#include "protocol/client_core/keep_alive.hpp"

#include <utility>

#include "protocol/client_core/copies.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {

void keep_alive(ClientParts& client, Time now) {
  ClientLease& lease = client.lease;
  if (client.session.is_open()) lease.set_waiting(now, client.acquisitions.in_line() > 0);
  if (lease.is_overdue(now)) {
    const std::size_t silent = *lease.asked_endpoint();
    keep_alive_failed(client, now, "no answer to a renewal of the lease", Duration::zero());
    leave_endpoint(client, now, silent);
  }
  if (!lease.is_due(now)) return;
  const CallNumber call = client.next_copy();
  const std::size_t endpoint = client.endpoints.preferred();
  client.output.sends.push_back({endpoint, wire::Request{call, wire::KeepAlive{client.session.id()}}});
  lease.sent(now, call, endpoint);
}

void keep_alive_failed(ClientParts& client, Time now, std::string detail, Duration pause) {
  client.endpoints.failed(client.lease.asked_endpoint(), std::move(detail));
  client.lease.failed(now, pause);
}

void on_keep_alive_answer(ClientParts& client, Time now, const wire::Response& response) {
  const bool newest = client.lease.is_newest(response.call);
  if (const auto* kept = std::get_if<wire::KeptAlive>(&response.body)) {
    if (client.lease.acknowledged(response.call)) {
      client.output.lease_events.emplace_back(LeaseRenewed{*client.lease.safe_until()});
    }
    if (!client.holds.was_forced(kept->forced_at)) return;
    client.session.saw_index(kept->forced_at);
    return verify_holds(client, now);
  }
  std::string detail(kWrongKind);
  if (const auto* error = std::get_if<wire::ErrorAnswer>(&response.body)) {
    if (const auto reason = loss_after(error->code)) return end_session(client, *reason, definite(*error));
    detail = in_words(*error);
  }
  if (newest) keep_alive_failed(client, now, std::move(detail), client.endpoints.backoff(client.lease.failures()));
}

}  // namespace lockstep::client_core

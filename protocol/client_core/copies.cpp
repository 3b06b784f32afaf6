// Copies of requests: to whom they go, and when the next one does.
#include "protocol/client_core/copies.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/duration_words.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/client_core/keep_alive.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {
namespace {

// For how long a node may hold this copy back.
Duration held_back(const wire::RequestBody& body) {
  if (const auto* wait = std::get_if<wire::Wait>(&body)) return std::chrono::milliseconds(wait->up_to_ms);
  if (const auto* watch = std::get_if<wire::WatchRequest>(&body)) return std::chrono::milliseconds(watch->up_to_ms);
  return Duration::zero();
}

// Its first copy: from now on it has a number, and what it gives back is known.
void begin_operation(ClientParts& client, RequestId id) {
  auto& operation = std::get<RunOnce>(client.requests.body(id));
  INVARIANT(!client.requests.is_in_use(operation.operation), "what was asked of a lock is answered before the next");
  const RequestNumber number = client.session.use_number(operation.operation);
  const auto* release = std::get_if<locks::Release>(&operation.operation);
  const auto* force = std::get_if<locks::ForceRelease>(&operation.operation);
  if (release || force) operation.gives_back = client.holds.token_of(release ? release->name : force->name);
  client.requests.give_number(id, number);
  if (operation.is_close()) give_up_holds(client);
}

void send_copy(ClientParts& client, Time now, RequestId id) {
  RequestKind& body = client.requests.body(id);
  const auto* operation = std::get_if<RunOnce>(&body);
  if (operation && !operation->number) begin_operation(client, id);
  if (operation) {
    const RequestNumber acknowledged = client.session.acknowledged_below();
    INVARIANT(
        operation->number >= acknowledged && operation->number - acknowledged < client.options.bounds.unacknowledged,
        "Exactly once: no number below the acknowledged ones is sent, nor one that the cluster would refuse");
    INVARIANT(!client.lease.has_run_out(now), "L3: nothing is asked under a lease that has run out");
  }
  const CallNumber copy = client.next_copy();
  if (std::holds_alternative<BeginSession>(body) && !client.open_sent) client.open_sent = now;
  // What a retry repeats is the request. What it acknowledges, how new an answer it asks for and how long it may be
  // held back are of now.
  wire::RequestBody says = std::visit([&](auto& kind) { return kind.says(now, client.session); }, body);
  const Duration patience = client.options.attempt_timeout + held_back(says);
  client.requests.sent(id, now, copy, client.endpoints.preferred(), patience);
  client.output.sends.push_back({client.endpoints.preferred(), wire::Request{copy, std::move(says)}});
}

// A lease does not run out while it is renewed, so what was left behind under one is settled at once.
bool wants_session(const ClientParts& client) {
  const bool leaves_nothing = client.has_lease() && !client.session.unanswered().empty();
  return leaves_nothing || client.acquisitions.wanted() > 0 || client.requests.counts().calls_of_session > 0;
}

bool may_use_numbers(const ClientParts& client, const Gate& gate) {
  return !gate.takes_over && client.session.may_use_number();
}

Lanes lanes_of(const ClientParts& client, const Gate& gate) {
  Lanes open;
  const auto set = [&](Lane lane, bool is_open) { open.set(static_cast<std::size_t>(lane), is_open); };
  set(Lane::kFree, true);
  set(Lane::kOpening, gate.wanted && !gate.retiring);
  set(Lane::kSettling, gate.wanted);
  set(Lane::kTakingOver, client.session.is_open());
  set(Lane::kRepeating, gate.wanted);
  return open;
}

}  // namespace

Gate gate_of(const ClientParts& client) {
  const bool is_taking_over = !client.requests.of<ReadTakenOver>().empty();
  const bool has_abandoned = client.acquisitions.abandoned() > 0 || client.requests.counts().abandoned > 0;
  return {wants_session(client), has_abandoned, client.is_retiring(), is_taking_over};
}

Lanes open_lanes(const ClientParts& client) { return lanes_of(client, gate_of(client)); }

bool may_be_sent(const ClientParts& client, const OutstandingRequest& request) {
  const Gate gate = gate_of(client);
  const Lane lane = lane_of(request.body);
  if (lane != Lane::kNew && lane != Lane::kEnding) return lanes_of(client, gate)[static_cast<std::size_t>(lane)];
  // The end of something goes before all that waits for it; what is new comes after all that was left behind.
  return (lane == Lane::kEnding || !gate.abandoned) && may_use_numbers(client, gate) &&
         !client.requests.is_in_use(std::get<RunOnce>(request.body).operation);
}

void send_due(ClientParts& client, Time now) {
  const Gate gate = gate_of(client);
  const Lanes open = lanes_of(client, gate);
  if (gate.wanted && !gate.retiring && !client.session.is_open()) open_session(client, now);
  const auto next_operation = [&](RequestId after) {
    return may_use_numbers(client, gate) ? client.requests.next_operation(after, gate.abandoned) : RequestId();
  };
  const std::vector<RequestId> due = client.requests.due(now, open);
  RequestId operation = next_operation(RequestId());
  for (auto next = due.begin(); next != due.end() || operation;) {
    if (operation && (next == due.end() || operation < *next)) {
      send_copy(client, now, operation);
      operation = next_operation(operation);
    } else {
      send_copy(client, now, *next++);
    }
  }
}

void expire_copies(ClientParts& client, Time now) {
  for (const RequestId id : client.requests.unanswered(now)) {
    const OutstandingRequest& request = client.requests.at(id);
    if (!request.in_flight) continue;  // a long poll that left with the one before it
    const std::size_t silent = request.endpoint;
    move_on(client, now, id, "no answer within " + in_words(request.patience()), Duration::zero());
    leave_endpoint(client, now, silent);
  }
}

void move_on(ClientParts& client, Time now, RequestId id, std::string detail, Duration pause) {
  client.endpoints.failed(client.requests.at(id).endpoint, std::move(detail));
  client.requests.failed(id, now, pause);
  const auto* wait = std::get_if<WaitInLine>(&client.requests.at(id).body);
  if (wait == nullptr || client.acquisitions.at(wait->acquisition).silent_since) return;
  client.acquisitions.change(wait->acquisition, [&](Acquisition& acquisition) { acquisition.silent_since = now; });
}

void leave_endpoint(ClientParts& client, Time now, std::size_t endpoint) {
  if (endpoint == client.endpoints.preferred()) return;
  for (const RequestId id : client.requests.polls_in_flight_at(endpoint)) client.requests.ask_again(id, now);
}

void lose_endpoint(ClientParts& client, Time now, std::size_t endpoint, const std::string& detail) {
  if (client.lease.asked_endpoint() == endpoint) {
    keep_alive_failed(client, now, detail, client.endpoints.backoff(client.lease.failures()));
  }
  for (const RequestId id : client.requests.in_flight_at(endpoint)) {
    move_on(client, now, id, detail, client.endpoints.backoff(client.requests.at(id).failures));
  }
}

}  // namespace lockstep::client_core

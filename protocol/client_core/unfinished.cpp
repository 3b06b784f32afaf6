// Unfinished requests: brought back from what was kept, and claimed by calls.
#include "protocol/client_core/unfinished.hpp"

#include <utility>

namespace lockstep::client_core {
namespace {

Acquisition as_kept(const locks::Acquire& acquire) {
  Acquisition acquisition;
  acquisition.names = acquire.names;
  const auto wait = acquire.wait ? std::nullopt : std::optional(Duration::zero());
  acquisition.terms = {acquire.mode, acquire.permits, wait, acquire.thread};
  acquisition.keeps_grant = true;
  return acquisition;
}

}  // namespace

void go_on_with_kept_session(ClientParts& client) {
  if (!client.session.is_open()) return;
  if (client.has_lease()) return client.session.ended();
  client.lease.begin(Time{});
  // Nobody here waits for it, but nothing new may be sent before it is answered.
  for (const auto& [number, kept] : client.session.unanswered()) {
    RunOnce operation{kept, number};
    const auto* acquire = std::get_if<locks::Acquire>(&kept);
    if (acquire) operation.acquisition = client.acquisitions.add(as_kept(*acquire));
    const AcquisitionId acquisition = operation.acquisition;
    OutstandingRequest request{std::move(operation)};
    request.sent = 1;  // by an earlier process, perhaps more than once
    const RequestId id = client.requests.add(std::move(request));
    if (acquire) client.acquisitions.change(acquisition, [&](Acquisition& step) { step.request = id; });
  }
}

std::optional<RequestId> find_claimable(const ClientParts& client, const locks::Operation& operation) {
  const auto& unanswered = client.session.unanswered();
  if (!client.options.claims_unfinished || unanswered.size() != 1) return std::nullopt;
  const RequestNumber number = unanswered.begin()->first;
  const auto id = client.requests.find_number(number);
  if (!id || client.requests.at(*id).call || !client.session.was_alone(number)) return std::nullopt;
  const auto& unfinished = std::get<RunOnce>(client.requests.at(*id).body);
  if (unfinished.operation != operation) return std::nullopt;
  if (!unfinished.acquisition) return id;
  // Of an acquisition's steps only the first can be a new one's: what undoes it answers no call.
  const bool undoes = !std::holds_alternative<locks::Acquire>(operation);
  if (undoes || client.acquisitions.at(unfinished.acquisition).call) return std::nullopt;
  return id;
}

AcquisitionId claim_acquisition(ClientParts& client, RequestId id) {
  auto& operation = std::get<RunOnce>(client.requests.body(id));
  operation.claimed = true;
  return operation.acquisition;
}

}  // namespace lockstep::client_core

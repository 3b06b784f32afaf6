// VerifyHold: an operator took some lock of this session. Each one that is held is looked at, to see which.
#include <algorithm>
#include <utility>

#include "protocol/client_core/acquiring.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"

namespace lockstep::client_core {
namespace {

void verified(ClientParts& client, Time now, const VerifyHold& verify, const wire::CheckAnswer& answer) {
  const std::string& name = verify.check.name;
  if (client.holds.token_of(name) != verify.token) return;
  if (client.requests.is_being_released(name)) return;  // the answer to that says whether the lock was still there
  const auto is_own = [&](const locks::HolderView& holder) {
    return holder.session == client.session.id() && holder.token == verify.token;
  };
  if (answer.lock && std::any_of(answer.lock->holders.begin(), answer.lock->holders.end(), is_own)) return;
  // Of many holders not all are shown. Rather lost than wrongly held: then it must not stay held unknown to anyone.
  const bool all_shown = !answer.lock || answer.lock->holder_count == answer.lock->holders.size();
  if (!all_shown) release_unknown(client, now, name);
  was_taken(client, name, verify.token);
}

}  // namespace

wire::RequestBody VerifyHold::says(Time, const ClientSession& session) {
  check.at_least = session.highest_index();
  return check;
}

void verify_holds(ClientParts& client, Time now) {
  const std::set<RequestId> earlier = client.requests.of<VerifyHold>();
  for (const RequestId id : earlier) client.requests.erase(id);
  for (const auto& [name, token] : client.holds.held()) {
    OutstandingRequest request{VerifyHold{{name, wire::ReadMode::kLocal, LogIndex()}, token}};
    request.due = now;
    client.requests.add(std::move(request));
  }
}

Detail accept(ClientParts& client, Time now, RequestId id, const VerifyHold& verify, const wire::Response& response) {
  const auto* answer = std::get_if<wire::CheckAnswer>(&response.body);
  if (answer == nullptr) return kWrongKind;
  if (response.applied < verify.check.at_least) return kTooOld;
  verified(client, now, verify, *answer);
  client.requests.erase(id);
  return {};
}

void was_taken(ClientParts& client, const std::string& name, FencingToken token) {
  if (client.holds.taken(name, token)) client.output.lease_events.emplace_back(LocksForced{{{name, token}}});
}

}  // namespace lockstep::client_core

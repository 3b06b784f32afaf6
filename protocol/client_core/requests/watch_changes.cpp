// WatchChanges: one page of changes for the application, held back at a node until there is one.
#include <algorithm>

#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"

namespace lockstep::client_core {

std::uint32_t poll_ms(Duration left, Duration longest) {
  const Duration bounded = std::clamp(left, Duration::zero(), longest);
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(bounded).count());
}

wire::RequestBody WatchChanges::says(Time now, const ClientSession&) const {
  wire::WatchRequest copy = watch;
  copy.up_to_ms = poll_ms(ends - now, std::chrono::milliseconds(wire::kMaxPollMs));
  return copy;
}

Detail accept(ClientParts& client, Time, RequestId id, const WatchChanges& watch, const wire::Response& response) {
  const auto* page = std::get_if<wire::WatchAnswer>(&response.body);
  if (page == nullptr) return kWrongKind;
  if (!page->reset && page->index < watch.watch.from) return kTooOld;
  client.answer_call(id, *page, response.applied);
  client.requests.erase(id);
  return {};
}

}  // namespace lockstep::client_core

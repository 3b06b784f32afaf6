// What the kinds of requests have in common.
#include "protocol/client_core/outstanding_request.hpp"

namespace lockstep::client_core {

bool polls(const RequestKind& body) {
  const auto* taken = std::get_if<ReadTakenOver>(&body);
  return std::holds_alternative<WaitInLine>(body) || std::holds_alternative<WatchChanges>(body) ||
         (taken && std::holds_alternative<wire::Watch>(taken->read));
}

bool is_of_session(const RequestKind& body) {
  return std::holds_alternative<RunOnce>(body) || std::holds_alternative<WaitInLine>(body) ||
         std::holds_alternative<VerifyHold>(body) || std::holds_alternative<ReadTakenOver>(body);
}

Lane lane_of(const RequestKind& body) {
  return std::visit([](const auto& kind) { return kind.lane(); }, body);
}

}  // namespace lockstep::client_core

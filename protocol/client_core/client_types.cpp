// The names of reasons, and the error that each leads to.
#include "protocol/client_core/client_types.hpp"

namespace lockstep {

std::string_view to_string(LossReason reason) {
  switch (reason) {
    case LossReason::kExpired: return "expired";
    case LossReason::kSuperseded: return "superseded";
    case LossReason::kForced: return "forced";
    case LossReason::kClosed: return "closed";
    case LossReason::kUnreachable: return "unreachable";
  }
  return "unknown";
}

ErrorCode error_after(LossReason reason) {
  switch (reason) {
    case LossReason::kSuperseded: return ErrorCode::kSessionSuperseded;
    case LossReason::kForced: return ErrorCode::kSessionForced;
    case LossReason::kClosed: return ErrorCode::kSessionClosed;
    case LossReason::kExpired:
    case LossReason::kUnreachable: break;
  }
  return ErrorCode::kSessionExpired;
}

}  // namespace lockstep

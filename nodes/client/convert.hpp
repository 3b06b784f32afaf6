// From what the core and the wire say to what an application is shown, and back.
//
// An application sees no type of the wire or of the state machine, so that those may change without it. Pure functions.
//
// A HistoryEvent is shown as a PastHold, a LockChange as a LockEvent, a Held as a Blocker, an AcquireProgress as a
// LineProgress, a SavedSession as a SessionRecord; the others change little but their names' ends.
#pragma once

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "lockstep/client.hpp"
#include "protocol/client_core/client_session.hpp"
#include "protocol/client_core/client_types.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

HolderInfo shown(locks::HolderView view);
WaiterInfo shown(locks::WaiterView view);
LockInfo shown(locks::LockView view);
SessionInfo shown(locks::SessionView view);
PastHold shown(locks::HistoryEvent event);
LockEvent shown(locks::LockChange change);
Blocker shown(locks::Held held);
LineProgress shown(AcquireProgress progress);
MemberInfo shown(wire::MemberStatus member);
NodeStatus shown(wire::StatusAnswer status);
std::optional<std::chrono::milliseconds> shown_age(const std::optional<std::uint64_t>& age_ms);

template <typename View>
auto all_shown(std::vector<View> views) {
  std::vector<decltype(shown(std::declval<View>()))> all;
  all.reserve(views.size());
  for (View& view : views) all.push_back(shown(std::move(view)));
  return all;
}

SessionRecord record_of(const SavedSession& saved);
// Nothing if a command of the record is not one that this version encodes.
std::optional<SavedSession> saved_of(const SessionRecord& record);

}  // namespace lockstep

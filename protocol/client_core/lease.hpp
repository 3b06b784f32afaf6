// What a client may rely on, and what it is told when that changes (L3). Values without behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lockstep/base/modes.hpp"
#include "lockstep/base/types.hpp"

namespace lockstep {

// Why a client has no session any more, or lost locks.
enum class LossReason : std::uint8_t {
  kExpired,      // the cluster said that the lease ran out
  kSuperseded,   // a later incarnation of this client took the session over
  kForced,       // an operator took the locks, or closed the session
  kClosed,       // this client closed it
  kUnreachable,  // the time up to which the locks were certain passed without an acknowledged renewal
};
std::string_view to_string(LossReason reason);  // "expired", "superseded", ...

// A lock that this client holds, or held until it lost it.
struct OwnedLock {
  std::string name;
  FencingToken token;
  friend bool operator==(const OwnedLock&, const OwnedLock&) = default;
};

// A lock that came with the session when it was taken over from an earlier incarnation of this client (L1).
struct TakenOverLock {
  std::string name;
  LockMode mode = LockMode::kExclusive;
  FencingToken token;  // a new one, the same for all of them
  friend bool operator==(const TakenOverLock&, const TakenOverLock&) = default;
};

// L3. What this client may rely on.
struct LeaseView {
  // In CLOCK_BOOTTIME. Before this moment nobody else can have what this client holds, unless an operator takes it.
  // None if there is no session yet, or if its TTL is 0 and it does not end by itself.
  std::optional<Time> safe_until = {};
  // How the last session ended, while no new one was opened since.
  std::optional<LossReason> lost = {};
  friend bool operator==(const LeaseView&, const LeaseView&) = default;
};

// A renewal was acknowledged (or the session opened), and the locks are certain for longer.
struct LeaseRenewed {
  Time safe_until{};
  friend bool operator==(const LeaseRenewed&, const LeaseRenewed&) = default;
};
// The session is lost, with these locks (perhaps none).
struct LeaseLost {
  LossReason reason{};
  std::vector<OwnedLock> locks;
  friend bool operator==(const LeaseLost&, const LeaseLost&) = default;
};
// An operator took these locks. The session lives on, with its others.
struct LocksForced {
  std::vector<OwnedLock> locks;
  friend bool operator==(const LocksForced&, const LocksForced&) = default;
};
using LeaseEvent = std::variant<LeaseRenewed, LeaseLost, LocksForced>;

}  // namespace lockstep

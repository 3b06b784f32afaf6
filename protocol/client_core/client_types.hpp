// What a client is asked to do and what it is told: values without behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/locks/commands.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

// One call of the application, from its start to its Completion. Not the wire's CallNumber, of which
// each copy of a request has its own.
using CallId = Ordinal<struct CallIdTag>;

// How a lock, or several at once, are acquired.
struct AcquireTerms {
  locks::Mode mode = locks::Mode::kExclusive;
  std::uint32_t permits = 0;          // of the semaphore, with kPermit; else 0
  std::optional<Duration> wait = {};  // how long to stand in line; none: for ever, zero: not at all
  std::uint64_t thread = 0;           // which thread of this client asks: a deadlock is a cycle of threads
};

// Where a request stands that waits in line.
struct AcquireProgress {
  std::uint64_t position = 0;  // 1 is next
  locks::Held by;              // the owner in the way; without a token: nobody holds it, `owner` is the first in line
  friend bool operator==(const AcquireProgress&, const AcquireProgress&) = default;
};

// An acquisition that ended without the lock, certainly: nothing of it is left in any queue.
struct NotAcquired {
  std::optional<locks::Held> by;  // the owner, as last heard; none: nobody held it, but others wait for it
  std::uint64_t position = 0;     // the last one in line; 0: it did not stand in line
  friend bool operator==(const NotAcquired&, const NotAcquired&) = default;
};

// Why a client has no session any more, or lost locks.
enum class LossReason : std::uint8_t {
  kExpired,      // the cluster said that the lease ran out
  kSuperseded,   // a later incarnation of this client took the session over
  kForced,       // an operator took the locks, or closed the session
  kClosed,       // this client closed it
  kUnreachable,  // the time up to which the locks were certain passed without an acknowledged renewal
};
std::string_view to_string(LossReason reason);  // "expired", "superseded", ...
// What an operation is refused with after such a loss.
ErrorCode error_after(LossReason reason);

// A lock that came with the session when it was taken over from an earlier incarnation of this client (L1).
struct TakenOverLock {
  std::string name;
  locks::Mode mode = locks::Mode::kExclusive;
  FencingToken token;  // a new one, the same for all of them
  friend bool operator==(const TakenOverLock&, const TakenOverLock&) = default;
};
struct TakenOver {
  std::vector<TakenOverLock> locks;  // in order of name
  friend bool operator==(const TakenOver&, const TakenOver&) = default;
};

// A lock that this client holds, or held until it lost it.
struct OwnedLock {
  std::string name;
  FencingToken token;
  friend bool operator==(const OwnedLock&, const OwnedLock&) = default;
};

// L3. What this client may rely on.
struct LeaseView {
  // Before this moment nobody else can have what this client holds, unless an operator takes it. None: there
  // is no session yet, or its TTL is 0 and it does not end by itself.
  std::optional<Time> safe_until = {};
  // The last session ended so, and no new one was opened since.
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

struct ClientError {
  ErrorCode code{};  // kUnavailable: no answer in time, so it may have happened or may yet
  std::string detail;
  SessionId current_session;  // with kSessionConflict
  // It did not happen and never will. A node's refusal speaks of one copy; this speaks of the call: false if
  // another copy than the refused one may have run.
  bool definite = false;
  friend bool operator==(const ClientError&, const ClientError&) = default;
};

// The alternatives of two variants in one.
template <typename, typename>
struct Joined;
template <typename... As, typename... Bs>
struct Joined<std::variant<As...>, std::variant<Bs...>> {
  using Type = std::variant<As..., Bs...>;
};

// How a call ended. A read ends with its own answer.
using ClientOutcome = Joined<std::variant<locks::Granted, locks::Held, locks::Released, locks::NotHolder, locks::Closed,
                                          NotAcquired, TakenOver, wire::WatchAnswer, wire::StatusAnswer, ClientError>,
                             wire::ReadAnswer>::Type;

}  // namespace lockstep

// What a client is asked to do and what it is told: values without behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/client_core/lease.hpp"
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

// What an operation is refused with after such a loss.
ErrorCode error_after(LossReason reason);

// What came with a session that was taken over (L1).
struct TakenOver {
  std::vector<TakenOverLock> locks;  // in order of name
  friend bool operator==(const TakenOver&, const TakenOver&) = default;
};

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

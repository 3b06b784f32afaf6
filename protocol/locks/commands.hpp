// What can be asked of the state machine, and what it answers: values without behaviour.
//
// A command is what one log entry carries. Its request key says whose request it is, so that the
// node that holds the request finds it again when the entry is applied, and so that a second copy of
// the entry is answered from the session's table instead of being run again. An Expire is nobody's
// request: only the leader makes one, in its own term, and no client or peer can send one (L4).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/client_id.hpp"
#include "protocol/base/error.hpp"
#include "protocol/base/modes.hpp"
#include "protocol/base/types.hpp"

namespace lockstep::locks {

// SHA-256 of a session's secret. The secret itself never enters the log.
using SecretHash = std::array<std::uint8_t, 32>;

// L1: opens a session, or takes over the client's earlier one, whose locks then stay.
struct Open {
  ClientId client;
  SecretHash secret_hash{};
  std::uint64_t nonce = 0;   // random per process: a retried Open is recognised by it
  std::uint32_t ttl_ms = 0;  // 0: the session never expires
  SessionId replaces{};      // the client's last session as it knew it before its first send
  std::string note{};        // who that is, for people: user, host, process, anything
  friend bool operator==(const Open&, const Open&) = default;
};

using Mode = LockMode;
using EndReason = lockstep::EndReason;

// An exclusive lock, if it is free and nobody waits for it. Never waits.
struct Preempt {
  std::string name;
  friend bool operator==(const Preempt&, const Preempt&) = default;
};

struct Release {
  std::string name;
  friend bool operator==(const Release&, const Release&) = default;
};

// All of the names at once, with one token, or none of them.
struct Acquire {
  std::vector<std::string> names;  // 1 to 16, in order, each once
  Mode mode = Mode::kExclusive;
  std::uint32_t permits = 0;  // of the semaphore, of which one is taken; 0 in the other modes
  bool wait = true;           // false: try once
  std::uint64_t thread = 0;   // which thread of the client asks: a deadlock is a cycle of threads
  friend bool operator==(const Acquire&, const Acquire&) = default;
};

// Ends a wait, unless it was granted before.
struct Cancel {
  WaiterId waiter;
  friend bool operator==(const Cancel&, const Cancel&) = default;
};

// Ends the session that asks: its waits, then its locks.
struct Close {
  friend bool operator==(const Close&, const Close&) = default;
};

// For operators: takes a lock from whoever holds it.
struct ForceRelease {
  std::string name;
  std::string why;
  friend bool operator==(const ForceRelease&, const ForceRelease&) = default;
};

// For operators: ends another session.
struct CloseSession {
  SessionId target;
  std::string why;
  friend bool operator==(const CloseSession&, const CloseSession&) = default;
};

using Operation = std::variant<Preempt, Release, Acquire, Cancel, Close, ForceRelease, CloseSession>;

// One request of a session. Answers below `acknowledged_below` have reached the client and are forgotten.
struct Execute {
  SessionId session;
  RequestNumber number;
  RequestNumber acknowledged_below;
  Operation operation;
  friend bool operator==(const Execute&, const Execute&) = default;
};

// L4: the session's lease ran out, by the leader's clock.
struct Expire {
  SessionId session;
  bool waits_only = false;  // of a session of TTL 0: it stays with its locks, and only its waits end
  friend bool operator==(const Expire&, const Expire&) = default;
};

using Command = std::variant<Open, Execute, Expire>;

// Identifies a request across its copies, whichever node they went through. `fingerprint` hashes the
// operation, so that one number used for two operations is never answered with the other's answer.
struct RequestKey {
  ClientId client;           // of an Open; nil otherwise
  SessionId session;         // of an Execute or an Expire; none otherwise
  std::uint64_t number = 0;  // the request number, or an Open's nonce
  std::uint64_t fingerprint = 0;
  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
};

RequestKey key_of(const Command& command);

struct SessionOpened {
  SessionId session;
  friend bool operator==(const SessionOpened&, const SessionOpened&) = default;
};
struct Granted {
  FencingToken token;
  friend bool operator==(const Granted&, const Granted&) = default;
};
// Who is in the way of a request, and of which of its names.
struct Held {
  ClientId owner;
  FencingToken token;
  WallTime since{};    // when it was granted, by the leader's wall clock
  std::string name{};  // the first of those asked for that was not to be had
  std::string note{};  // of the owner's session
  friend bool operator==(const Held&, const Held&) = default;
};
// Definite: the request stands in line, and what becomes of it is asked by its id.
struct Queued {
  WaiterId waiter;
  std::uint64_t position = 0;  // 1 is next; of several queues, the longest way
  Held by;                     // without a token: nobody holds the name against it, and `owner` is the first in line
  friend bool operator==(const Queued&, const Queued&) = default;
};
struct Released {
  friend bool operator==(const Released&, const Released&) = default;
};
struct NotHolder {
  std::optional<ClientId> owner;  // nobody: the lock is free
  friend bool operator==(const NotHolder&, const NotHolder&) = default;
};
struct Cancelled {
  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};
struct Closed {
  friend bool operator==(const Closed&, const Closed&) = default;
};
// Definite errors that only the state can tell.
struct Refused {
  ErrorCode code{};
  SessionId current_session{};  // with kSessionConflict: the client's last session as the cluster knows it
  std::string detail{};         // for a person: which name, or who waits for whom
  friend bool operator==(const Refused&, const Refused&) = default;
};

using Result = std::variant<SessionOpened, Granted, Held, Released, NotHolder, Refused, Queued, Cancelled, Closed>;

// State limits, the same on every replica: part of entry 1, changed only by an entry. New ones go to the end.
struct StateLimits {
  std::uint32_t locks = 1'000'000;  // names that are held or waited for
  std::uint32_t sessions = 100'000;
  std::uint32_t locks_per_session = 10'000;  // held and waited for
  std::uint32_t waiters_per_lock = 10'000;
  friend bool operator==(const StateLimits&, const StateLimits&) = default;
};

// Fixed, since replicas must agree on them and no operator needs to change them.
inline constexpr std::uint64_t kMaxUnacknowledged = 64;  // requests of one session
inline constexpr std::size_t kKeptEndedSessions = 10'000;
inline constexpr std::size_t kKeptHistory = 100'000;      // events
inline constexpr std::size_t kMaxAcquireNames = 16;       // names of one Acquire
inline constexpr std::uint32_t kMaxPermits = 10'000;      // of a semaphore
inline constexpr std::size_t kMaxHolders = kMaxPermits;   // who share a lock; more wait
inline constexpr std::size_t kMaxDeadlockNodes = 10'000;  // searched; beyond them a request just waits
inline constexpr std::size_t kMaxDetail = 1024;           // bytes of Refused::detail

}  // namespace lockstep::locks

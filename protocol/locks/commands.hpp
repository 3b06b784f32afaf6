// What can be asked of the state machine, and what it answers: values without behaviour.
//
// A command is what one log entry carries. Its request key says whose request it is, so that the
// node that holds the request finds it again when the entry is applied, and so that a second copy of
// the entry is answered from the session's table instead of being run again.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "protocol/base/client_id.hpp"
#include "protocol/base/error.hpp"
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
  SessionId replaces;        // the client's last session as it knew it before its first send
  friend bool operator==(const Open&, const Open&) = default;
};

struct Preempt {
  std::string name;
  friend bool operator==(const Preempt&, const Preempt&) = default;
};

struct Release {
  std::string name;
  friend bool operator==(const Release&, const Release&) = default;
};

using Operation = std::variant<Preempt, Release>;

// One request of a session. Answers below `acknowledged_below` have reached the client and are forgotten.
struct Execute {
  SessionId session;
  RequestNumber number;
  RequestNumber acknowledged_below;
  Operation operation;
  friend bool operator==(const Execute&, const Execute&) = default;
};

using Command = std::variant<Open, Execute>;

// Identifies a request across its copies, whichever node they went through. `fingerprint` hashes the
// operation, so that one number used for two operations is never answered with the other's answer.
struct RequestKey {
  ClientId client;           // of an Open; nil otherwise
  SessionId session;         // of an Execute; none otherwise
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
struct Held {
  ClientId owner;
  FencingToken token;
  WallTime since{};
  friend bool operator==(const Held&, const Held&) = default;
};
struct Released {
  friend bool operator==(const Released&, const Released&) = default;
};
struct NotHolder {
  std::optional<ClientId> owner;  // nobody: the lock is free
  friend bool operator==(const NotHolder&, const NotHolder&) = default;
};
// Definite errors that only the state can tell.
struct Refused {
  ErrorCode code{};
  SessionId current_session;  // with kSessionConflict: the client's last session as the cluster knows it
  friend bool operator==(const Refused&, const Refused&) = default;
};

using Result = std::variant<SessionOpened, Granted, Held, Released, NotHolder, Refused>;

// State limits, the same on every replica: part of entry 1, changed only by an entry.
struct StateLimits {
  std::uint32_t locks = 1'000'000;
  std::uint32_t sessions = 100'000;
  std::uint32_t locks_per_session = 10'000;
  friend bool operator==(const StateLimits&, const StateLimits&) = default;
};

// Fixed, since replicas must agree on them and no operator needs to change them.
inline constexpr std::uint64_t kMaxUnacknowledged = 64;  // requests of one session
inline constexpr std::size_t kKeptEndedSessions = 10'000;

}  // namespace lockstep::locks

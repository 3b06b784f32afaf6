// The records of a snapshot's state, field by field, in the way of schema.hpp.
//
// They are on disks: a change of any field is a new version of the whole.
#pragma once

#include <cstdint>

#include "protocol/locks/state_image.hpp"
#include "protocol/wire/schema.hpp"

namespace lockstep::wire {

inline constexpr std::uint32_t kStateVersion = 1;

// As many records as there are: how many there may be is the state's own affair, and reading one costs no more than
// its bytes.
inline constexpr Count kAnyCount{0, std::numeric_limits<std::uint32_t>::max()};

template <>
struct Schema<locks::Refused> {
  static constexpr NamedNumber kResult{6, "refused"};
  static void fields(auto& v, auto& m) {
    field(v, "code", m.code);
    field(v, "current_session", m.current_session);
    v.text("detail", m.detail, any_text(locks::kMaxDetail));
  }
};

template <>
struct Schema<locks::SavedAnswer> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "fingerprint", m.fingerprint);
    tagged(v, "result", m.result);
  }
};

template <>
struct Schema<locks::Session> {
  static void fields(auto& v, auto& m) {
    field(v, "id", m.id);
    field(v, "client", m.client);
    field(v, "secret_hash", m.secret_hash);
    field(v, "nonce", m.nonce);
    number(v, "ttl_ms", m.ttl_ms, kTtl);
    v.text("note", m.note, any_text(kMaxNote));
    field(v, "opened_ms", m.opened);
    field(v, "last_used", m.last_used);
    field(v, "forced_at", m.forced_at);
    field(v, "acknowledged_below", m.acknowledged_below);
    list(v, "answers", m.answers, {0, locks::kMaxUnacknowledged});
  }
};

template <>
struct Schema<locks::EndedSession> {
  static void fields(auto& v, auto& m) {
    field(v, "position", m.position);
    field(v, "id", m.id);
    field(v, "client", m.client);
    field(v, "how", m.how);
  }
};

template <>
struct Schema<locks::HoldRecord> {
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "thread", m.thread);
    field(v, "token", m.token);
    field(v, "since_ms", m.since);
    field(v, "granted_ms", m.granted);
    field(v, "waiter", m.waiter);
  }
};

template <>
struct Schema<locks::LockRecord> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockName);
    field(v, "mode", m.mode);
    number(v, "permits", m.permits, kPermits);
    list(v, "holds", m.holds, {1, locks::kMaxHolders});
  }
};

template <>
struct Schema<locks::WaiterRecord> {
  static void fields(auto& v, auto& m) {
    field(v, "id", m.id);
    field(v, "session", m.request.session);
    field(v, "thread", m.request.thread);
    field(v, "mode", m.request.mode);
    number(v, "permits", m.request.permits, kPermits);
    field(v, "since_ms", m.since);
    list(v, "names", m.names, {1, locks::kMaxAcquireNames},
         [](auto& visitor, auto& name) { visitor.text("", name, kLockName); });
  }
};

template <>
struct Schema<locks::StateImage> {
  static void fields(auto& v, auto& m) {
    std::uint32_t version = kStateVersion;
    number(v, "version", version,
           {.min = kStateVersion, .max = kStateVersion, .refusal = ErrorCode::kUnsupportedVersion});
    field(v, "limits", m.limits);
    field(v, "last_applied", m.last_applied);
    list(v, "sessions", m.sessions, kAnyCount);
    list(v, "ended", m.ended, {0, locks::kKeptEndedSessions});
    list(v, "locks", m.locks, kAnyCount);
    list(v, "waiters", m.waiters, kAnyCount);
    list(v, "history", m.history, {0, locks::kKeptHistory});
  }
};

}  // namespace lockstep::wire

// The fields of what is in the log: entries and the commands of the state machine.
#pragma once

#include <algorithm>
#include <functional>

#include "protocol/wire/schema_fields.hpp"

namespace lockstep::wire {

template <>
struct Schema<raft::Noop> {
  static constexpr NamedNumber kEntry{1, "noop"};
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<raft::Command> {
  static constexpr NamedNumber kEntry{3, "command"};
  static void fields(auto& v, auto& m) { v.command("command", m.bytes, CommandOrigin::kLog); }
};

template <>
struct Schema<locks::StateLimits> {
  static void fields(auto& v, auto& m) {
    field(v, "locks", m.locks);
    field(v, "sessions", m.sessions);
    field(v, "locks_per_session", m.locks_per_session);
    field(v, "waiters_per_lock", m.waiters_per_lock);
  }
};

template <>
struct Schema<locks::Open> {
  static constexpr NamedNumber kCommand{1, "open"};
  static void fields(auto& v, auto& m) {
    field(v, "client", m.client);
    field(v, "secret_hash", m.secret_hash);
    field(v, "nonce", m.nonce);
    number(v, "ttl_ms", m.ttl_ms, kTtl);
    field(v, "replaces", m.replaces);
    v.text("note", m.note, any_text(kMaxNote));
  }
};

// Its type says which operation it is.
template <>
struct Schema<locks::Execute> {
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "number", m.number);
    field(v, "acknowledged_below", m.acknowledged_below);
    body_fields(v, m.operation);
  }
};

template <>
struct Schema<locks::Preempt> {
  static constexpr NamedNumber kRequest{2, "preempt"};
  static constexpr NamedNumber kCommand{2, "preempt"};
  static void fields(auto& v, auto& m) { v.text("name", m.name, kLockName); }
};

template <>
struct Schema<locks::Release> {
  static constexpr NamedNumber kRequest{3, "release"};
  static constexpr NamedNumber kCommand{3, "release"};
  static void fields(auto& v, auto& m) { v.text("name", m.name, kLockName); }
};

template <>
struct Schema<locks::Acquire> {
  static constexpr NamedNumber kRequest{7, "acquire"};
  static constexpr NamedNumber kCommand{4, "acquire"};
  template <typename V>
  static void fields(V& v, auto& m) {
    list(v, "names", m.names, {1, locks::kMaxAcquireNames},
         [](auto& visitor, auto& name) { visitor.text("", name, kLockName); });
    field(v, "mode", m.mode);
    number(v, "permits", m.permits, kPermits);
    field(v, "wait", m.wait);
    field(v, "thread", m.thread);
    if constexpr (SeesRules<V>) {
      const bool in_order = std::adjacent_find(m.names.begin(), m.names.end(), std::greater_equal<>()) == m.names.end();
      v.must("names", in_order, "must be in order, each once");
      v.must("permits", (m.permits != 0) == (m.mode == locks::Mode::kPermit),
             "must be 0 if, and only if, no permit is asked for");
    }
  }
};

template <>
struct Schema<locks::Cancel> {
  static constexpr NamedNumber kRequest{8, "cancel"};
  static constexpr NamedNumber kCommand{5, "cancel"};
  static void fields(auto& v, auto& m) { field(v, "waiter", m.waiter); }
};

template <>
struct Schema<locks::Close> {
  static constexpr NamedNumber kRequest{9, "close"};
  static constexpr NamedNumber kCommand{6, "close"};
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<locks::ForceRelease> {
  static constexpr NamedNumber kRequest{10, "force_release"};
  static constexpr NamedNumber kCommand{7, "force_release"};
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockName);
    v.text("why", m.why, any_text(kMaxWhy));
  }
};

template <>
struct Schema<locks::CloseSession> {
  static constexpr NamedNumber kRequest{11, "close_session"};
  static constexpr NamedNumber kCommand{8, "close_session"};
  static void fields(auto& v, auto& m) {
    field(v, "target", m.target);
    v.text("why", m.why, any_text(kMaxWhy));
  }
};

template <>
struct Schema<locks::Expire> {
  static constexpr NamedNumber kCommand{9, "expire"};
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "waits_only", m.waits_only);
  }
};

}  // namespace lockstep::wire

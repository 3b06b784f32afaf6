// The one description of every message: its fields in their order, each with its name, type and limit.
//
// A visitor walks it. The msgpack reader and writer, the JSON forms of the test tool and the tables of
// docs/protocol.md are visitors, so none of them can disagree with another about a message. A visitor has
//
//   static constexpr bool kReads;                      // it fills the message in
//   void number(name, uint64_t&, const Range&);        void boolean(name, bool&);
//   void choice(name, uint64_t&, names);               void text(name, string&, const TextRule&);
//   void client_id(name, ClientId&);                   void bytes(name, span of uint8_t);
//   void command(name, string&, CommandOrigin);        // the bytes of one locks::Command
//   void state_limits(name, string&);                  // the bytes of one locks::StateLimits
//   void blob(name, string&, size_t max);              // bytes that mean nothing here
//   void entry_body(name, raft::EntryBody&);           // sent as the bytes of its own encoding
//   bool begin_optional(name, bool present);           // answers whether the value follows
//   size_t begin_list(name, size_t size, const Count&); void end_list();     // answers how many items follow
//   void begin_record(name, size_t fields);            void end_record();
//   void must(name, bool holds, problem);              // only if it reads: what one field's range cannot say
//
// with `const` before what it does not fill in. The items of a list have empty names.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "protocol/wire/message_types.hpp"
#include "protocol/wire/names.hpp"
#include "protocol/wire/text_rules.hpp"

namespace lockstep::wire {

struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  bool or_zero = false;
  ErrorCode refusal = ErrorCode::kBadRequest;  // what a value outside is answered with
};

// Where a command comes from. Only a leader makes an Expire, and only for its own log (L4).
enum class CommandOrigin { kForwarded, kLog };

inline constexpr Range kAnyNumber{};
inline constexpr Range kNotNone{.min = 1};
inline constexpr Range kTtl{.min = kMinTtlMs, .max = kMaxTtlMs, .or_zero = true, .refusal = ErrorCode::kInvalidTtl};
inline constexpr Range kPermits{.min = 1, .max = locks::kMaxPermits, .or_zero = true};
inline constexpr Range kPollMs{.max = kMaxPollMs};

struct Count {
  std::size_t min = 0;
  std::size_t max = 0;
};

template <typename T>
struct Schema;  // static void fields(visitor, message)

// ---- Numbers: the strong types are plain unsigned integers on the wire.

template <typename Tag>
std::uint64_t to_raw(Identifier<Tag> id) {
  return id.value();
}
template <typename Tag>
std::uint64_t to_raw(Ordinal<Tag> n) {
  return n.value();
}
template <std::unsigned_integral T>
std::uint64_t to_raw(T n) {
  return n;
}
// A clock set before 1970 reads as 1970: it is only ever shown.
inline std::uint64_t to_raw(WallTime time) {
  return static_cast<std::uint64_t>(std::max<WallTime::rep>(0, time.time_since_epoch().count()));
}

template <typename T>
T from_raw(std::uint64_t raw) {
  if constexpr (std::same_as<T, WallTime>) {
    return WallTime(std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(raw)));
  } else {
    return static_cast<T>(raw);
  }
}

template <typename T>
inline constexpr Range kRangeOf{};  // identifiers and hashes: anything
template <typename Tag>
inline constexpr Range kRangeOf<Ordinal<Tag>>{.max = kMaxOrdinal};
template <>
inline constexpr Range kRangeOf<CallNumber>{};  // never counted with, and a sender may start anywhere
template <>
inline constexpr Range kRangeOf<WallTime>{.max = kMaxOrdinal};
template <>
inline constexpr Range kRangeOf<std::uint32_t>{.max = std::numeric_limits<std::uint32_t>::max()};

template <typename T>
concept Number = requires(T value) {
  to_raw(value);
};

template <typename V, typename T>
void number(V& v, std::string_view name, T& value, const Range& range) {
  std::uint64_t raw = to_raw(value);
  v.number(name, raw, range);
  if constexpr (V::kReads) value = from_raw<T>(raw);
}

template <typename V, typename T>
void choice(V& v, std::string_view name, T& value) {
  auto raw = static_cast<std::uint64_t>(value);
  v.choice(name, raw, names_of<std::remove_const_t<T>>());
  if constexpr (V::kReads) value = static_cast<T>(raw);
}

// ---- Fields whose type alone says what they are.

template <typename T>
std::size_t field_count();

template <typename V, typename T>
void field(V& v, std::string_view name, T& value) {
  using Plain = std::remove_const_t<T>;
  if constexpr (std::same_as<Plain, bool>) {
    v.boolean(name, value);
  } else if constexpr (std::is_enum_v<Plain>) {
    choice(v, name, value);
  } else if constexpr (Number<Plain>) {
    number(v, name, value, kRangeOf<Plain>);
  } else if constexpr (std::same_as<Plain, ClientId>) {
    v.client_id(name, value);
  } else if constexpr (std::same_as<Plain, std::array<std::uint8_t, 32>>) {
    v.bytes(name, std::span(value));
  } else if constexpr (std::same_as<Plain, raft::EntryBody>) {
    v.entry_body(name, value);
  } else {
    v.begin_record(name, field_count<Plain>());
    Schema<Plain>::fields(v, value);
    v.end_record();
  }
}

template <typename V, typename T>
void optional(V& v, std::string_view name, T& value) {
  const bool present = v.begin_optional(name, value.has_value());
  if constexpr (V::kReads) {
    if (present) {
      value.emplace();
    } else {
      value.reset();
    }
  }
  if (present) field(v, name, *value);
}

// `item(v, value)` visits one item.
template <typename V, typename T, typename Item>
void list(V& v, std::string_view name, T& values, const Count& count, const Item& item) {
  const std::size_t size = v.begin_list(name, values.size(), count);
  if constexpr (V::kReads) {
    // Grows with the items that are really there, not with what the sender claims.
    constexpr std::size_t kTrusted = 64;
    values.clear();
    values.reserve(std::min(size, kTrusted));
    for (std::size_t i = 0; i < size && v.ok(); ++i) item(v, values.emplace_back());
  } else {
    for (auto& value : values) item(v, value);
  }
  v.end_list();
}

template <typename V, typename T>
void list(V& v, std::string_view name, T& values, const Count& count) {
  list(v, name, values, count, [](V& visitor, auto& value) { field(visitor, "", value); });
}

template <typename T>
std::size_t field_count_of(const T&) {
  return field_count<T>();
}
// Its own fields and those of its operation. A blank one is a Preempt.
inline std::size_t field_count_of(const locks::Execute& execute) {
  const std::size_t own = field_count<locks::Execute>() - field_count<locks::Preempt>();
  return own + std::visit([](const auto& operation) { return field_count_of(operation); }, execute.operation);
}

// The fields of whichever message the variant holds, and how many they are.
template <typename V>
void body_fields(V& v, auto& variant) {
  std::visit([&]<typename B>(B& body) { Schema<std::remove_const_t<B>>::fields(v, body); }, variant);
}
std::size_t body_field_count(const auto& variant) {
  return std::visit([](const auto& body) { return field_count_of(body); }, variant);
}

// A variant as a record of its own: [type, fields...].
template <typename V, typename T>
void tagged(V& v, std::string_view name, T& variant) {
  auto type = type_of(variant);
  v.begin_record(name, 1 + body_field_count(variant));
  choice(v, "type", type);
  if constexpr (V::kReads) {
    if (v.ok()) variant = blank(type);
  }
  body_fields(v, variant);
  v.end_record();
}

// ---- Between nodes.

template <>
struct Schema<raft::StateHash> {
  static void fields(auto& v, auto& m) {
    field(v, "index", m.index);
    field(v, "hash", m.hash);
  }
};

template <>
struct Schema<raft::Entry> {
  static void fields(auto& v, auto& m) {
    number(v, "term", m.term, {.min = 1, .max = kMaxOrdinal});
    field(v, "time_ms", m.time);
    field(v, "body", m.body);
  }
};

template <>
struct Schema<raft::Append> {
  static void fields(auto& v, auto& m) {
    field(v, "previous_index", m.previous_index);
    field(v, "previous_term", m.previous_term);
    list(v, "entries", m.entries, {0, kMaxEntries});
    field(v, "commit", m.commit);
    field(v, "round", m.round);
    field(v, "fetch", m.fetch);
    optional(v, "state_hash", m.state_hash);
  }
};

template <>
struct Schema<raft::VoteRequest> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "pre_vote", m.pre_vote);
    field(v, "last_index", m.last_index);
    field(v, "last_term", m.last_term);
  }
};

template <>
struct Schema<raft::Vote> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "pre_vote", m.pre_vote);
    field(v, "granted", m.granted);
    field(v, "leader", m.leader);
  }
};

template <>
struct Schema<raft::Ack> {
  static void fields(auto& v, auto& m) {
    field(v, "match", m.match);
    field(v, "round", m.round);
  }
};

template <>
struct Schema<raft::Fetch> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "index", m.index);
    field(v, "index_term", m.term);  // "term" is the header's
    field(v, "snapshot", m.snapshot);
    number(v, "offset", m.offset, {.max = kMaxOrdinal});
  }
};

template <>
struct Schema<raft::Forward> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    list(v, "commands", m.commands, {0, kMaxForward},
         [](auto& visitor, auto& bytes) { visitor.command("", bytes, CommandOrigin::kForwarded); });
  }
};

template <>
struct Schema<raft::Barrier> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    list(v, "renewals", m.renewals, {0, kMaxRenewals});
  }
};

template <>
struct Schema<raft::BarrierAnswer> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "index", m.index);
    list(v, "renewals", m.renewals, {0, kMaxRenewals});
  }
};

template <>
struct Schema<raft::NotLeader> {
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "leader", m.leader);
  }
};

template <>
struct Schema<raft::Busy> {
  static void fields(auto& v, auto& m) { field(v, "number", m.number); }
};

template <>
struct Schema<raft::Hello> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kMemberName);
    list(v, "initial_members", m.initial_members, {1, kMaxMembers},
         [](auto& visitor, auto& name) { visitor.text("", name, kMemberName); });
  }
};

template <>
struct Schema<raft::Member> {
  static void fields(auto& v, auto& m) {
    number(v, "id", m.id, kNotNone);
    v.text("name", m.name, kMemberName);
  }
};

template <>
struct Schema<raft::Configuration> {
  static void fields(auto& v, auto& m) {
    number(v, "cluster", m.cluster, kNotNone);
    list(v, "voters", m.voters, {1, kMaxMembers});
    v.state_limits("state_limits", m.state_limits);
  }
};

template <>
struct Schema<raft::Form> {
  static void fields(auto& v, auto& m) {
    field(v, "configuration", m.configuration);
    field(v, "time_ms", m.time);
  }
};

template <>
struct Schema<raft::SnapshotHead> {
  static void fields(auto& v, auto& m) {
    number(v, "index", m.index, {.min = 1, .max = kMaxOrdinal});
    field(v, "index_term", m.term);
    field(v, "time_ms", m.time);
    field(v, "configuration", m.configuration);
    field(v, "formed_ms", m.formed);
    field(v, "state_hash", m.state_hash);
    number(v, "state_bytes", m.state_bytes, {.min = 1, .max = kMaxOrdinal});
  }
};

template <>
struct Schema<raft::SnapshotPart> {
  static void fields(auto& v, auto& m) {
    field(v, "fetch", m.fetch);
    field(v, "head", m.head);
    number(v, "offset", m.offset, {.max = kMaxOrdinal});
    v.blob("bytes", m.bytes, kMaxSnapshotPart);
  }
};

template <>
struct Schema<raft::HelloRefused> {
  static void fields(auto& v, auto& m) { v.text("reason", m.reason, any_text(kMaxReason)); }
};

// ---- In the log.

template <>
struct Schema<raft::Noop> {
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<raft::Command> {
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
  static void fields(auto& v, auto& m) { v.text("name", m.name, kLockName); }
};

template <>
struct Schema<locks::Release> {
  static void fields(auto& v, auto& m) { v.text("name", m.name, kLockName); }
};

template <>
struct Schema<locks::Acquire> {
  template <typename V>
  static void fields(V& v, auto& m) {
    list(v, "names", m.names, {1, locks::kMaxAcquireNames},
         [](auto& visitor, auto& name) { visitor.text("", name, kLockName); });
    field(v, "mode", m.mode);
    number(v, "permits", m.permits, kPermits);
    field(v, "wait", m.wait);
    field(v, "thread", m.thread);
    if constexpr (V::kReads) {
      const bool in_order = std::adjacent_find(m.names.begin(), m.names.end(), std::greater_equal<>()) == m.names.end();
      v.must("names", in_order, "must be in order, each once");
      v.must("permits", (m.permits != 0) == (m.mode == locks::Mode::kPermit),
             "must be 0 if, and only if, no permit is asked for");
    }
  }
};

template <>
struct Schema<locks::Cancel> {
  static void fields(auto& v, auto& m) { field(v, "waiter", m.waiter); }
};

template <>
struct Schema<locks::Close> {
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<locks::ForceRelease> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockName);
    v.text("why", m.why, any_text(kMaxWhy));
  }
};

template <>
struct Schema<locks::CloseSession> {
  static void fields(auto& v, auto& m) {
    field(v, "target", m.target);
    v.text("why", m.why, any_text(kMaxWhy));
  }
};

template <>
struct Schema<locks::Expire> {
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "waits_only", m.waits_only);
  }
};

// ---- Requests of clients.

template <>
struct Schema<OpenSession> {
  static void fields(auto& v, auto& m) {
    field(v, "client", m.client);
    field(v, "secret", m.secret);
    field(v, "nonce", m.nonce);
    number(v, "ttl_ms", m.ttl_ms, kTtl);
    field(v, "replaces", m.replaces);
    v.text("note", m.note, any_text(kMaxNote));
  }
};

template <>
struct Schema<Check> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockName);
    field(v, "mode", m.mode);
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<List> {
  static void fields(auto& v, auto& m) {
    v.text("prefix", m.prefix, kLockNameOrNone);
    v.text("after", m.after, kLockNameOrNone);
    number(v, "limit", m.limit, {.min = 1, .max = kMaxListPage});
    field(v, "mode", m.mode);
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<Status> {
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<KeepAlive> {
  static void fields(auto& v, auto& m) { field(v, "session", m.session); }
};

template <>
struct Schema<Wait> {
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "waiter", m.waiter);
    number(v, "up_to_ms", m.up_to_ms, kPollMs);
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<History> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockNameOrNone);
    field(v, "after", m.after);
    number(v, "limit", m.limit, {.min = 1, .max = kMaxHistoryPage});
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<Sessions> {
  static void fields(auto& v, auto& m) {
    field(v, "after", m.after);
    number(v, "limit", m.limit, {.min = 1, .max = kMaxSessionsPage});
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<Watch> {
  static void fields(auto& v, auto& m) {
    v.text("prefix", m.prefix, kLockNameOrNone);
    field(v, "from", m.from);
    v.text("after", m.after, kLockNameOrNone);
    number(v, "up_to_ms", m.up_to_ms, kPollMs);
  }
};

// ---- Answers to clients.

template <>
struct Schema<locks::SessionOpened> {
  static void fields(auto& v, auto& m) { field(v, "session", m.session); }
};

template <>
struct Schema<locks::Granted> {
  static void fields(auto& v, auto& m) { field(v, "token", m.token); }
};

template <>
struct Schema<locks::Held> {
  static void fields(auto& v, auto& m) {
    field(v, "owner", m.owner);
    field(v, "token", m.token);
    field(v, "since_ms", m.since);
    v.text("name", m.name, kLockName);
    v.text("note", m.note, any_text(kMaxNote));
  }
};

template <>
struct Schema<locks::Queued> {
  static void fields(auto& v, auto& m) {
    field(v, "waiter", m.waiter);
    field(v, "position", m.position);
    field(v, "by", m.by);
  }
};

template <>
struct Schema<locks::Released> {
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<locks::Cancelled> {
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<locks::Closed> {
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<KeptAlive> {
  static void fields(auto& v, auto& m) { field(v, "forced_at", m.forced_at); }
};

template <>
struct Schema<locks::NotHolder> {
  static void fields(auto& v, auto& m) { optional(v, "owner", m.owner); }
};

template <>
struct Schema<locks::HolderView> {
  static void fields(auto& v, auto& m) {
    field(v, "owner", m.owner);
    field(v, "session", m.session);
    field(v, "token", m.token);
    field(v, "since_ms", m.since);
    v.text("note", m.note, any_text(kMaxNote));
  }
};

template <>
struct Schema<locks::WaiterView> {
  static void fields(auto& v, auto& m) {
    field(v, "client", m.client);
    field(v, "session", m.session);
    field(v, "waiter", m.waiter);
    field(v, "mode", m.mode);
    field(v, "since_ms", m.since);
    v.text("note", m.note, any_text(kMaxNote));
  }
};

template <>
struct Schema<locks::LockView> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockName);
    field(v, "mode", m.mode);
    number(v, "permits", m.permits, kPermits);
    list(v, "holders", m.holders, {0, locks::kShownHolders});
    field(v, "holder_count", m.holder_count);
    list(v, "waiters", m.waiters, {0, locks::kShownWaiters});
    field(v, "waiter_count", m.waiter_count);
  }
};

template <>
struct Schema<locks::SessionView> {
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "client", m.client);
    number(v, "ttl_ms", m.ttl_ms, kTtl);
    field(v, "since_ms", m.since);
    v.text("note", m.note, any_text(kMaxNote));
    field(v, "locks", m.locks);
    field(v, "waits", m.waits);
  }
};

template <>
struct Schema<locks::HistoryEvent> {
  static void fields(auto& v, auto& m) {
    field(v, "position", m.position);
    v.text("name", m.name, kLockName);
    field(v, "mode", m.mode);
    field(v, "client", m.client);
    field(v, "token", m.token);
    field(v, "from_ms", m.from);
    field(v, "to_ms", m.to);
    field(v, "reason", m.reason);
    optional(v, "by", m.by);
    v.text("why", m.why, any_text(kMaxWhy));
  }
};

template <>
struct Schema<locks::LockChange> {
  static void fields(auto& v, auto& m) {
    field(v, "index", m.index);
    v.text("name", m.name, kLockName);
    field(v, "mode", m.mode);
    field(v, "owner", m.owner);
    field(v, "token", m.token);
    optional(v, "ended", m.ended);
  }
};

template <>
struct Schema<CheckAnswer> {
  static void fields(auto& v, auto& m) {
    optional(v, "lock", m.lock);
    optional(v, "age_ms", m.age_ms);
  }
};

template <>
struct Schema<ListAnswer> {
  static void fields(auto& v, auto& m) {
    list(v, "locks", m.locks, {0, kMaxListPage});
    field(v, "more", m.more);
    optional(v, "age_ms", m.age_ms);
  }
};

template <>
struct Schema<HistoryAnswer> {
  static void fields(auto& v, auto& m) {
    list(v, "events", m.events, {0, kMaxHistoryPage});
    field(v, "more", m.more);
  }
};

template <>
struct Schema<SessionsAnswer> {
  static void fields(auto& v, auto& m) {
    list(v, "sessions", m.sessions, {0, kMaxSessionsPage});
    field(v, "more", m.more);
  }
};

template <>
struct Schema<WatchAnswer> {
  static void fields(auto& v, auto& m) {
    field(v, "reset", m.reset);
    field(v, "index", m.index);
    list(v, "locks", m.locks, {0, kMaxWatched});
    list(v, "changes", m.changes, {0, kMaxWatched});
    field(v, "more", m.more);
  }
};

template <>
struct Schema<MemberStatus> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kMemberName);
    v.text("client_endpoint", m.client_endpoint, kEndpoint);
    field(v, "id", m.id);
  }
};

template <>
struct Schema<StatusAnswer> {
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kMemberName);
    field(v, "node", m.node);
    field(v, "cluster", m.cluster);
    field(v, "role", m.role);
    field(v, "term", m.term);
    v.text("leader", m.leader, kMemberNameOrNone);
    field(v, "last_index", m.last_index);
    field(v, "commit_index", m.commit_index);
    field(v, "applied_index", m.applied_index);
    field(v, "durable_index", m.durable_index);
    field(v, "state_hash", m.state_hash);
    field(v, "locks", m.locks);
    field(v, "sessions", m.sessions);
    field(v, "pending", m.pending);
    field(v, "rejected_frames", m.rejected_frames);
    optional(v, "age_ms", m.age_ms);
    field(v, "pid", m.pid);
    v.text("version", m.version, any_text(kMaxVersionText));
    list(v, "members", m.members, {0, kMaxMembers});
  }
};

template <>
struct Schema<Error> {
  static void fields(auto& v, auto& m) {
    field(v, "code", m.code);
    v.text("detail", m.detail, any_text(kMaxErrorDetail));
    field(v, "current_session", m.current_session);
  }
};

// ---- Frames: [version, header..., fields of the body...]. Version and, for clients, type and call stay
// where they are in every version to come, so that even a refusal can name the call.

template <typename V>
void header(V& v, auto& m, MessageType& type) {
  field(v, "cluster", m.cluster);
  choice(v, "type", type);
  field(v, "term", m.term);
  number(v, "from", m.from, kNotNone);
  field(v, "to", m.to);
}

template <typename V>
void header(V& v, auto& m, RequestType& type) {
  choice(v, "type", type);
  number(v, "call", m.call, kNotNone);
}

template <typename V>
void header(V& v, auto& m, ResponseType& type) {
  choice(v, "type", type);
  field(v, "call", m.call);
  field(v, "applied", m.applied);
}

// ---- How many fields a record has, for those that must say so first.

class FieldCounter {
 public:
  static constexpr bool kReads = false;
  std::size_t count() const { return count_; }

  void number(std::string_view, const std::uint64_t&, const Range&) { add(); }
  void choice(std::string_view, const std::uint64_t&, std::span<const NamedNumber>) { add(); }
  void boolean(std::string_view, const bool&) { add(); }
  void text(std::string_view, const std::string&, const TextRule&) { add(); }
  void client_id(std::string_view, const ClientId&) { add(); }
  void bytes(std::string_view, std::span<const std::uint8_t>) { add(); }
  void command(std::string_view, const std::string&, CommandOrigin) { add(); }
  void state_limits(std::string_view, const std::string&) { add(); }
  void blob(std::string_view, const std::string&, std::size_t) { add(); }
  void entry_body(std::string_view, const raft::EntryBody&) { add(); }
  bool begin_optional(std::string_view, bool) {
    add();
    return false;
  }
  std::size_t begin_list(std::string_view, std::size_t, const Count&) {
    add();
    ++depth_;
    return 0;
  }
  void end_list() { --depth_; }
  void begin_record(std::string_view, std::size_t) {
    add();
    ++depth_;
  }
  void end_record() { --depth_; }

 private:
  void add() {
    if (depth_ == 0) ++count_;
  }
  std::size_t depth_ = 0;
  std::size_t count_ = 0;
};

// Every record has a fixed number of fields, whatever is in them.
template <typename T>
std::size_t field_count() {
  static const std::size_t kCount = [] {
    FieldCounter counter;
    const T blank_record{};
    Schema<T>::fields(counter, blank_record);
    return counter.count();
  }();
  return kCount;
}

}  // namespace lockstep::wire

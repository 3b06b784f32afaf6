// The fields of what clients ask and what they are answered (protocol/wire/client_messages.hpp).
#pragma once

#include "protocol/wire/command_schema.hpp"

namespace lockstep::wire {

// ---- Requests of clients.

template <>
struct Schema<OpenSession> {
  static constexpr NamedNumber kRequest{1, "open_session"};
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
struct Schema<CheckRequest> {
  static constexpr NamedNumber kRequest{4, "check"};
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockName);
    field(v, "mode", m.mode);
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<ListRequest> {
  static constexpr NamedNumber kRequest{5, "list"};
  static void fields(auto& v, auto& m) {
    v.text("prefix", m.prefix, kLockNameOrNone);
    v.text("after", m.after, kLockNameOrNone);
    number(v, "limit", m.limit, {.min = 1, .max = kMaxListPage});
    field(v, "mode", m.mode);
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<StatusRequest> {
  static constexpr NamedNumber kRequest{6, "status"};
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<KeepAlive> {
  static constexpr NamedNumber kRequest{12, "keep_alive"};
  static void fields(auto& v, auto& m) { field(v, "session", m.session); }
};

template <>
struct Schema<Wait> {
  static constexpr NamedNumber kRequest{13, "wait"};
  static void fields(auto& v, auto& m) {
    field(v, "session", m.session);
    field(v, "waiter", m.waiter);
    number(v, "up_to_ms", m.up_to_ms, kPollMs);
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<HistoryRequest> {
  static constexpr NamedNumber kRequest{14, "history"};
  static void fields(auto& v, auto& m) {
    v.text("name", m.name, kLockNameOrNone);
    field(v, "after", m.after);
    number(v, "limit", m.limit, {.min = 1, .max = kMaxHistoryPage});
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<SessionsRequest> {
  static constexpr NamedNumber kRequest{15, "sessions"};
  static void fields(auto& v, auto& m) {
    field(v, "after", m.after);
    number(v, "limit", m.limit, {.min = 1, .max = kMaxSessionsPage});
    field(v, "at_least", m.at_least);
  }
};

template <>
struct Schema<WatchRequest> {
  static constexpr NamedNumber kRequest{16, "watch"};
  static void fields(auto& v, auto& m) {
    v.text("prefix", m.prefix, kLockNameOrNone);
    field(v, "from", m.from);
    v.text("after", m.after, kLockNameOrNone);
    number(v, "up_to_ms", m.up_to_ms, kPollMs);
  }
};

template <>
struct Schema<CountRequest> {
  static constexpr NamedNumber kRequest{17, "count"};
  static void fields(auto& v, auto& m) {
    v.text("prefix", m.prefix, kLockNameOrNone);
    v.text("after", m.after, kLockNameOrNone);
    field(v, "mode", m.mode);
    field(v, "at_least", m.at_least);
  }
};

// ---- Answers to clients.

template <>
struct Schema<locks::SessionOpened> {
  static constexpr NamedNumber kResponse{1, "session_opened"};
  static constexpr NamedNumber kResult{1, "session_opened"};
  static void fields(auto& v, auto& m) { field(v, "session", m.session); }
};

template <>
struct Schema<locks::Granted> {
  static constexpr NamedNumber kResponse{2, "granted"};
  static constexpr NamedNumber kResult{2, "granted"};
  static void fields(auto& v, auto& m) { field(v, "token", m.token); }
};

template <>
struct Schema<locks::Held> {
  static constexpr NamedNumber kResponse{3, "held"};
  static constexpr NamedNumber kResult{3, "held"};
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
  static constexpr NamedNumber kResponse{10, "queued"};
  static constexpr NamedNumber kResult{7, "queued"};
  static void fields(auto& v, auto& m) {
    field(v, "waiter", m.waiter);
    field(v, "position", m.position);
    field(v, "by", m.by);
  }
};

template <>
struct Schema<locks::Released> {
  static constexpr NamedNumber kResponse{4, "released"};
  static constexpr NamedNumber kResult{4, "released"};
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<locks::Cancelled> {
  static constexpr NamedNumber kResponse{11, "cancelled"};
  static constexpr NamedNumber kResult{8, "cancelled"};
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<locks::Closed> {
  static constexpr NamedNumber kResponse{12, "closed"};
  static constexpr NamedNumber kResult{9, "closed"};
  static void fields(auto&, auto&) {}
};

template <>
struct Schema<KeptAlive> {
  static constexpr NamedNumber kResponse{13, "kept_alive"};
  static void fields(auto& v, auto& m) { field(v, "forced_at", m.forced_at); }
};

template <>
struct Schema<locks::NotHolder> {
  static constexpr NamedNumber kResponse{5, "not_holder"};
  static constexpr NamedNumber kResult{5, "not_holder"};
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
  static constexpr NamedNumber kResponse{6, "check_answer"};
  static void fields(auto& v, auto& m) {
    optional(v, "lock", m.lock);
    optional(v, "age_ms", m.age_ms);
  }
};

template <>
struct Schema<ListAnswer> {
  static constexpr NamedNumber kResponse{7, "list_answer"};
  static void fields(auto& v, auto& m) {
    list(v, "locks", m.locks, {0, kMaxListPage});
    field(v, "more", m.more);
    optional(v, "age_ms", m.age_ms);
  }
};

template <>
struct Schema<CountAnswer> {
  static constexpr NamedNumber kResponse{17, "count_answer"};
  static void fields(auto& v, auto& m) {
    field(v, "locks", m.count.locks);
    field(v, "holders", m.count.holders);
    field(v, "waiters", m.count.waiters);
    v.text("last", m.count.last, kLockNameOrNone);
    optional(v, "age_ms", m.age_ms);
  }
};

template <>
struct Schema<HistoryAnswer> {
  static constexpr NamedNumber kResponse{14, "history_answer"};
  static void fields(auto& v, auto& m) {
    list(v, "events", m.events, {0, kMaxHistoryPage});
    field(v, "more", m.more);
  }
};

template <>
struct Schema<SessionsAnswer> {
  static constexpr NamedNumber kResponse{15, "sessions_answer"};
  static void fields(auto& v, auto& m) {
    list(v, "sessions", m.sessions, {0, kMaxSessionsPage});
    field(v, "more", m.more);
  }
};

template <>
struct Schema<WatchAnswer> {
  static constexpr NamedNumber kResponse{16, "watch_answer"};
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
  static constexpr NamedNumber kResponse{8, "status_answer"};
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
struct Schema<ErrorAnswer> {
  static constexpr NamedNumber kResponse{9, "error"};
  static void fields(auto& v, auto& m) {
    field(v, "code", m.code);
    v.text("detail", m.detail, any_text(kMaxErrorDetail));
    field(v, "current_session", m.current_session);
  }
};

}  // namespace lockstep::wire

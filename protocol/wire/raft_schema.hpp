// The fields of what nodes say to each other (protocol/raft/messages.hpp).
#pragma once

#include "protocol/wire/schema_fields.hpp"

namespace lockstep::wire {

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
  static constexpr NamedNumber kMessage{1, "append"};
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
  static constexpr NamedNumber kMessage{2, "vote_request"};
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "pre_vote", m.pre_vote);
    field(v, "last_index", m.last_index);
    field(v, "last_term", m.last_term);
  }
};

template <>
struct Schema<raft::Vote> {
  static constexpr NamedNumber kMessage{3, "vote"};
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "pre_vote", m.pre_vote);
    field(v, "granted", m.granted);
    field(v, "leader", m.leader);
  }
};

template <>
struct Schema<raft::Ack> {
  static constexpr NamedNumber kMessage{4, "ack"};
  static void fields(auto& v, auto& m) {
    field(v, "match", m.match);
    field(v, "round", m.round);
  }
};

template <>
struct Schema<raft::Fetch> {
  static constexpr NamedNumber kMessage{5, "fetch"};
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
  static constexpr NamedNumber kMessage{6, "forward"};
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    list(v, "commands", m.commands, {0, kMaxForward},
         [](auto& visitor, auto& bytes) { visitor.command("", bytes, CommandOrigin::kForwarded); });
  }
};

template <>
struct Schema<raft::Barrier> {
  static constexpr NamedNumber kMessage{7, "barrier"};
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    list(v, "renewals", m.renewals, {0, kMaxRenewals});
  }
};

template <>
struct Schema<raft::BarrierAnswer> {
  static constexpr NamedNumber kMessage{8, "barrier_answer"};
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "index", m.index);
    list(v, "renewals", m.renewals, {0, kMaxRenewals});
  }
};

template <>
struct Schema<raft::NotLeader> {
  static constexpr NamedNumber kMessage{9, "not_leader"};
  static void fields(auto& v, auto& m) {
    field(v, "number", m.number);
    field(v, "leader", m.leader);
  }
};

template <>
struct Schema<raft::Busy> {
  static constexpr NamedNumber kMessage{10, "busy"};
  static void fields(auto& v, auto& m) { field(v, "number", m.number); }
};

template <>
struct Schema<raft::Hello> {
  static constexpr NamedNumber kMessage{11, "hello"};
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
  static constexpr NamedNumber kEntry{2, "configuration"};
  static void fields(auto& v, auto& m) {
    number(v, "cluster", m.cluster, kNotNone);
    list(v, "voters", m.voters, {1, kMaxMembers});
    v.state_limits("state_limits", m.state_limits);
  }
};

template <>
struct Schema<raft::Form> {
  static constexpr NamedNumber kMessage{12, "form"};
  static void fields(auto& v, auto& m) {
    field(v, "configuration", m.configuration);
    field(v, "time_ms", m.time);
  }
};

template <>
struct Schema<raft::SnapshotHead> {
  static void fields(auto& v, auto& m) {
    number(v, "index", m.index, {.min = 1, .max = kMaxOrdinal});
    number(v, "index_term", m.term, {.min = 1, .max = kMaxOrdinal});
    field(v, "time_ms", m.time);
    field(v, "configuration", m.configuration);
    field(v, "formed_ms", m.formed);
    field(v, "state_hash", m.state_hash);
    number(v, "state_bytes", m.state_bytes, {.min = 1, .max = kMaxOrdinal});
  }
};

template <>
struct Schema<raft::SnapshotPart> {
  static constexpr NamedNumber kMessage{14, "snapshot_part"};
  static void fields(auto& v, auto& m) {
    field(v, "fetch", m.fetch);
    field(v, "head", m.head);
    number(v, "offset", m.offset, {.max = kMaxOrdinal});
    v.blob("bytes", m.bytes, kMaxSnapshotPart);
  }
};

template <>
struct Schema<raft::HelloRefused> {
  static constexpr NamedNumber kMessage{13, "hello_refused"};
  static void fields(auto& v, auto& m) { v.text("reason", m.reason, any_text(kMaxReason)); }
};

}  // namespace lockstep::wire

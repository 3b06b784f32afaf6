// What a client is shown of locks, sessions and nodes. Values without behaviour.
//
// A view is bounded, whatever the cluster holds: so many holders and waiters of a lock, so many items of a page. Where
// something is left out, a count or `more` says so. Wall clocks are the leader's, in ms, and are only for display.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/base/client_id.hpp"
#include "lockstep/base/modes.hpp"
#include "lockstep/base/types.hpp"

namespace lockstep {

inline constexpr std::size_t kMaxPage = 1000;  // items of one page of locks, sessions or past holds

std::string_view to_string(LockMode mode);     // "exclusive", "shared", "permit"
std::string_view to_string(EndReason reason);  // "released", "expired", ...
std::string_view to_string(NodeRole role);     // "follower", "leader", ...

struct HolderInfo {
  ClientId owner;
  SessionId session;
  FencingToken token;
  WallTime since{};  // when it was granted
  std::string note = {};
  friend bool operator==(const HolderInfo&, const HolderInfo&) = default;
};

struct WaiterInfo {
  ClientId client;
  SessionId session;
  WaiterId waiter;
  LockMode mode = LockMode::kExclusive;
  WallTime since{};  // when it was queued
  std::string note = {};
  friend bool operator==(const WaiterInfo&, const WaiterInfo&) = default;
};

// A name that is held or waited for. Without holders it is free, but only for the first that waits.
struct LockInfo {
  std::string name;
  LockMode mode = LockMode::kExclusive;  // in which it is held, or in which the first waits for it
  std::uint32_t permits = 0;             // of a semaphore; else 0
  std::vector<HolderInfo> holders;       // the oldest sessions first
  std::uint64_t holder_count = 0;
  std::vector<WaiterInfo> waiters;  // the next first
  std::uint64_t waiter_count = 0;
  friend bool operator==(const LockInfo&, const LockInfo&) = default;
};

// Who is in the way of a request, and of which of its names.
struct Blocker {
  ClientId owner;      // of the lock, or of the first place in line if there is no token
  FencingToken token;  // none: nobody holds the name
  WallTime since{};
  std::string name;
  std::string note = {};
  friend bool operator==(const Blocker&, const Blocker&) = default;
};

// Where an acquisition stands that waits in line.
struct LineProgress {
  std::uint64_t position = 0;  // 1 is next
  Blocker by;
  friend bool operator==(const LineProgress&, const LineProgress&) = default;
};

struct SessionInfo {
  SessionId session;
  ClientId client;
  std::uint32_t ttl_ms = 0;  // 0: it never expires
  WallTime since{};          // when it was opened
  std::string note = {};
  std::uint64_t locks = 0;  // that it holds
  std::uint64_t waits = 0;  // requests that stand in line
  friend bool operator==(const SessionInfo&, const SessionInfo&) = default;
};

// A grant that has ended.
struct PastHold {
  std::uint64_t position = 0;  // 1 for the first there ever was
  std::string name;
  LockMode mode = LockMode::kExclusive;
  ClientId client;
  FencingToken token;
  WallTime from{};
  WallTime to{};
  EndReason reason{};
  std::optional<ClientId> by = {};  // with kForced: the operator's client
  std::string why = {};             // with kForced: the operator's reason
  friend bool operator==(const PastHold&, const PastHold&) = default;
};

// What one entry of the log did to one lock.
struct LockEvent {
  LogIndex index;
  std::string name;
  LockMode mode = LockMode::kExclusive;
  ClientId owner;
  FencingToken token;
  std::optional<EndReason> ended = {};  // none: it was granted
  friend bool operator==(const LockEvent&, const LockEvent&) = default;
};

struct MemberInfo {
  std::string name;
  std::string client_endpoint;
  NodeId id;  // none while the cluster forms
  friend bool operator==(const MemberInfo&, const MemberInfo&) = default;
};

// One node as it sees itself.
struct NodeStatus {
  std::string name;
  NodeId node;
  ClusterId cluster;  // none while the cluster forms
  NodeRole role = NodeRole::kForming;
  Term term;
  std::string leader;  // a member's name; empty if the node knows none
  LogIndex last_index;
  LogIndex commit_index;
  LogIndex applied_index;
  LogIndex durable_index;
  std::uint64_t state_hash = 0;  // equal on nodes with the same applied_index (R16)
  std::uint64_t locks = 0;
  std::uint64_t sessions = 0;
  std::uint64_t pending = 0;                     // requests that wait at this node
  std::uint64_t rejected_frames = 0;             // that did not decode, since it started
  std::optional<std::chrono::milliseconds> age;  // how old a local answer of it may be; none: it cannot tell
  std::uint64_t pid = 0;
  std::string version;
  std::vector<MemberInfo> members;
  friend bool operator==(const NodeStatus&, const NodeStatus&) = default;
};

}  // namespace lockstep

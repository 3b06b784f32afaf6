// The state as people and clients are shown it: copies, for answers and for watchers. Nothing here is
// state, and nothing here decides.
//
// A view is bounded, whatever the state is: so many holders and waiters of a lock, so many bytes of a page.
// Where something is left out, a count or `more` says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/locks/bounds.hpp"
#include "protocol/locks/commands.hpp"

namespace lockstep::locks {

struct HolderView {
  ClientId owner;
  SessionId session;
  FencingToken token;
  WallTime since{};  // when it was granted, by the leader's wall clock
  std::string note{};
  friend bool operator==(const HolderView&, const HolderView&) = default;
};

struct WaiterView {
  ClientId client;
  SessionId session;
  WaiterId waiter;
  Mode mode = Mode::kExclusive;
  WallTime since{};  // when it was queued
  std::string note{};
  friend bool operator==(const WaiterView&, const WaiterView&) = default;
};

// A name that is held or waited for. Without holders it is free, but only for the first who waits.
struct LockView {
  std::string name;
  Mode mode = Mode::kExclusive;     // in which it is held, or in which the first waits for it
  std::uint32_t permits = 0;        // of a semaphore
  std::vector<HolderView> holders;  // the oldest sessions first
  std::uint64_t holder_count = 0;
  std::vector<WaiterView> waiters;  // the next first
  std::uint64_t waiter_count = 0;
  friend bool operator==(const LockView&, const LockView&) = default;
};

struct SessionView {
  SessionId session;
  ClientId client;
  std::uint32_t ttl_ms = 0;
  WallTime since{};  // when it was opened
  std::string note{};
  std::uint64_t locks = 0;  // that it holds
  std::uint64_t waits = 0;  // requests that stand in line
  friend bool operator==(const SessionView&, const SessionView&) = default;
};

// One grant that is over: who held a name, from when to when, and why it ended.
struct HistoryEvent {
  std::uint64_t position = 0;  // 1 for the first there ever was
  std::string name;
  Mode mode = Mode::kExclusive;
  ClientId client;
  FencingToken token;
  WallTime from{};
  WallTime to{};
  EndReason reason{};
  std::optional<ClientId> by;  // with kForced: the operator's
  std::string why{};           // with kForced: in the operator's words
  friend bool operator==(const HistoryEvent&, const HistoryEvent&) = default;
};

// What one entry did to one lock, for those who watch.
struct LockChange {
  LogIndex index;  // of the entry
  std::string name;
  Mode mode = Mode::kExclusive;
  ClientId owner;
  FencingToken token;
  std::optional<EndReason> ended;  // none: granted
  friend bool operator==(const LockChange&, const LockChange&) = default;
};

// What has become of a request that was queued.
using WaiterState = std::variant<Queued, Granted>;

template <typename T>
struct Page {
  std::vector<T> items;
  bool more = false;
};

}  // namespace lockstep::locks

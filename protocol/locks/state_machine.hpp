// The replicated state: which sessions live, which answers each still needs, who holds which lock, who
// waits for it, and how the last grants ended.
//
// apply() is a pure function of the state and the entry: no clock, no randomness, no configuration of
// this node, no order of a hash table. Two replicas that applied the same entries are equal, and
// hash() says so cheaply: it is kept incrementally, so comparing costs nothing (R16).
//
// Invariants: every holder's and every waiter's session lives; whatever ends a session takes away all its
// waits before anything is granted (L8); one entry grants a name once, to one exclusive holder or to a
// group that shares the token, and a name's token strictly rises from each exclusive grant to the next; a
// request number runs at most once in a session.
// A value: copyable, owns everything, not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/locks/bounds.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/locks/history.hpp"
#include "protocol/locks/lock_table.hpp"
#include "protocol/locks/sessions.hpp"
#include "protocol/locks/views.hpp"

namespace lockstep::locks {

struct StateImage;

struct Outcome {
  RequestKey key;
  Result result;
};

// How much of the state has names that start alike.
struct LockCount {
  std::uint64_t locks = 0;  // names that are held or waited for
  std::uint64_t holders = 0;
  std::uint64_t waiters = 0;
  std::string last = {};  // the name it stopped at; empty if it reached the end
  friend bool operator==(const LockCount&, const LockCount&) = default;
};

class StateMachine {
 public:
  explicit StateMachine(const StateLimits& limits = {}, const Bounds& bounds = {});
  // The one that image_of() was taken of. violation_in() must have found nothing.
  explicit StateMachine(StateImage image, const Bounds& bounds = {});

  // Applies one entry's command. `index` must rise from call to call. No outcome: nobody waits for one,
  // because the request is older than what its session acknowledged, or because the leader asked.
  std::optional<Outcome> apply(LogIndex index, WallTime time, const Command& command);
  // What the last entry applied did to locks, in order. Not part of the state.
  std::vector<LockChange> take_changes() { return std::exchange(changes_, {}); }
  // The waiters that the last entry applied granted or dropped, in order. Not part of the state.
  std::vector<SettledWaiter> take_settled_waiters() { return locks_.take_settled(); }

  // Views (views.cpp). Pages are in order of name, session or position, from after `after` on, and end
  // after `limit` items or Bounds::page_bytes.
  std::optional<LockView> check(std::string_view name) const;  // none: free, and nobody waits
  Page<LockView> list(std::string_view prefix, std::string_view after, std::size_t limit) const;
  // Looks at no more than Bounds::counted names.
  LockCount count(std::string_view prefix, std::string_view after) const;
  // Every hold of the locks whose names start with `prefix`, as what granted it: whole locks, at least one.
  Page<LockChange> holds(std::string_view prefix, std::string_view after, std::size_t limit) const;
  Page<SessionView> sessions(SessionId after, std::size_t limit) const;
  // Of one name, or of all if it is empty.
  Page<HistoryEvent> history(std::string_view name, std::uint64_t after, std::size_t limit) const {
    return history_.read(name, after, limit);
  }
  // None: the session has no such waiter, or what it was granted is no longer held.
  std::optional<WaiterState> waiter_state(SessionId session, WaiterId waiter) const;

  // What a request of a session that does not live is answered.
  ErrorCode why_ended(SessionId session) const;

  const StateLimits& limits() const { return limits_; }
  const Bounds& bounds() const { return bounds_; }
  LogIndex last_applied() const { return last_applied_; }
  std::size_t lock_count() const { return locks_.size(); }
  std::size_t session_count() const { return sessions_.size(); }
  const LockTable& locks() const { return locks_; }
  const Sessions& sessions() const { return sessions_; }
  const History& history() const { return history_; }

  // Of everything that a later answer may depend on.
  std::uint64_t hash() const { return limits_hash_ + locks_.hash() + sessions_.hash() + history_.hash(); }
  // The same from every record, at the cost of a walk: for tests, and to check a state read back.
  std::uint64_t recomputed_hash() const;

 private:
  // The entry that is being applied.
  struct Stamp {
    LogIndex index;
    WallTime time{};
  };
  // Why holds end, and at whose wish if not their owner's.
  struct Cause {
    EndReason reason{};
    std::optional<ClientId> by{};
    std::string_view why{};
  };

  Result open(const Stamp& at, const Open& open);
  Result open_new(const Stamp& at, const Open& open);
  Result take_over(const Stamp& at, const Open& open, const Session& current);
  void expire(const Stamp& at, const Expire& expire);

  std::optional<Result> execute(const Stamp& at, const Execute& request, std::uint64_t fingerprint);
  std::optional<Result> run_once(const Stamp& at, const Execute& request, std::uint64_t fingerprint);
  Result run(const Stamp& at, SessionId session, const Preempt& preempt);
  Result run(const Stamp& at, SessionId session, const Release& release);
  Result run(const Stamp& at, SessionId session, const Acquire& acquire);
  Result run(const Stamp& at, SessionId session, const Cancel& cancel);
  Result run(const Stamp& at, SessionId session, const Close& close);
  Result run(const Stamp& at, SessionId session, const ForceRelease& release);
  Result run(const Stamp& at, SessionId session, const CloseSession& close);

  // What is wrong with a request whatever others do. None: it may be granted or queued.
  std::optional<Refused> refusal_of(SessionId session, const Acquire& acquire) const;
  // With so many names more that it claims, of which so many are new to the table.
  std::optional<Refused> over_limits(SessionId session, std::size_t names, std::size_t new_names) const;
  Result enqueue(const Stamp& at, const LockRequest& request, const Acquire& acquire, const NamedLock& obstacle);

  // L8, for everything that ends a session. settle() grants what came free to those that waited.
  void end_session(const Stamp& at, SessionId session, const Cause& cause);
  void end_hold(const Stamp& at, const NamedLock& lock, SessionId session, const Cause& cause);
  void settle(const Stamp& at);
  void note_grant(const Stamp& at, const std::string& name, SessionId session, Mode mode);
  void note_end(const Stamp& at, const NamedLock& lock, SessionId session, const Cause& cause);

  const ClientId& client_of(SessionId session) const { return sessions_.at(session).client; }

  StateLimits limits_;
  Bounds bounds_;
  std::uint64_t limits_hash_ = 0;
  LogIndex last_applied_;
  Sessions sessions_;
  LockTable locks_;
  History history_;
  std::vector<LockChange> changes_;
};

}  // namespace lockstep::locks

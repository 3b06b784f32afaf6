// Who holds which lock, and who waits for it: every name that is held or waited for, in order of name.
//
// It knows sessions by id only; whose they are is the session table's, and whether a request is allowed is
// the state machine's. It also knows what each session holds and waits for, so that the end of a session
// costs as much as it touches and not a walk over every lock.
//
// What a change made possible is granted by grant_next(), which must be called until it has nothing more
// before the entry is over: so whatever ends a session can first take away all that is the session's.
//
// Invariants: a session holds a name or waits for it, at most once; an exclusive lock has one holder, a
// semaphore at most its permits; a waiter is granted all its names at once, and only when it is the first
// in each of their queues (L8); a held name's token never falls.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/locks/wait_queue.hpp"

namespace lockstep::locks {

// One session's share of a lock.
struct Hold {
  std::uint64_t thread = 0;  // which thread of the client asked
  FencingToken token;
  WallTime since{};      // by the leader's wall clock, for display. A takeover keeps it: it is the same client.
  WallTime granted{};    // when this token was granted
  WaiterId waiter;       // the request that waited for it; none if it did not have to
  std::size_t slot = 0;  // where its session's list has it
};

// Whether a name that so many hold in mode `held` has room for one more in mode `wanted`, if nobody waits.
bool has_room(std::size_t holders, Mode held, std::uint32_t permits, Mode wanted);

struct LockRow {
  std::uint32_t permits = 0;  // of a semaphore; 0: not one
  Mode mode{};                // in which it is held; while it is free, nothing
  std::map<SessionId, Hold> holds;
  WaitQueue queue;

  bool has_room_for(Mode wanted) const { return has_room(holds.size(), mode, permits, wanted); }
};
using NamedLock = std::pair<const std::string, LockRow>;

// A request for one lock or for several at once. `session` and `thread` ask.
struct LockRequest {
  SessionId session;
  std::uint64_t thread = 0;
  Mode mode = Mode::kExclusive;
  std::uint32_t permits = 0;
  friend bool operator==(const LockRequest&, const LockRequest&) = default;
};

struct Waiter {
  WaiterId id;
  LockRequest request;
  WallTime since{};  // when it was queued
  std::vector<NamedLock*> locks;
};

// One that waits no more, for whatever reason.
struct SettledWaiter {
  WaiterId id;
  SessionId session;
  friend bool operator==(const SettledWaiter&, const SettledWaiter&) = default;
};

class LockTable {
 public:
  using Locks = std::map<std::string, LockRow, std::less<>>;

  LockTable() = default;
  LockTable(const LockTable& other);
  LockTable& operator=(const LockTable& other);
  LockTable(LockTable&&) = default;
  LockTable& operator=(LockTable&&) = default;
  ~LockTable() = default;

  const NamedLock* find(std::string_view name) const;
  const Locks& in_order() const { return locks_; }
  std::size_t size() const { return locks_.size(); }
  const std::map<WaiterId, Waiter>& waiters() const { return waiters_; }  // those that wait
  std::size_t waiter_count() const { return waiters_.size(); }

  const Waiter* waiter(WaiterId id) const;  // one that waits
  // 1 is next; of several queues, the longest way.
  static std::size_t position_of(const Waiter& waiter);
  struct GrantedWaiter {
    SessionId session;
    FencingToken token;
    std::size_t holds = 0;
  };
  // A waiter that was granted and still holds something.
  const GrantedWaiter* granted(WaiterId id) const;

  std::size_t held_by(SessionId session) const;
  std::vector<std::string> names_held_by(SessionId session) const;   // in order
  std::span<const Waiter* const> waits_of(SessionId session) const;  // oldest first
  bool is_waiting_for(SessionId session, const NamedLock& lock) const;
  bool is_busy(SessionId session) const { return by_session_.contains(session); }  // holds or waits for something
  std::size_t claims_of(SessionId session) const;                                  // names that it holds or waits for

  // Whether the lock (none: nobody uses the name) could be granted at once, overtaking nobody.
  static bool is_to_be_had(const NamedLock* lock, Mode mode);

  // Every name must be to be had.
  void grant(std::span<const std::string> names, const LockRequest& request, FencingToken token, WallTime time);
  // As it was in another table: locks in order of name, and the holds of all before anyone is enqueued.
  void restore(const std::string& name, const LockRequest& request, const Hold& hold);
  // Stands in all the queues at once.
  const Waiter& enqueue(std::span<const std::string> names, const LockRequest& request, WaiterId id, WallTime time);
  // The session must hold it.
  Hold release(std::string_view name, SessionId session);
  void drop(WaiterId waiter);
  void drop_waits_of(SessionId session);
  // L1: everything that `from` holds goes to `to` with a new token. It must not wait for anything.
  void take_over(SessionId from, SessionId to, FencingToken token, WallTime time);

  struct Grant {
    LockRequest request;
    std::vector<std::string> names;
  };
  // Grants to the oldest waiter to whom the changes so far allow it; none if there is no such waiter.
  std::optional<Grant> grant_next(FencingToken token, WallTime time);
  // The waiters that were granted or dropped since the last call, in that order. Not part of the state.
  std::vector<SettledWaiter> take_settled() { return std::exchange(settled_, {}); }
  bool is_settled() const { return candidates_.empty(); }

  std::uint64_t hash() const { return hash_; }
  std::uint64_t recomputed_hash() const;  // from every record: what hash() must equal

 private:
  struct HeldLock {
    NamedLock* lock;
    Hold* hold;
  };
  struct BySession {
    std::vector<HeldLock> held;
    std::vector<const Waiter*> waits;  // oldest first
    std::size_t names_waited_for = 0;
  };

  void rebuild_index();
  void add_hold(NamedLock& lock, const LockRequest& request, const Hold& hold);
  void index_hold(NamedLock& lock, SessionId session, Hold& hold);
  void remove_from_index(SessionId session, const Hold& hold);
  void index_wait(const Waiter& waiter);
  void remove_from_index(const Waiter& waiter);
  void leave_queues(const Waiter& waiter);
  void tidy(Locks::iterator lock);
  bool is_next_everywhere(const Waiter& waiter) const;

  // A map's nodes stay where they are, so the rest points to them. A copy builds its own index.
  Locks locks_;
  std::map<WaiterId, Waiter> waiters_;
  std::unordered_map<SessionId, BySession> by_session_;
  std::unordered_map<WaiterId, GrantedWaiter> granted_;
  std::set<WaiterId> candidates_;  // first in a queue in which something changed
  std::vector<SettledWaiter> settled_;
  std::uint64_t hash_ = 0;
};

}  // namespace lockstep::locks

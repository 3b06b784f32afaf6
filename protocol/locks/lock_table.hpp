// Who holds which lock: name to session, fencing token and time of the grant, in order of name.
//
// It also knows the names that each session holds, so that a takeover costs as much as it moves and
// not a walk over every lock. It knows sessions by id only; whose they are is the session table's.
//
// Invariants: a name is held at most once; a held name's token only rises; a session without locks
// has no place in the index by session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/base/types.hpp"

namespace lockstep::locks {

class LockTable {
 public:
  struct Lock {
    SessionId session;
    FencingToken token;
    WallTime since{};      // when it was granted, by the leader's wall clock: for display only
    std::size_t slot = 0;  // where its session's list has it
  };
  using Locks = std::map<std::string, Lock, std::less<>>;

  LockTable() = default;
  LockTable(const LockTable& other);
  LockTable& operator=(const LockTable& other);
  LockTable(LockTable&&) = default;
  LockTable& operator=(LockTable&&) = default;
  ~LockTable() = default;

  const Lock* find(std::string_view name) const;
  const Locks& in_order() const { return locks_; }
  std::size_t size() const { return locks_.size(); }
  std::size_t held_by(SessionId session) const;

  // The name must be free.
  void grant(const std::string& name, SessionId session, FencingToken token, WallTime since);
  // The name must be held.
  void release(std::string_view name);
  // L1: everything that `from` holds goes to `to` with a new token. Each lock keeps its `since`: the
  // same client has held it all along.
  void take_over(SessionId from, SessionId to, FencingToken token);

  std::uint64_t hash() const { return hash_; }
  std::uint64_t recomputed_hash() const;  // from every record: what hash() must equal

 private:
  // Keys of locks_: a map's nodes stay where they are. A copy therefore builds its own index.
  using Names = std::vector<const std::string*>;

  void rebuild_index();

  Locks locks_;
  std::unordered_map<SessionId, Names> by_session_;
  std::uint64_t hash_ = 0;
};

}  // namespace lockstep::locks

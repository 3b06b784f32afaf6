// The replicated state: which sessions live, which answers each still needs, and who holds which lock.
//
// apply() is a pure function of the state and the entry: no clock, no randomness, no configuration of
// this node, no order of a hash table. Two replicas that applied the same entries are equal, and
// hash() says so cheaply: it is kept incrementally, so comparing costs nothing (R16).
//
// Invariants: every lock's session lives; a name's token strictly rises from grant to grant; a request
// number runs at most once in a session.
// A value: copyable, owns everything, not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/locks/commands.hpp"
#include "protocol/locks/lock_table.hpp"
#include "protocol/locks/sessions.hpp"

namespace lockstep::locks {

// A lock as check and list show it.
struct LockView {
  std::string name;
  ClientId owner;
  FencingToken token;
  WallTime since{};  // when it was granted, by the leader's wall clock
  friend bool operator==(const LockView&, const LockView&) = default;
};

struct Outcome {
  RequestKey key;
  Result result;
};

class StateMachine {
 public:
  explicit StateMachine(const StateLimits& limits = {});

  // Applies one entry's command. `index` must rise from call to call. No outcome: the request is older
  // than what its session acknowledged, so nobody waits for it.
  std::optional<Outcome> apply(LogIndex index, WallTime time, const Command& command);

  std::optional<LockView> check(std::string_view name) const;
  // Locks whose names start with `prefix` and sort after `after`, at most `limit`, in order of name.
  std::vector<LockView> list(std::string_view prefix, std::string_view after, std::size_t limit) const;

  std::size_t lock_count() const { return locks_.size(); }
  std::size_t session_count() const { return sessions_.size(); }
  const LockTable& locks() const { return locks_; }
  const Sessions& sessions() const { return sessions_; }

  // Of everything that a later answer may depend on.
  std::uint64_t hash() const { return limits_hash_ + locks_.hash() + sessions_.hash(); }
  // The same from every record, at the cost of a walk: for tests, and to check a state read back.
  std::uint64_t recomputed_hash() const;

 private:
  Result open(LogIndex index, const Open& open);
  Result open_new(LogIndex index, const Open& open);
  Result take_over(LogIndex index, const Open& open, const Session& current);
  std::optional<Result> execute(LogIndex index, WallTime time, const Execute& request, std::uint64_t fingerprint);
  std::optional<Result> run_once(LogIndex index, WallTime time, const Execute& request, std::uint64_t fingerprint);
  Result run(LogIndex index, WallTime time, SessionId session, const Operation& operation);
  Result preempt(LogIndex index, WallTime time, SessionId session, const std::string& name);
  Result release(SessionId session, const std::string& name);

  const ClientId& client_of(SessionId session) const;
  LockView view_of(const std::string& name, const LockTable::Lock& lock) const;

  StateLimits limits_;
  std::uint64_t limits_hash_ = 0;
  LogIndex last_applied_;
  Sessions sessions_;
  LockTable locks_;
};

}  // namespace lockstep::locks

// The session table: which sessions live, which answers each may still ask for, and how the last of
// the others ended.
//
// Knows nothing of locks beyond one bit a session, told from outside: whether it is busy, that is, holds
// or waits for one. Idle sessions of TTL 0 are kept in the order of their last use, since the longest
// unused makes room when the table is full; the others end by their leases.
//
// Invariants: a client has at most one living session, and it is the client's last; a session's
// answers are those of its numbers in [acknowledged_below, acknowledged_below + 64) that have run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/locks/commands.hpp"

namespace lockstep::locks {

struct SavedAnswer {
  RequestNumber number;
  std::uint64_t fingerprint = 0;
  Result result;
  friend bool operator==(const SavedAnswer&, const SavedAnswer&) = default;
};

struct Session {
  SessionId id;
  ClientId client;
  SecretHash secret_hash{};
  std::uint64_t nonce = 0;
  std::uint32_t ttl_ms = 0;
  std::string note;
  WallTime opened{};
  LogIndex last_used;
  LogIndex forced_at;  // the last entry by which an operator took a lock of it; none: that never happened
  RequestNumber acknowledged_below;
  std::vector<SavedAnswer> answers;  // by rising number, as many as may be open

  const SavedAnswer* answer_to(RequestNumber number) const;
  friend bool operator==(const Session&, const Session&) = default;
};

// One that lives no more, as long as it is remembered.
struct EndedSession {
  std::uint64_t position = 0;  // counts all sessions that ever ended: the order in which they are forgotten
  SessionId id;
  ClientId client;
  EndReason how{};
  friend bool operator==(const EndedSession&, const EndedSession&) = default;
};

class Sessions {
 public:
  // Remembers how the last `kept_ended` that ended did.
  explicit Sessions(std::size_t kept_ended = kKeptEndedSessions) : kept_ended_(kept_ended) {}

  const Session* find(SessionId id) const;
  // The session must live, as that of every holder and every waiter does.
  const Session& at(SessionId id) const;
  std::size_t size() const { return living_.size(); }
  // The client's last session, living or among the ended ones that are kept; none if nothing is known.
  SessionId last_of(const ClientId& client) const;
  // How a session that does not live ended; nothing if that is no longer known, or it never was.
  std::optional<EndReason> end_of(SessionId id) const;
  // The idle session of TTL 0 that was used longest ago; none if there is none.
  SessionId longest_idle() const;
  const std::set<SessionId>& in_order() const { return ids_; }
  const std::deque<EndedSession>& ended() const { return ended_; }  // the last few, oldest first

  // The client must have no living session. The new one is idle, last used at its own index.
  void open(LogIndex index, WallTime time, const Open& open);
  void end(SessionId id, EndReason how);
  // The session was used in entry `index`, the newest so far, and now is busy or is not.
  void used(SessionId id, LogIndex index, bool busy);
  // Another's request made the session busy or idle.
  void now_busy(SessionId id, bool busy);
  void lock_was_forced(SessionId id, LogIndex index);
  // Answers below `below` have reached the client. Never lowers what was acknowledged before.
  void acknowledge(SessionId id, RequestNumber below);
  // The number must be new in this session, and not below what was acknowledged.
  void save(SessionId id, SavedAnswer answer);

  // As they were in another table: first those that ended, in order, then those that live, in order of id. Each of
  // these is idle at first.
  void restore(const EndedSession& ended);
  void restore(Session session);

  std::uint64_t hash() const { return hash_; }
  std::uint64_t recomputed_hash() const;  // from every record: what hash() must equal

 private:
  Session& living(SessionId id);
  void add(Session&& session);
  void remember(const EndedSession& ended);
  void make_idle(const Session& session);
  void forget_oldest();

  std::size_t kept_ended_;
  std::unordered_map<SessionId, Session> living_;
  std::set<SessionId> ids_;  // of the living
  std::unordered_map<ClientId, SessionId> last_of_client_;
  // An entry uses at most one session, so an index of last use names one.
  std::map<LogIndex, SessionId> idle_by_last_use_;
  std::deque<EndedSession> ended_;
  std::unordered_map<SessionId, EndReason> how_ended_;
  std::uint64_t ended_count_ = 0;
  std::uint64_t hash_ = 0;
};

}  // namespace lockstep::locks

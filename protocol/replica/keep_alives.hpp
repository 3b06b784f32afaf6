// The renewals of leases that clients of this node asked for, on their way to the leader and back (L2).
//
// They travel with the node's barriers, as many as there are in one. When a barrier is answered, its
// renewals wait until this node has applied the answer's index, so that what ended a session is known here
// before its client is told. A renewal is sent once: what is lost is answered with an error, since a
// client counts its lease from a message of its own, and a copy made later by a node would prove less (L3).
//
// A sign of life is a renewal that nobody waits for: a request that shows that its session's client lives.
//
// Invariant: every asker added is returned exactly once, by take_answered(), leader_changed() or take_expired().
// A value: copyable, deterministic, not thread-safe. It sends nothing itself.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/replica/pending_requests.hpp"

namespace lockstep {

class KeepAlives {
 public:
  // At most one barrier an `interval` for their sake alone; at most `max_size` of them at a time.
  KeepAlives(Duration interval, Duration lifetime, std::size_t max_size)
      : interval_(interval), lifetime_(lifetime), max_size_(max_size) {}

  // False: too many are under way already, it was not taken.
  bool add(Time now, Asker asker, SessionId session);
  // Dropped if too many are under way: the next one counts as well.
  void add_sign_of_life(Time now, SessionId session);

  bool barrier_is_due(Time now) const;
  // Of those that wait, as many as one barrier may carry, oldest first: what the next barrier must be sent with.
  std::vector<SessionId> renewals() const;
  void barrier_sent(Time now, CallNumber number);
  void barrier_answered(CallNumber number, LogIndex index, const std::vector<raft::Renewal>& verdicts);
  // Those under way are lost with the leader they were sent to.
  std::vector<Asker> leader_changed();

  struct Answered {
    Asker asker;
    SessionId session;
    raft::Renewal verdict{};
  };
  // Those that may be answered from a state in which `applied` is the last entry.
  std::vector<Answered> take_answered(LogIndex applied);
  struct Expired {
    Asker asker;
    bool sent = false;  // whether any leader may have it
  };
  std::vector<Expired> take_expired(Time now);

  // When barrier_is_due() may next be true.
  Time next_barrier() const;
  Time next_expiry() const;
  std::size_t size() const { return size_; }

 private:
  friend struct Inside;  // of the explorer
  struct Request {
    std::optional<Asker> asker;  // none: a sign of life
    SessionId session;
    Time expires{};
    raft::Renewal verdict = raft::Renewal::kUnknown;
  };
  // The renewals of one barrier.
  struct Flight {
    CallNumber number;
    LogIndex index;                // of the answer
    std::deque<Request> requests;  // oldest first; those that were given up are gone
    std::size_t count = 0;         // of sessions in the barrier
  };
  bool add(Time now, std::optional<Asker> asker, SessionId session);
  void expire(Time now, std::deque<Request>& requests, bool sent, std::vector<Expired>& expired);

  Duration interval_;
  Duration lifetime_;
  std::size_t max_size_;
  std::size_t size_ = 0;
  std::deque<Request> waiting_;    // for the next barrier
  std::vector<Flight> flights_;    // the barriers under way
  std::vector<Flight> confirmed_;  // answered, but the index is not applied here yet
  Time last_sent_{};
};

}  // namespace lockstep

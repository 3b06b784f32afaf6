// The renewals of leases that clients of this node asked for, on their way to the leader and back (L2).
//
// They travel with the node's barriers, as many as there are in one. When a barrier is answered, its renewals wait
// until this node has applied the answer's index, so that what ended a session is known here before its client is told.
// A renewal is sent once. One that is lost is answered with an error, since a client counts its lease from a message of
// its own, and a copy that a node makes later would prove less (L3).
//
// A sign of life is a renewal that nobody waits for: a request that shows that its session's client lives.
//
// Invariant: every asker that is added is returned exactly once, by take_answered(), leader_changed() or
// take_timed_out().
// A value: copyable, deterministic, not thread-safe. It sends nothing itself.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "protocol/base/deadlines.hpp"
#include "protocol/base/types.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/replica/asker.hpp"

namespace lockstep {

class KeepAlives {
 public:
  // At most one barrier an `interval` for their sake alone, with at most `per_barrier` of them; at most `max_size` at a
  // time.
  KeepAlives(Duration interval, Duration lifetime, std::size_t max_size, std::size_t per_barrier)
      : interval_(interval), lifetime_(lifetime), max_size_(max_size), per_barrier_(per_barrier) {}

  // False: too many are under way already, it was not taken.
  bool add(Time now, Asker asker, SessionId session);
  // Dropped if too many are under way: the next one counts as well.
  void add_sign_of_life(Time now, SessionId session);

  bool barrier_is_due(Time now) const { return now >= next_barrier(); }
  // Of those that wait, as many as one barrier may carry, oldest first: what the next barrier must be sent with.
  std::vector<SessionId> renewals() const;
  void barrier_sent(Time now, CallNumber number);
  void barrier_answered(CallNumber number, LogIndex index, const std::vector<raft::Renewal>& verdicts);
  // Those under way are lost with the leader that they were sent to.
  std::vector<Asker> leader_changed();

  struct Answered {
    Asker asker;
    SessionId session;
    raft::Renewal verdict{};
  };
  // Those that may be answered from a state in which `applied` is the last entry.
  std::vector<Answered> take_answered(LogIndex applied);
  // kNoLeader if no leader can have it.
  std::vector<TimedOut> take_timed_out(Time now);

  // When barrier_is_due() is next true.
  Time next_barrier() const { return waiting_.empty() ? Time::max() : last_sent_ + interval_; }
  // When take_timed_out() next has something.
  Time next_deadline() const { return deadlines_.next(); }
  std::size_t size() const { return renewals_.size(); }
  bool is_idle() const {
    return renewals_.empty() && deadlines_.size() == 0 && waiting_.empty() && under_way_.empty() && answered_.empty();
  }
  void check_invariants() const;

 private:
  friend struct Inside;  // of the explorer
  using Id = Ordinal<struct RenewalIdTag>;
  struct PendingRenewal {
    std::optional<Asker> asker;  // a sign of life has none
    SessionId session;
    Time deadline{};
    bool sent = false;
  };
  // A barrier with the renewals that it carries.
  struct RenewalBarrier {
    CallNumber number;
    LogIndex index;                       // of the answer
    std::vector<Id> renewals;             // oldest first; those that timed out are not in `renewals_` any more
    std::vector<raft::Renewal> verdicts;  // of the answer, in the same order
  };
  void add(Time now, std::optional<Asker> asker, SessionId session);
  PendingRenewal take(Id id);
  bool is_empty(const RenewalBarrier& barrier) const;

  Duration interval_;
  Duration lifetime_;
  std::size_t max_size_;
  std::size_t per_barrier_;
  Id last_id_;
  std::map<Id, PendingRenewal> renewals_;  // in order of arrival, which is also the order of deadlines
  Deadlines<Id> deadlines_;
  std::deque<Id> waiting_;                 // for the next barrier, oldest first
  std::vector<RenewalBarrier> under_way_;  // oldest first
  std::vector<RenewalBarrier> answered_;   // but the index is not applied here yet
  Time last_sent_{};
};

}  // namespace lockstep

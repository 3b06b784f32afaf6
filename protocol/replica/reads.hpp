// The checks, lists and other reads that cannot be answered at once, and how old this node's state may be.
//
// A read waits for an index to be applied here. A linearizable one first waits for a barrier, which tells the index;
// those that come in while one barrier is under way share the next. If a barrier's answer is late another barrier
// follows, but the late answer still counts: on a slow path every answer is late. The same barriers tell the age of the
// state. When one is answered with an index and that index is applied, the state is at least as new as the cluster's
// was when the barrier was sent. No clocks of two machines are compared.
//
// Invariant: every read that is added is returned exactly once, by take_ready() or take_timed_out().
// A value: copyable, deterministic, not thread-safe. It sends nothing itself.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "protocol/base/deadlines.hpp"
#include "protocol/base/types.hpp"
#include "protocol/replica/asker.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct Read {
  Asker asker;
  wire::ReadRequest what;
  Time deadline{};
};

class Reads {
 public:
  // `interval`: how often a barrier is due for the sake of the age. `patience`: when one without an answer may be
  // lost, so that another is due. `max_barriers`: beyond so many under way the oldest is given up, and its reads join
  // the next.
  Reads(Duration interval, Duration patience, std::size_t max_barriers)
      : interval_(interval), patience_(patience), max_barriers_(max_barriers) {}

  void wait_for_index(LogIndex index, Read read);
  void wait_for_barrier(Read read);

  bool barrier_is_due(Time now) const;
  void barrier_sent(Time now, CallNumber number);
  void barrier_answered(CallNumber number, LogIndex index);
  // Those under way are lost with the leader that they were sent to.
  void leader_changed();

  // Reads that may be answered from a state in which `applied` is the last entry, in order of index.
  std::vector<Read> take_ready(LogIndex applied);
  std::vector<TimedOut> take_timed_out(Time now);

  // The state here is at least as new as the cluster's was `age` ago; nothing before the first barrier.
  std::optional<Duration> age(Time now) const;
  // When a barrier is next due even if nothing is asked.
  Time next_barrier() const;
  // When take_timed_out() next has something.
  Time next_deadline() const { return deadlines_.next(); }
  std::size_t size() const { return reads_.size(); }
  // No read is here. A barrier for the sake of the age may be under way.
  bool is_idle() const {
    return reads_.empty() && deadlines_.size() == 0 && by_index_.empty() && joining_.empty() &&
           under_way_.size() <= 1 && confirmed_.size() <= 1;
  }
  void check_invariants() const;

 private:
  friend struct Inside;  // of the explorer
  using Id = Ordinal<struct ReadIdTag>;
  struct WaitingRead {
    Read read;
    std::optional<LogIndex> index;  // that must be applied; nothing while the read needs a barrier
  };
  // A barrier with the reads that came before it was sent, and after the one before it was.
  struct ReadBarrier {
    CallNumber number;
    Time sent{};
    std::vector<Id> reads;  // those that timed out are not in `reads_` any more
  };
  struct Confirmed {
    LogIndex index;
    Time sent{};
  };
  Id add(Read read);
  void must_see(Id id, LogIndex index);

  Duration interval_;
  Duration patience_;
  std::size_t max_barriers_;
  Id last_id_;
  std::map<Id, WaitingRead> reads_;
  Deadlines<Id> deadlines_;
  std::set<std::pair<LogIndex, Id>> by_index_;
  std::set<Id> joining_;               // wait for the next barrier
  std::deque<ReadBarrier> under_way_;  // oldest first
  std::vector<Confirmed> confirmed_;   // barriers whose index is not applied yet
  std::optional<Time> fresh_at_;       // when the last barrier was sent whose index is applied
  Time last_sent_{};
};

}  // namespace lockstep

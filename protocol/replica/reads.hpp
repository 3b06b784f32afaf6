// The checks, lists and other reads that cannot be answered at once, and how old this node's state may be.
//
// A read waits for an index to be applied here. A linearizable one first waits for a barrier, which
// tells the index; those that come in while one barrier is under way share the next. A barrier whose answer is
// late is followed by another, but its answer still counts: on a slow path every answer is late. The same barriers
// tell the age of the state: when one is answered with an index and that index is applied, the state is
// at least as new as the cluster's was when the barrier was sent. No clocks of two machines are compared.
//
// A value: copyable, deterministic, not thread-safe. It sends nothing itself.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/replica/pending_requests.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct Read {
  Asker asker;
  std::variant<wire::Check, wire::List, wire::History, wire::Sessions> what;
  Time expires{};
};

class Reads {
 public:
  // `interval`: how often a barrier is due for the sake of the age. `patience`: when one without an answer may be
  // lost, so that another is due.
  Reads(Duration interval, Duration patience) : interval_(interval), patience_(patience) {}

  void wait_for_index(LogIndex index, Read read);
  void wait_for_barrier(Read read);

  bool barrier_is_due(Time now) const;
  void barrier_sent(Time now, CallNumber number);
  void barrier_answered(CallNumber number, LogIndex index);
  // Those under way are lost with the leader they were sent to.
  void leader_changed();

  // Reads that may be answered from a state in which `applied` is the last entry, in order of index.
  std::vector<Read> take_ready(LogIndex applied);
  std::vector<Read> take_expired(Time now);

  // The state here is at least as new as the cluster's was `age` ago; none before the first barrier.
  std::optional<Duration> age(Time now) const;
  // When barrier_is_due() or take_expired() may next have something.
  Time next_deadline() const;
  Time next_expiry() const { return next_expiry_; }
  std::size_t size() const;

 private:
  friend struct Inside;  // of the explorer
  struct Flight {
    CallNumber number;
    Time sent{};
    std::vector<Read> reads;  // came before it was sent, and after the one before it was
  };
  struct Confirmed {
    LogIndex index;
    Time sent{};
  };
  void note_expiry(const Read& read);

  Duration interval_;
  Duration patience_;
  std::multimap<LogIndex, Read> by_index_;
  std::vector<Read> joining_;         // wait for the next barrier
  std::deque<Flight> flights_;        // the barriers under way, oldest first
  std::vector<Confirmed> confirmed_;  // barriers whose index is not applied yet
  std::optional<Time> fresh_at_;      // when the last barrier was sent whose index is applied
  Time last_sent_{};
  Time next_expiry_ = Time::max();  // never after the first read's expiry
};

}  // namespace lockstep

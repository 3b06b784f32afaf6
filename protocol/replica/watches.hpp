// The Watches that are held back at this node, and what they are answered: every change of the names that start with a
// prefix, in order and without a gap, or the full state for a watcher that was away for too long.
//
// An answer names the index up to which it tells everything, so the watcher can go on from there at any node. A change
// wakes the watchers whose prefix its name has, and nobody else is looked at.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/locks/state_machine.hpp"
#include "protocol/replica/desk_bounds.hpp"
#include "protocol/replica/long_polls.hpp"
#include "protocol/replica/recent_changes.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

using WatchPoll = Poll<wire::WatchRequest>;

class Watches {
 public:
  explicit Watches(const DeskBounds& bounds)
      : recent_(bounds.kept_changes), max_changes_(bounds.watched_changes), max_holds_(bounds.watched_holds) {}

  // What an entry did. Must be told of every entry with changes, in order.
  void record(std::vector<locks::LockChange> changes);

  // The state was replaced by that after `applied`. Nothing is known of how it came about, and all Watches that are
  // held are to be looked at.
  void restart(LogIndex applied);

  // To be looked at when the index that it goes on from is applied.
  void add(WatchPoll watch, Time times_out);
  // Those to be looked at: their index is applied, or something has changed for them.
  std::vector<WatchPoll> take_ready(LogIndex applied);
  std::vector<TimedOut> take_timed_out(Time now) { return polls_.take_timed_out(now); }

  // Nothing if there is nothing to tell yet. `state` must be that after `applied` and after all that was recorded.
  std::optional<wire::WatchAnswer> answer(const wire::WatchRequest& watch, const locks::StateMachine& state,
                                          LogIndex applied) const;
  // It was looked at: there was nothing to tell.
  void hold(WatchPoll watch);
  // Those whose time is up. Nothing has changed for them.
  std::vector<WatchPoll> take_ended(Time now);

  Time next_deadline() const { return polls_.next_deadline(); }
  std::size_t size() const { return polls_.size() + woken_.size(); }
  bool is_idle() const { return polls_.is_idle() && by_prefix_.empty() && woken_.empty(); }
  void check_invariants() const { polls_.check_invariants(); }

 private:
  using Id = LongPolls<wire::WatchRequest>::Id;

  void wake(const locks::LockChange& change);

  RecentChanges recent_;
  std::size_t max_changes_;  // of one answer
  std::size_t max_holds_;    // the same
  LongPolls<wire::WatchRequest> polls_;
  std::set<std::pair<std::string, Id>> by_prefix_;  // those that are held
  std::vector<WatchPoll> woken_;
};

}  // namespace lockstep

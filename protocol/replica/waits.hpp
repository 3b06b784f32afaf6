// The Waits that are held back at this node. Each is held until the request that it asks about no longer stands in
// line, or until its time is up.
//
// Which requests stand in line, and which are granted, is the state machine's. It tells which ones an entry settled, so
// an entry costs as much as it settles, however many Waits are held.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "protocol/replica/long_polls.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

using WaitPoll = Poll<wire::Wait>;

class Waits {
 public:
  // To be looked at when the entry that queued the request, and whatever its client has seen, is applied.
  void add(WaitPoll wait, Time times_out);
  std::vector<WaitPoll> take_ready(LogIndex applied) { return polls_.take_ready(applied); }
  std::vector<TimedOut> take_timed_out(Time now) { return polls_.take_timed_out(now); }

  // It was looked at: its request stands in line.
  void hold(WaitPoll wait);
  // The request was granted or dropped: returns the Waits for it.
  std::vector<WaitPoll> settle(WaiterId waiter);
  // All that are held, whatever may have become of their requests.
  std::vector<WaitPoll> take_held();
  // Those whose time is up. Their requests still stand in line.
  std::vector<WaitPoll> take_ended(Time now);

  Time next_deadline() const { return polls_.next_deadline(); }
  std::size_t size() const { return polls_.size(); }
  bool is_idle() const { return polls_.is_idle() && by_waiter_.empty(); }
  void check_invariants() const { polls_.check_invariants(); }

 private:
  LongPolls<wire::Wait> polls_;
  std::set<std::pair<WaiterId, LongPolls<wire::Wait>::Id>> by_waiter_;  // those that are held
};

}  // namespace lockstep

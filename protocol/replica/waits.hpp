// The Waits that are held back at this node: each until the request it asks about stands in line no more,
// or its time is over.
//
// Which requests stand in line, and which are granted, is the state machine's. It tells which ones an entry
// settled, so an entry costs as much as it settles, however many Waits are held.
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
  // Is to be looked at when the entry that queued the request, and whatever its client has seen, is applied.
  void add(WaitPoll wait, Time gives_up);
  std::vector<WaitPoll> take_ready(LogIndex applied) { return polls_.take_ready(applied); }
  std::vector<Asker> take_given_up(Time now) { return polls_.take_given_up(now); }

  // Was looked at: its request stands in line.
  void hold(WaitPoll wait);
  // The request was granted or dropped: returns whoever waits for it.
  std::vector<WaitPoll> settle(WaiterId waiter);
  // All that are held: whatever may have become of their requests.
  std::vector<WaitPoll> take_held();
  // Those whose time is over. Their requests stand in line still.
  std::vector<WaitPoll> take_over(Time now);

  Time next_deadline() const { return polls_.next_deadline(); }
  std::size_t size() const { return polls_.size(); }

 private:
  LongPolls<wire::Wait> polls_;
  std::set<std::pair<WaiterId, LongPolls<wire::Wait>::Id>> by_waiter_;  // those that are held
};

}  // namespace lockstep

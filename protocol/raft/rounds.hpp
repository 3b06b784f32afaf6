// Rounds and barriers: proof that this leader still led after a question was asked (thesis section 6.4; L2).
//
// The leader numbers its rounds, never a client (etcd #20418). A round is under way from the broadcast that carries its
// number until a quorum has acknowledged it. A barrier needs a round that was published after the barrier arrived; all
// barriers that arrive while one round is under way share the next.
// Invariant: at most one round is under way, so latest() is confirmed() or the next after it. Neither ever falls.
//
// Example:
//   rounds.ask(barrier);
//   if (rounds.begin_if_wanted()) publish(rounds.latest());
//   rounds.confirm(what a quorum acknowledged);
//   for (ReadyBarrier& barrier : rounds.take_ready(applicable index)) answer(barrier);
//
// It counts no quorum and sends nothing. A value, made again in each term.
#pragma once

#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/raft/boundary.hpp"

namespace lockstep::raft {

class Rounds {
 public:
  struct WaitingBarrier {
    ReadyBarrier question;  // its index is what must be applied before it is answered
    Round round;            // that must be confirmed; none until one has begun for it
  };

  Round latest() const { return latest_; }
  Round confirmed() const { return confirmed_; }
  const std::vector<WaitingBarrier>& waiting() const { return waiting_; }  // in the order they were asked

  // The barrier waits for a round that has not begun.
  void ask(ReadyBarrier barrier);
  // True: a round has begun for the barriers that wait for one, and is to be published. False: nobody wants one, or one
  // is under way.
  bool begin_if_wanted();
  // A quorum has acknowledged all rounds up to this one.
  void confirm(Round round);
  // The barriers whose round is confirmed and whose index is applicable, in the order they were asked.
  std::vector<ReadyBarrier> take_ready(LogIndex applicable);

  void check_positions() const;   // the invariant, in a few comparisons
  void check_invariants() const;  // the same, and of every barrier that waits

 private:
  Round latest_;
  Round confirmed_;
  std::vector<WaitingBarrier> waiting_;
};

}  // namespace lockstep::raft

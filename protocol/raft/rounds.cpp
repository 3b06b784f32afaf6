// Which round answers which barrier (thesis section 6.4; L2).

#include "protocol/raft/rounds.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

bool wants_round(const Rounds::WaitingBarrier& barrier) { return !barrier.round; }

}  // namespace

void Rounds::ask(ReadyBarrier barrier) { waiting_.push_back({.question = std::move(barrier), .round = Round()}); }

bool Rounds::begin_if_wanted() {
  const bool is_under_way = latest_ != confirmed_;
  if (is_under_way || std::none_of(waiting_.begin(), waiting_.end(), wants_round)) return false;
  latest_ = latest_.next();
  for (WaitingBarrier& barrier : waiting_) {
    if (wants_round(barrier)) barrier.round = latest_;
  }
  return true;
}

void Rounds::confirm(Round round) {
  INVARIANT(round >= confirmed_, "a round that was confirmed stays so (L2)");
  INVARIANT(round <= latest_, "only a round that has begun can be confirmed (L2)");
  confirmed_ = round;
}

std::vector<ReadyBarrier> Rounds::take_ready(LogIndex applicable) {
  std::vector<ReadyBarrier> ready;
  std::vector<WaitingBarrier> still_waiting;
  for (WaitingBarrier& barrier : waiting_) {
    const bool confirmed = barrier.round && barrier.round <= confirmed_;
    if (confirmed && applicable >= barrier.question.index) {
      ready.push_back(std::move(barrier.question));
    } else {
      still_waiting.push_back(std::move(barrier));
    }
  }
  waiting_ = std::move(still_waiting);
  return ready;
}

void Rounds::check_positions() const {
  INVARIANT(confirmed_ <= latest_, "only a round that has begun can be confirmed (L2)");
  INVARIANT(latest_ <= confirmed_.next(), "at most one round is under way (L2)");
}

void Rounds::check_invariants() const {
  check_positions();
  Round before;
  bool wanted = false;
  for (const WaitingBarrier& barrier : waiting_) {
    INVARIANT(barrier.round <= latest_, "a barrier waits for a round that has begun, or for the next (L2)");
    INVARIANT(wants_round(barrier) || (!wanted && barrier.round >= before), "an earlier barrier has an earlier round");
    wanted = wants_round(barrier);
    before = barrier.round;
  }
}

}  // namespace lockstep::raft

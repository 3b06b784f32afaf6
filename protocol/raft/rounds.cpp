// Rounds and barriers: proof that this leader still led after a question was asked (thesis section 6.4; L2).
//
// The leader numbers its rounds, never a client (etcd #20418). A barrier needs a round that was
// published after the barrier arrived; all barriers that arrive while one round is in flight share the next.

#include <algorithm>

#include "protocol/raft/quorum.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

CallNumber Raft::request_barrier() {
  const CallNumber number = next_call();
  if (auto* leader = std::get_if<Leader>(&role_)) {
    leader->barriers.push_back({number, self_, ConnectionId(), std::max(commit_, leader->noop), Round()});
  } else if (this->leader()) {
    send(this->leader(), Barrier{number});
  }
  return number;
}

void Raft::on_barrier(ConnectionId connection, const Message& from, const Barrier& barrier) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || from.term < term()) {
    answer(connection, from.from, NotLeader{barrier.number, this->leader()});
    return;
  }
  // Before the no-op is committed this leader may not know the latest commit index (R6).
  leader->barriers.push_back({barrier.number, from.from, connection, std::max(commit_, leader->noop), Round()});
}

void Raft::on_barrier_answer(const BarrierAnswer& answer) { consequences_.barriers.push_back(answer); }

void Raft::start_round_if_wanted() {
  auto& leader = std::get<Leader>(role_);
  const bool in_flight = leader.round != leader.confirmed;
  const auto waits = [](const WaitingBarrier& barrier) { return !barrier.round; };
  if (in_flight || std::none_of(leader.barriers.begin(), leader.barriers.end(), waits)) return;
  leader.round = leader.round.next();
  leader.announce = true;
  for (WaitingBarrier& barrier : leader.barriers) {
    if (waits(barrier)) barrier.round = leader.round;
  }
}

void Raft::confirm_rounds() {
  auto& leader = std::get<Leader>(role_);
  std::vector<Round> reached{leader.round};
  for (const auto& [id, peer] : leader.peers) reached.push_back(peer.round);
  leader.confirmed = reached_by_quorum(std::move(reached));
  answer_barriers();
}

void Raft::answer_barriers() {
  auto& leader = std::get<Leader>(role_);
  const auto is_answered = [&](const WaitingBarrier& barrier) {
    const bool confirmed = barrier.round && barrier.round <= leader.confirmed;
    if (!confirmed || applicable_index() < barrier.index) return false;
    const BarrierAnswer ready{barrier.number, barrier.index};
    if (barrier.asker == self_) {
      consequences_.barriers.push_back(ready);
    } else {
      answer(barrier.connection, barrier.asker, ready);
    }
    return true;
  };
  // Not std::erase_if: each barrier is answered exactly once, in order of arrival.
  std::vector<WaitingBarrier> still_waiting;
  for (const WaitingBarrier& barrier : leader.barriers) {
    if (!is_answered(barrier)) still_waiting.push_back(barrier);
  }
  leader.barriers = std::move(still_waiting);
}

void Raft::refuse_barriers(NodeId new_leader) {
  for (const WaitingBarrier& barrier : std::get<Leader>(role_).barriers) {
    if (barrier.asker == self_) continue;
    answer(barrier.connection, barrier.asker, NotLeader{barrier.number, new_leader});
  }
}

}  // namespace lockstep::raft

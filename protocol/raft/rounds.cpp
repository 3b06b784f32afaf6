// Rounds and barriers: proof that this leader still led after a question was asked (thesis section 6.4; L2).
//
// The leader numbers its rounds, never a client (etcd #20418). A barrier needs a round that was
// published after the barrier arrived; all barriers that arrive while one round is in flight share the next.

#include <algorithm>

#include "protocol/raft/quorum.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

CallNumber Raft::request_barrier(std::vector<SessionId> renewals) {
  const CallNumber number = next_call();
  if (auto* leader = std::get_if<Leader>(&role_)) {
    wait_for_round(*leader, {self_, ConnectionId(), number, LogIndex(), std::move(renewals)});
  } else if (this->leader()) {
    send(this->leader(), Barrier{number, std::move(renewals)});
  }
  return number;
}

void Raft::on_barrier(ConnectionId connection, const Message& from, const Barrier& barrier) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || from.term < term()) {
    answer(connection, from.from, NotLeader{barrier.number, this->leader()});
    return;
  }
  wait_for_round(*leader, {from.from, connection, barrier.number, LogIndex(), barrier.renewals});
}

// "The leader restarts those leases on receipt, notes its commit index" (L2). Before the no-op is
// committed a leader may not know the latest commit index (R6), so it waits for that at least.
void Raft::wait_for_round(Leader& leader, ReadyBarrier question) {
  question.index = std::max(commit_, leader.noop);
  auto& renewed = consequences_.renewed;
  renewed.insert(renewed.end(), question.renewals.begin(), question.renewals.end());
  leader.barriers.push_back({std::move(question), Round()});
}

void Raft::answer_barrier(const ReadyBarrier& barrier, std::vector<Renewal> renewals) {
  answer(barrier.connection, barrier.asker, BarrierAnswer{barrier.number, barrier.index, std::move(renewals)});
}

void Raft::on_barrier_answer(const BarrierAnswer& answer) { consequences_.barriers.push_back(answer); }

bool Raft::leads_with_full_state() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr && applicable_index() >= leader->noop;
}

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
  release_barriers();
}

void Raft::release_barriers() {
  auto& leader = std::get<Leader>(role_);
  std::vector<WaitingBarrier> still_waiting;
  for (WaitingBarrier& barrier : leader.barriers) {
    const bool confirmed = barrier.round && barrier.round <= leader.confirmed;
    if (confirmed && applicable_index() >= barrier.question.index) {
      consequences_.ready.push_back(std::move(barrier.question));
    } else {
      still_waiting.push_back(std::move(barrier));
    }
  }
  leader.barriers = std::move(still_waiting);
}

void Raft::refuse_barriers(NodeId new_leader) {
  for (const WaitingBarrier& barrier : std::get<Leader>(role_).barriers) {
    const ReadyBarrier& question = barrier.question;
    if (question.asker != self_) answer(question.connection, question.asker, NotLeader{question.number, new_leader});
  }
}

}  // namespace lockstep::raft

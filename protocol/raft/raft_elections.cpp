// Elections with pre-vote and leader stickiness (Raft section 5.2, thesis sections 4.2.3 and 9.6; R8, R9).

#include "protocol/base/invariant.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {
namespace {

VoteRequest request_for_votes(const NodeState& node, CallNumber number, bool pre_vote) {
  const Log& log = node.log.entries();
  return {.number = number, .pre_vote = pre_vote, .last_index = log.last_index(), .last_term = log.last_term()};
}

bool would_vote_for(const NodeState& node, const VoteRequest& request) {
  return !node.is_repairing() && node.log.entries().is_up_to_date(request.last_index, request.last_term);
}

}  // namespace

// "In the Pre-Vote algorithm, a candidate only increments its term if it first learns from a majority of
// the cluster that they would be willing to grant it their votes" (thesis section 9.6).
// A node under repair asks too, to be told who leads, but never goes on to campaign.
void Raft::start_pre_vote(Time now) {
  node_.restart_election_timer(now);
  // A candidate whose own vote is not durable has not asked anyone yet (R1). A next candidacy would only wait
  // behind this one, for ever if the disk is slower than the election timeout.
  if (is_candidate() && node_.outbox.is_hard_state_under_way()) return;
  const CallNumber number = node_.next_call();
  role_ = PreCandidate{number, {self()}};
  if (node_.quorum() == 1) {
    campaign(now);
    return;
  }
  node_.send_to_others(request_for_votes(node_, number, true));
}

void Raft::campaign(Time now) {
  if (is_repairing()) return;
  node_.enter_term(term().next(), self());
  const CallNumber number = node_.next_call();
  role_ = Candidate{number, {}};  // our own vote counts when it is durable, like any other
  node_.restart_election_timer(now);
  node_.notice("asks for votes in term " + std::to_string(term().value()));
  node_.send_to_others(request_for_votes(node_, number, false));
}

void Raft::count_vote(Time now, Candidate& candidate, NodeId voter) {
  candidate.granted.insert(voter);
  if (candidate.granted.size() < node_.quorum()) return;
  node_.notice("leads term " + std::to_string(term().value()));
  role_ = Leader(node_, now);
}

void Raft::on_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request) {
  const bool heard_leader = is_leader() || node_.heard_leader_recently(now);
  const auto answer = [&](bool granted, NodeId known_leader) {
    node_.answer(
        connection, from.from,
        Vote{.number = request.number, .pre_vote = request.pre_vote, .granted = granted, .leader = known_leader});
  };
  if (request.pre_vote) {
    // Changes nothing here: no term, no vote, no timer (R9).
    const bool granted = from.term >= term() && !heard_leader && would_vote_for(node_, request);
    answer(granted, heard_leader ? leader() : NodeId());
    return;
  }
  if (from.term < term()) {
    answer(false, NodeId());
    return;
  }
  // "If a server receives a RequestVote request within the minimum election timeout of hearing from a
  // current leader, it does not update its term or grant its vote" (thesis section 4.2.3).
  if (heard_leader) return;
  if (from.term > term()) become_follower(now, from.term);

  const bool free_to_vote = !vote() || vote() == from.from;
  const bool granted = free_to_vote && would_vote_for(node_, request);
  if (granted) {
    node_.outbox.vote_for(from.from);
    node_.restart_election_timer(now);
  }
  answer(granted, leader());
}

void Raft::on_vote(Time now, const Message& from, const Vote& vote) {
  if (!vote.granted) {
    if (!vote.leader || vote.leader == self()) return;
    if (from.term == term()) {
      hint_leader(now, vote.leader);
    } else if (!is_leader() && configuration().find(vote.leader) != nullptr) {
      // They follow a leader of an older term than ours, and will not hear of ours: tell that leader.
      node_.send(vote.leader, Fetch{node_.next_call(), log().last_index(), log().last_term()});
    }
    return;
  }
  if (auto* asking = std::get_if<PreCandidate>(&role_); asking && vote.pre_vote && vote.number == asking->number) {
    asking->granted.insert(from.from);
    if (asking->granted.size() >= node_.quorum()) campaign(now);
  } else if (auto* candidate = std::get_if<Candidate>(&role_);
             candidate && !vote.pre_vote && vote.number == candidate->number) {
    count_vote(now, *candidate, from.from);
  }
}

}  // namespace lockstep::raft

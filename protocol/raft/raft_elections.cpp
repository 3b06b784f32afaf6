// Elections with pre-vote and leader stickiness (Raft section 5.2, thesis sections 4.2.3 and 9.6; R8, R9).

#include "protocol/base/invariant.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {
namespace {

enum class Ballot { kPreVote, kVote };

VoteRequest request_for(Ballot ballot, const NodeState& node, CallNumber number) {
  const Log& log = node.log.entries();
  return {.number = number,
          .pre_vote = ballot == Ballot::kPreVote,
          .last_index = log.last_index(),
          .last_term = log.last_term()};
}

bool would_vote_for(const NodeState& node, const VoteRequest& request) {
  return !node.is_repairing() && node.log.entries().is_up_to_date(request.last_index, request.last_term);
}

// "Each server will vote for at most one candidate in a given term" (Raft section 5.2).
bool give_vote(NodeState& node, Time now, NodeId candidate, const VoteRequest& request) {
  const bool free_to_vote = !node.vote() || node.vote() == candidate;
  if (!free_to_vote || !would_vote_for(node, request)) return false;
  node.outbox.vote_for(candidate);
  node.restart_election_timer(now);
  return true;
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
  node_.send_to_others(request_for(Ballot::kPreVote, node_, number));
}

void Raft::campaign(Time now) {
  if (is_repairing()) return;
  node_.enter_term(term().next(), self());
  const CallNumber number = node_.next_call();
  role_ = Candidate{number, {}};  // our own vote counts when it is durable, like any other
  node_.restart_election_timer(now);
  node_.notice("asks for votes in term " + std::to_string(term().value()));
  node_.send_to_others(request_for(Ballot::kVote, node_, number));
}

void Raft::count_vote(Time now, Candidate& candidate, NodeId voter) {
  candidate.granted.insert(voter);
  if (candidate.granted.size() < node_.quorum()) return;
  node_.notice("leads term " + std::to_string(term().value()));
  role_ = Leader(node_, now);
}

void Raft::on_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request) {
  const bool heard_leader = is_leader() || node_.heard_leader_recently(now);
  Vote answer{.number = request.number, .pre_vote = request.pre_vote, .granted = false, .leader = NodeId()};
  if (request.pre_vote) {
    // Changes nothing here: no term, no vote, no timer (R9).
    answer.granted = from.term >= term() && !heard_leader && would_vote_for(node_, request);
    if (heard_leader) answer.leader = leader();
  } else if (from.term >= term()) {
    // "If a server receives a RequestVote request within the minimum election timeout of hearing from a
    // current leader, it does not update its term or grant its vote" (thesis section 4.2.3).
    if (heard_leader) return;
    if (from.term > term()) become_follower(now, from.term);
    answer.granted = give_vote(node_, now, from.from, request);
    answer.leader = leader();
  }
  node_.answer(connection, from.from, answer);
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

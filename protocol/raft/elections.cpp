// Elections with pre-vote and leader stickiness (Raft section 5.2, thesis sections 4.2.3 and 9.6; R8, R9).

#include "protocol/base/invariant.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

// "In the Pre-Vote algorithm, a candidate only increments its term if it first learns from a majority of
// the cluster that they would be willing to grant it their votes" (thesis section 9.6).
// A node under repair asks too, to be told who leads, but never goes on to campaign.
void Raft::start_pre_vote(Time now) {
  reset_election_timer(now);
  // A candidate whose own vote is not durable has not asked anyone yet (R1). A next candidacy would only wait
  // behind this one, for ever if the disk is slower than the election timeout.
  if (is_candidate() && hard_state_write_) return;
  const CallNumber number = next_call();
  role_ = PreCandidate{number, {self_}};
  if (quorum() == 1) {
    campaign(now);
    return;
  }
  send_to_others(VoteRequest{number, true, log_.last_index(), log_.last_term()});
}

void Raft::campaign(Time now) {
  if (is_repairing()) return;
  hard_state_.term = term().next();
  hard_state_.vote = self_;
  hard_state_staged_ = true;
  verified_ = LogIndex();
  messages_.clear();  // of an older term: as if lost on the way

  const CallNumber number = next_call();
  role_ = Candidate{number, {}};  // our own vote counts when it is durable, like any other
  reset_election_timer(now);
  notice("asks for votes in term " + std::to_string(term().value()));
  send_to_others(VoteRequest{number, false, log_.last_index(), log_.last_term()});
}

void Raft::count_own_vote(Time now) {
  if (hard_state_staged_ || hard_state_write_) return;
  auto& candidate = std::get<Candidate>(role_);
  candidate.granted.insert(self_);
  if (candidate.granted.size() >= quorum()) become_leader(now);
}

bool Raft::would_vote_for(const VoteRequest& request) const {
  return !is_repairing() && log_.is_up_to_date(request.last_index, request.last_term);
}

// Changes nothing here: no term, no vote, no timer (R9).
void Raft::on_pre_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request) {
  const bool heard_leader = leader_was_heard_recently(now);
  const bool granted = from.term >= term() && !heard_leader && would_vote_for(request);
  answer(connection, from.from, Vote{request.number, true, granted, heard_leader ? leader() : NodeId()});
}

void Raft::on_vote_request(Time now, ConnectionId connection, const Message& from, const VoteRequest& request) {
  if (from.term < term()) {
    answer(connection, from.from, Vote{request.number, false, false, NodeId()});
    return;
  }
  // "If a server receives a RequestVote request within the minimum election timeout of hearing from a
  // current leader, it does not update its term or grant its vote" (thesis section 4.2.3).
  if (leader_was_heard_recently(now)) return;
  if (from.term > term()) become_follower(now, from.term, NodeId());

  const bool free_to_vote = !hard_state_.vote || hard_state_.vote == from.from;
  const bool granted = free_to_vote && would_vote_for(request);
  if (granted) {
    if (!hard_state_.vote) {
      hard_state_.vote = from.from;
      hard_state_staged_ = true;
    }
    reset_election_timer(now);
  }
  answer(connection, from.from, Vote{request.number, false, granted, leader()});
}

void Raft::on_vote(Time now, const Message& from, const Vote& vote) {
  if (!vote.granted) {
    if (!vote.leader || vote.leader == self_) return;
    if (from.term == term()) {
      hint_leader(now, vote.leader);
    } else if (!is_leader() && configuration_.find(vote.leader) != nullptr) {
      // They follow a leader of an older term than ours, and will not hear of ours: tell that leader.
      send(vote.leader, Fetch{next_call(), log_.last_index(), log_.last_term()});
    }
    return;
  }
  if (auto* asking = std::get_if<PreCandidate>(&role_); asking && vote.pre_vote && vote.number == asking->number) {
    asking->granted.insert(from.from);
    if (asking->granted.size() >= quorum()) campaign(now);
  } else if (auto* candidate = std::get_if<Candidate>(&role_);
             candidate && !vote.pre_vote && vote.number == candidate->number) {
    candidate->granted.insert(from.from);
    if (candidate->granted.size() >= quorum()) become_leader(now);
  }
}

void Raft::become_leader(Time now) {
  INVARIANT(!is_repairing(), "a node under repair never leads (S2)");
  notice("leads term " + std::to_string(term().value()));
  Leader leader;
  for (const Member& member : configuration_.voters) {
    if (member.id != self_) leader.peers.emplace(member.id, Progress{LogIndex(), Round(), now, false});
  }
  leader.published = log_.last_index();
  leader.noop = log_.last_index().next();
  leader.next_heartbeat = now;
  for (LogIndex index = commit_.next(); index <= log_.last_index(); index = index.next()) {
    leader.uncommitted_bytes += size_of(log_.at(index));
  }
  if (!first_commit_heard_) first_commit_heard_ = leader.noop;
  role_ = std::move(leader);
  // "a leader ... commits a no-op entry into the log at the start of its term" (Raft section 8).
  append_to_own_log(Entry{term(), log_.last_time(), Noop{}});
}

}  // namespace lockstep::raft

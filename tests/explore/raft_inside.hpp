// All of a Raft, or of a Formation, that decides what it does next, and nothing else. A friend of them, since most of
// that is private.
//
// Left out, with why two states that differ only there have the same future in these models:
//   times and random choices      the models let any timeout fire at any moment, and R9 never protects a leader
//   numbers of calls and writes   the models answer the outstanding call, or an older one, whatever its number
//   the outstanding Fetch, leader_last    they decide what is fetched, and the models let anything that the leader
//                                 has arrive at any time. Whether one is outstanding can be told apart on demand
//   frames and bytes of a backlog    bounds that these models do not reach
//   where a node was last seen to stand    a memory for assertions (standing.hpp), which decides nothing
//   waiting messages without effect    NotLeader, Fetch, a denied vote: the models deliver their like at any time
#pragma once

#include "protocol/raft/formation.hpp"
#include "protocol/raft/raft.hpp"
#include "tests/explore/projection.hpp"

namespace lockstep::raft {

struct Inside {
  using Projection = explore::Projection;

  static void project(const Raft& raft, Projection& out) {
    const HardState& hard = hard_state(raft);
    const Outbox& outbox = raft.node_.outbox;
    const ReplicatedLog& log = raft.node_.log;
    out.add(raft.self()).add(hard.term).add(hard.repair_until);
    if (out.vote_matters()) out.add(hard.vote);
    out.add(outbox.hard_state_staged_).add(outbox.hard_state_write_.has_value());
    project(log.entries(), out);
    out.add(outbox.staged_from_.value_or(LogIndex()));
    project(log.durability_, out);
    out.add(log.commit_).add(log.verified_).add(raft.role_.index());
    std::visit([&](const auto& role) { project(role, log.commit_, out); }, raft.role_);
    std::set<std::uint64_t> waiting;  // the same vote granted twice is as good as once
    for (const Outgoing& outgoing : outbox.messages_) waiting.insert(number_of(outgoing.message, out));
    waiting.erase(0);
    for (const std::uint64_t number : waiting) out.add(number);
  }

  static void add_to(explore::Fingerprinter& out, const Formation& formation) {
    out.add(formation.node_.hard_state.cluster.value()).add(formation.node_.entries.size());
    for (const Entry& entry : formation.node_.entries) {
      for (const Member& voter : std::get<Configuration>(entry.body).voters) out.add(voter.id.value());
    }
    for (const auto& [name, peer] : formation.peers_) {
      out.add(static_cast<std::uint64_t>(name.front())).add(peer.id.value()).add(peer.previous_id.value());
      out.add(static_cast<std::uint64_t>(peer.changes)).add(peer.knows_us);
    }
    out.add(formation.made_it_).add(formation.formed_.has_value()).add(formation.doom_.has_value());
    out.add(formation.entry_write_.has_value()).add(formation.binding_write_.has_value());
  }

 private:
  static void project(const Log& log, Projection& out) {
    out.add(log.last_index());
    for (LogIndex index = log.last_index(); log.contains(index); index = index.previous()) out.add(log.term_at(index));
  }
  static void project(const Durability& durability, Projection& out) {
    out.add(durability.durable_).add(durability.unfinished_.size());
    for (const auto& write : durability.unfinished_) out.add(write.first).add(write.last).add(write.is_done);
  }
  static void project(const Follower& follower, LogIndex, Projection& out) {
    out.add(follower.leader_).add(out.tells_fetches_apart() && follower.fetch_).add(follower.ack_due_);
    out.add(follower.round_).add(follower.acked_round_).add(follower.ahead_.appends().size());
    for (const auto& [after, append] : follower.ahead_.appends()) {
      out.add(after).add(append.previous_term).add(append.entries.size());
      for (const Entry& entry : append.entries) out.add(entry.term);
    }
  }
  static void project(const Raft::PreCandidate&, LogIndex, Projection&) {}  // the models ask nobody
  static void project(const Raft::Candidate& candidate, LogIndex, Projection& out) { out.add(candidate.granted); }
  // What a quorum has reached is compared with the commit index: below that, how far one of it has got is all the same.
  static void project(const Leader& leader, LogIndex commit, Projection& out) {
    const auto& peers = leader.progress_.peers();
    out.add_for_each_node([&](std::size_t node) {
      const auto peer = peers.find(explore::id_of(node));
      if (peer == peers.end()) return;
      out.add(out.disk_matters() ? peer->second.match : std::max(peer->second.match, commit)).add(peer->second.round);
    });
    const Rounds& rounds = leader.rounds_;
    out.add(leader.noop_).add(leader.backlog_.published()).add(leader.announce_);
    out.add(rounds.latest()).add(rounds.confirmed()).add(rounds.waiting().size());
    for (const auto& barrier : rounds.waiting()) {
      out.add(barrier.round).add(barrier.question.asker).add(barrier.question.index);
    }
  }
  static std::uint64_t number_of(const Message& message, const Projection& out) {
    if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
      return 1U | out.number_of(message.to) << 2U | (request->pre_vote ? 1U : 0U) << 4U;
    }
    const auto* vote = std::get_if<Vote>(&message.body);
    if (vote == nullptr || !vote->granted || !out.vote_matters()) return 0;
    return 2U | out.number_of(message.to) << 2U | (vote->pre_vote ? 1U : 0U) << 4U;
  }

 public:
  static LogIndex match_of(const Raft& raft, NodeId peer) {
    const auto* leader = std::get_if<Leader>(&raft.role_);
    if (leader == nullptr) return {};
    const auto found = leader->progress_.peers().find(peer);
    return found == leader->progress_.peers().end() ? LogIndex() : found->second.match;
  }
  static bool has_granted(const Raft& raft, NodeId voter) {
    const auto* candidate = std::get_if<Raft::Candidate>(&raft.role_);
    return candidate != nullptr && candidate->granted.contains(voter);
  }
  static const HardState& hard_state(const Raft& raft) { return raft.node_.outbox.hard_state(); }
  // To somebody else than the node's own vote says.
  static bool is_untrue_vote_waiting(const Raft& raft) {
    const std::vector<Outgoing>& messages = raft.node_.outbox.messages_;
    return std::any_of(messages.begin(), messages.end(), [&](const Outgoing& waiting) {
      const auto* vote = std::get_if<Vote>(&waiting.message.body);
      return vote != nullptr && vote->granted && !vote->pre_vote && waiting.message.to != hard_state(raft).vote;
    });
  }
  // What project() leaves out of a leader's barriers: whose they are, and what they renew.
  static void project_barriers(const Raft& raft, Projection& out) {
    const auto* leader = std::get_if<Leader>(&raft.role_);
    if (leader == nullptr) return;
    for (const auto& barrier : leader->rounds_.waiting()) {
      const bool is_own = barrier.question.asker == raft.self();
      out.add(is_own ? 0 : barrier.question.number.value()).add(barrier.question.renewals.size());
    }
  }
  // What snapshots add: project() has the log beyond its base.
  static void project_snapshots(const Raft& raft, Projection& out) {
    out.add(raft.log().base().index).add(raft.log().base().term).add(snapshots(raft).size());
    for (const SnapshotHead& head : snapshots(raft)) out.add(head.index);
    out.add(raft.node_.incoming.index()).add(raft.node_.incoming.offset());
    const auto& installing = raft.node_.outbox.installing_;
    out.add(installing ? installing->snapshot->head.index : LogIndex());
    out.add(installing && installing->write.has_value());
  }
  static const std::vector<SnapshotHead>& snapshots(const Raft& raft) { return raft.node_.snapshots.heads(); }
  // Of a leader: those that were, or the barriers that wait for one.
  static std::uint64_t rounds_of(const Raft& raft) {
    const auto* leader = std::get_if<Leader>(&raft.role_);
    if (leader == nullptr) return 0;
    return std::max<std::uint64_t>(leader->rounds_.latest().value(), leader->rounds_.waiting().size());
  }
  static bool is_fetching(const Raft& raft) { return static_cast<bool>(outstanding_fetch(raft)); }
  static CallNumber outstanding_fetch(const Raft& raft) {
    const auto* follower = std::get_if<Follower>(&raft.role_);
    return follower != nullptr && follower->fetch_ ? follower->fetch_->number : CallNumber();
  }
};

}  // namespace lockstep::raft

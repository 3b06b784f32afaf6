#include "tests/simulation/node_checker.hpp"

#include <algorithm>

#include "protocol/raft/quorum.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

std::string node_name(Place place) { return "node " + name_of_node(place); }
std::string text(std::uint64_t value) { return std::to_string(value); }

}  // namespace

NodeChecker::NodeChecker(const std::deque<SimNode>& nodes, const locks::Bounds& bounds, Coverage& coverage)
    : nodes_(&nodes), bounds_(bounds), coverage_(&coverage), tracks_(nodes.size()) {}

const SimNode* NodeChecker::node_of(NodeId id) const {
  const auto found =
      std::find_if(nodes_->begin(), nodes_->end(), [&](const SimNode& node) { return node.disk.durable().node == id; });
  return found == nodes_->end() ? nullptr : &*found;
}

const Reference* NodeChecker::reference_of(const Replica& replica) const {
  if (replica.raft() == nullptr) return nullptr;
  const auto found = references_.find(replica.raft()->configuration().cluster);
  return found == references_.end() ? nullptr : &found->second;
}

const Reference* NodeChecker::main_reference() const {
  const Reference* main = nullptr;
  for (const auto& [cluster, reference] : references_) {
    if (main == nullptr || reference.last() > main->last()) main = &reference;
  }
  return main;
}

Reference& NodeChecker::reference_for(const raft::Raft& raft) {
  const auto [found, added] = references_.try_emplace(raft.configuration().cluster, bounds_, *coverage_);
  if (added) coverage_->note(Met::kClusterFormed);
  return found->second;
}

void NodeChecker::after_step(Time now, Place place, const Replica& replica) {
  replica.check_invariants();
  const raft::Raft* raft = replica.raft();
  if (raft == nullptr) return;
  check_nothing_falls(place, replica);
  check_leader(place, *raft);
  check_commits(now, place, *raft);
  check_state(place, replica, reference_for(*raft));

  Track& track = tracks_[place];
  if (!raft->log().matches(track.last_index, track.last_term)) coverage_->note(Met::kTruncation);
  if (track.was_leader && !raft->is_leader()) coverage_->note(Met::kStepDown);
  if (track.was_repairing && !raft->is_repairing()) coverage_->note(Met::kRepair);
  const bool jumped = replica.applied_index() > track.applied && track.applied < raft->log().base().index;
  if (track.term && jumped) coverage_->note(Met::kSnapshotInstalled);
  const LogIndex floor = jumped || !track.term ? replica.applied_index() : track.floor;
  track = Track{raft->term(),
                raft->vote(),
                raft->commit_index(),
                replica.applied_index(),
                raft->log().base().index,
                floor,
                raft->log().last_index(),
                raft->log().last_term(),
                raft->is_leader(),
                raft->is_repairing()};
}

void NodeChecker::check_nothing_falls(Place place, const Replica& replica) {
  const raft::Raft& raft = *replica.raft();
  const Track& before = tracks_[place];
  REQUIRE_SAFE(raft.term() >= before.term, node_name(place) + ": the term fell");
  REQUIRE_SAFE(raft.commit_index() >= before.commit, node_name(place) + ": the commit index fell");
  REQUIRE_SAFE(replica.applied_index() >= before.applied, node_name(place) + ": the applied index fell");
  REQUIRE_SAFE(raft.term() != before.term || !before.vote || raft.vote() == before.vote,
               node_name(place) + ": the vote of term " + text(raft.term().value()) + " changed");
  REQUIRE_SAFE(replica.applied_index() <= raft.commit_index(), node_name(place) + " applied what is not committed");
  REQUIRE_SAFE(raft.commit_index() <= raft.log().last_index(), node_name(place) + " committed what it does not have");
  REQUIRE_SAFE(raft.log().base().index >= before.base, node_name(place) + ": its log grew at the front");
  const LogIndex applied = replica.applied_index();
  if (applied < raft.log().base().index) return;  // a snapshot is on its way to the disk
  REQUIRE_SAFE(!applied || nodes_->at(place).disk.has(applied, raft.log().term_at(applied)),
               node_name(place) + " applied entry " + text(applied.value()) + ", which is not on its disk (R4)");
}

// "at most one leader can be elected in a given term" (Raft figure 3, Election Safety).
void NodeChecker::check_leader(Place place, const raft::Raft& raft) {
  if (!raft.is_leader()) return;
  const auto [found, added] = leaders_.try_emplace({raft.configuration().cluster, raft.term()}, raft.self());
  REQUIRE_SAFE(found->second == raft.self(),
               node_name(place) + " leads term " + text(raft.term().value()) + ", which already had another leader");
  if (added) coverage_->note(Met::kElection);
  const Track& before = tracks_[place];
  if (before.was_leader && before.term == raft.term()) return;
  // Its own vote is one of those that elected it, and counts only once it is durable, like the others (R1).
  const raft::HardState& durable = nodes_->at(place).disk.durable().hard_state;
  REQUIRE_SAFE(durable.term == raft.term() && durable.vote == raft.self(),
               node_name(place) + " leads term " + text(raft.term().value()) + ", but its vote is not on its disk");
  check_log_of_leader(place, raft, reference_for(raft));
}

// "if a log entry is committed in a given term, then that entry will be present in the logs of the
// leaders for all higher-numbered terms" (Raft figure 3, Leader Completeness).
void NodeChecker::check_log_of_leader(Place place, const raft::Raft& raft, const Reference& reference) const {
  for (LogIndex index = raft.log().base().index.next(); index <= reference.last(); index = index.next()) {
    if (reference.committed_in(index) >= raft.term()) return;
    REQUIRE_SAFE(raft.log().contains(index) && raft.log().at(index) == reference.at(index),
                 node_name(place) + " leads term " + text(raft.term().value()) + " without entry " +
                     text(index.value()) + ", which was committed in term " +
                     text(reference.committed_in(index).value()));
  }
}

// "if a server has applied a log entry at a given index to its state machine, no other server will ever
// apply a different log entry for the same index" (Raft figure 3, State Machine Safety), here already of
// what is committed.
void NodeChecker::check_commits(Time now, Place place, const raft::Raft& raft) {
  Reference& reference = reference_for(raft);
  for (LogIndex index = tracks_[place].commit.next(); index <= raft.commit_index(); index = index.next()) {
    if (index <= raft.log().base().index) {  // a snapshot stands for it
      REQUIRE_SAFE(index <= reference.last(), node_name(place) + " has a snapshot of what nobody committed");
      continue;
    }
    const raft::Entry& entry = raft.log().at(index);
    if (index <= reference.last()) {
      REQUIRE_SAFE(entry == reference.at(index), node_name(place) + " committed another entry " + text(index.value()));
      continue;
    }
    // Entry 1 is committed by construction; every other by the leader before anyone else can know.
    const bool is_first = index == LogIndex(1);
    REQUIRE_SAFE(is_first || raft.is_leader(),
                 node_name(place) + " committed entry " + text(index.value()) + ", which no leader had committed");
    if (!is_first) check_is_on_a_quorum(raft, index);
    reference.commit(now, raft.term(), entry);
  }
  // "Only log entries from the leader's current term are committed by counting replicas" (Raft section
  // 5.4.2; R6): what is older is committed with them, never alone.
  const bool advanced = raft.commit_index() > std::max(tracks_[place].commit, LogIndex(1));
  REQUIRE_SAFE(!raft.is_leader() || !advanced || raft.log().term_at(raft.commit_index()) == raft.term(),
               node_name(place) + " leads term " + text(raft.term().value()) + " and commits entry " +
                   text(raft.commit_index().value()) + " of an older term by counting");
  // What is committed stays in the log: its last entry stands for it, the rest is compared now and then.
  const LogIndex commit = raft.commit_index();
  REQUIRE_SAFE(raft.log().term_at(commit) == reference.at(commit).term,
               node_name(place) + " replaced committed entry " + text(commit.value()));
}

// A disk that was wiped or damaged since may have held it: its promise counts.
void NodeChecker::check_is_on_a_quorum(const raft::Raft& raft, LogIndex index) const {
  std::size_t holders = 0;
  for (const raft::Member& member : raft.configuration().voters) {
    const SimNode* node = node_of(member.id);
    const bool lost = node == nullptr || node->disk.durable().hard_state.repair_until >= index;
    if (lost || node->disk.has(index, raft.log().term_at(index))) ++holders;
  }
  REQUIRE_SAFE(holders >= raft::quorum_of(raft.configuration().voters.size()),
               "entry " + text(index.value()) + " is committed, but it is on only " + text(holders) + " disks");
}

void NodeChecker::check_state(Place place, const Replica& replica, const Reference& reference) const {
  const LogIndex applied = replica.applied_index();
  if (!applied || applied == tracks_[place].applied) return;
  REQUIRE_SAFE(replica.state().hash() == reference.hash_at(applied),
               node_name(place) + " has another state at index " + text(applied.value()));
}

void NodeChecker::check_snapshot(Place place, const raft::SnapshotHead& head) {
  const std::string what = node_name(place) + ": the snapshot of index " + text(head.index.value());
  const auto found = references_.find(head.configuration.cluster);
  REQUIRE_SAFE(found != references_.end() && head.index <= found->second.last(), what + " is of what nobody committed");
  const Reference& reference = found->second;
  const raft::Entry& last = reference.at(head.index);
  REQUIRE_SAFE(head.term == last.term && head.time == last.time && head.state_hash == reference.hash_at(head.index),
               what + " is not of its entry");
  const raft::Entry& first = reference.at(LogIndex(1));
  REQUIRE_SAFE(head.formed == first.time && first.body == raft::EntryBody(head.configuration),
               what + " is of another cluster");
  const auto [known, is_new] = heads_.try_emplace({head.configuration.cluster, head.index}, head);
  REQUIRE_SAFE(is_new || known->second == head, what + " differs from another node's");
}

void NodeChecker::compare_whole_log(Place place, const Replica& replica) const {
  const Reference* reference = reference_of(replica);
  if (reference == nullptr) return;
  const raft::Raft& raft = *replica.raft();
  for (LogIndex index = raft.log().base().index.next(); index <= raft.commit_index(); index = index.next()) {
    REQUIRE_SAFE(raft.log().at(index) == reference->at(index),
                 node_name(place) + " changed committed entry " + text(index.value()));
  }
}

// --- what a message promises must hold when it leaves ---

void NodeChecker::leaving(Place place, const Replica& replica, const raft::Message& message) {
  check_term_is_durable(place, message);
  if (const auto* request = std::get_if<raft::VoteRequest>(&message.body); request && !request->pre_vote) {
    check_vote(place, message, message.from);
  } else if (const auto* vote = std::get_if<raft::Vote>(&message.body); vote && vote->granted && !vote->pre_vote) {
    check_vote(place, message, message.to);
  } else if (const auto* ack = std::get_if<raft::Ack>(&message.body)) {
    check_ack(place, replica, message, *ack);
  } else if (std::holds_alternative<raft::Fetch>(message.body)) {
    coverage_->note(Met::kFetch);
  } else if (std::holds_alternative<raft::NotLeader>(message.body)) {
    coverage_->note(Met::kNotLeader);
  }
}

// R1: term and vote are durable before any message of that term leaves.
void NodeChecker::check_term_is_durable(Place place, const raft::Message& message) {
  Term& last = last_term_said_[message.from];
  const bool forming = std::holds_alternative<raft::Form>(message.body) ||
                       std::holds_alternative<raft::Hello>(message.body) ||
                       std::holds_alternative<raft::HelloRefused>(message.body);
  if (forming) return;
  REQUIRE_SAFE(message.term >= last, node_name(place) + " speaks in term " + text(message.term.value()) +
                                         " after it spoke in term " + text(last.value()));
  last = message.term;
  REQUIRE_SAFE(nodes_->at(place).disk.durable().hard_state.term >= message.term,
               node_name(place) + " speaks in term " + text(message.term.value()) + ", which is not on its disk");
}

// "Each server will vote for at most one candidate in a given term" (Raft section 5.2).
void NodeChecker::check_vote(Place place, const raft::Message& message, NodeId candidate) {
  const auto [found, added] = votes_.try_emplace({message.from, message.term}, candidate);
  REQUIRE_SAFE(found->second == candidate, node_name(place) + " votes twice in term " + text(message.term.value()));
  const raft::HardState& durable = nodes_->at(place).disk.durable().hard_state;
  REQUIRE_SAFE(durable.term == message.term && durable.vote == candidate,
               node_name(place) + " votes in term " + text(message.term.value()) + ", but its disk does not know");
}

// R3: what is acknowledged is on the disk, and it is what the leader of that term has.
void NodeChecker::check_ack(Place place, const Replica& replica, const raft::Message& message,
                            const raft::Ack& ack) const {
  if (!ack.match) return;
  const raft::Log& log = replica.raft()->log();
  if (ack.match < log.base().index) return;  // of the log that a snapshot on its way takes the place of: committed
  REQUIRE_SAFE(ack.match <= log.last_index() && nodes_->at(place).disk.has(ack.match, log.term_at(ack.match)),
               node_name(place) + " acknowledges entry " + text(ack.match.value()) + ", which is not on its disk");
  REQUIRE_SAFE(nodes_->at(place).disk.durable().hard_state.repair_until == LogIndex(),
               node_name(place) + " acknowledges while it is under repair");
  const auto leader = leaders_.find({message.cluster, message.term});
  if (leader == leaders_.end()) return;
  const SimNode* node = node_of(leader->second);
  const raft::Raft* theirs = node != nullptr && node->replica ? node->replica->raft() : nullptr;
  if (theirs == nullptr || !theirs->is_leader() || theirs->term() != message.term) return;
  REQUIRE_SAFE(
      theirs->log().matches(ack.match, log.term_at(ack.match)),
      node_name(place) + " acknowledges entry " + text(ack.match.value()) + ", which its leader does not have");
}

}  // namespace lockstep::simulation

// What must hold of a node after every event: the cheap half, always, and all of it, for tests.

#include "protocol/base/invariant.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

// A few comparisons: production can afford them after every event.
Standing Raft::check_step() const {
  node_.log.check_positions();
  INVARIANT(term() >= log().last_term(), "a node's term is never below that of an entry in its log");
  const auto* leading = std::get_if<Leader>(&role_);
  if (leading != nullptr) leading->check_positions(node_);
  if (is_candidate()) {
    INVARIANT(vote() == self(), "a candidate votes for itself (Raft section 5.2)");
    INVARIANT(!is_repairing(), "a node under repair does not campaign (S2)");
  }
  const Standing now = standing_of(node_, leading);
  check_change(seen_, now);
  return now;
}

std::vector<std::string_view> Raft::what_is_left() const {
  std::vector<std::string_view> left;
  const auto* following = std::get_if<Follower>(&role_);
  const auto* leading = std::get_if<Leader>(&role_);
  if (following != nullptr && !following->is_idle(node_)) left.emplace_back("a fetch");
  if (leading != nullptr && !leading->is_idle()) left.emplace_back("uncommitted entries");
  if (following == nullptr && leading == nullptr) left.emplace_back("an election");
  if (!node_.outbox.is_idle()) left.emplace_back("writes or messages");
  if (node_.incoming.is_under_way()) left.emplace_back("a snapshot that comes in");
  if (!node_.snapshot_reads.empty()) left.emplace_back("reads of a snapshot");
  return left;
}

void Raft::check_invariants() const {
  check_step();
  node_.log.check_invariants();
  node_.outbox.check_invariants(log());
  node_.snapshots.check_invariants();
  const LogIndex base = log().base().index;
  const bool has_snapshot = snapshot() != nullptr && snapshot()->index >= base;
  INVARIANT(!base || has_snapshot || node_.outbox.is_installing(), "a snapshot stands for what the log dropped (S3)");
  INVARIANT(!log().contains(node_.snapshots.older()), "the log is kept back to the older of two snapshots (S3)");
  if (const auto* follower = std::get_if<Follower>(&role_)) follower->check_invariants(node_);
  if (const auto* leading = std::get_if<Leader>(&role_)) leading->check_invariants(node_);
}

}  // namespace lockstep::raft

// Remembers hashes at the interval's indexes, and compares them with the leader's.
#include "protocol/replica/state_hashes.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

void compare(std::uint64_t own, std::uint64_t leaders) {
  INVARIANT(own == leaders, "equal logs give equal states (R16): this replica differs");
}

}  // namespace

void StateHashes::note_own(const raft::StateHash& own) {
  own_[own.index] = own.hash;
  if (own_.size() > kept_) own_.erase(own_.begin());
  if (const auto found = leaders_.find(own.index); found != leaders_.end()) compare(own.hash, found->second);
  leaders_.erase(leaders_.begin(), leaders_.upper_bound(own.index));
}

void StateHashes::note_leaders(const std::vector<raft::StateHash>& hashes, LogIndex applied) {
  for (const raft::StateHash& theirs : hashes) {
    if (const auto own = own_.find(theirs.index); own != own_.end()) {
      compare(own->second, theirs.hash);
    } else if (theirs.index > applied && leaders_.size() < kept_) {
      leaders_.emplace(theirs.index, theirs.hash);
    }
  }
}

}  // namespace lockstep

#include "protocol/raft/durability.hpp"

#include <algorithm>

namespace lockstep::raft {

void Durability::started(WriteId write, LogIndex first, LogIndex last, Time now) {
  pending_.push_back({write, first, last, now, false});
}

void Durability::truncated_from(LogIndex first) {
  durable_ = std::min(durable_, first.previous());
  for (Pending& pending : pending_) pending.last = std::min(pending.last, first.previous());
}

void Durability::completed(WriteId write) {
  const auto found = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.write == write; });
  if (found == pending_.end()) return;
  found->done = true;
  while (!pending_.empty() && pending_.front().done) {
    const Pending& oldest = pending_.front();
    if (oldest.last >= oldest.first) durable_ = std::max(durable_, oldest.last);
    pending_.pop_front();
  }
}

std::optional<Time> Durability::waiting_since() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.front().since;
}

}  // namespace lockstep::raft

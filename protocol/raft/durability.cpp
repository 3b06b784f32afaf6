// R3, the durable index: what writes under way may still raise it to, and what truncations take from it.

#include "protocol/raft/durability.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

void Durability::started(WriteId write, LogIndex first, LogIndex last, Time now) {
  INVARIANT(unfinished_.empty() || write > unfinished_.back().id, "writes are numbered in the order they are asked");
  unfinished_.push_back({.id = write, .first = first, .last = last, .since = now, .is_done = false});
}

void Durability::truncated_from(LogIndex first) {
  durable_ = std::min(durable_, first.previous());
  for (UnfinishedWrite& write : unfinished_) write.last = std::min(write.last, first.previous());
}

void Durability::persisted(WriteId write) {
  const auto found = std::find_if(unfinished_.begin(), unfinished_.end(),
                                  [&](const auto& unfinished) { return unfinished.id == write; });
  if (found == unfinished_.end()) return;
  found->is_done = true;
  while (!unfinished_.empty() && unfinished_.front().is_done) {
    const UnfinishedWrite& oldest = unfinished_.front();
    if (oldest.last >= oldest.first) durable_ = std::max(durable_, oldest.last);
    unfinished_.pop_front();
  }
}

std::optional<Time> Durability::waiting_since() const {
  if (unfinished_.empty()) return std::nullopt;
  return unfinished_.front().since;
}

void Durability::check_invariants(LogIndex last_index) const {
  INVARIANT(durable_ <= last_index, "nothing that the log does not hold counts as durable (R3)");
  INVARIANT(unfinished_.empty() || !unfinished_.front().is_done, "the oldest unfinished write is not done");
  WriteId before;
  for (const UnfinishedWrite& write : unfinished_) {
    INVARIANT(write.id > before, "writes are numbered in the order they are asked");
    INVARIANT(write.last <= last_index, "no write can make durable what the log does not hold (R3)");
    before = write.id;
  }
}

}  // namespace lockstep::raft

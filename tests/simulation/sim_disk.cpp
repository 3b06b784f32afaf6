#include "tests/simulation/sim_disk.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"

namespace lockstep::simulation {

void SimDisk::make_durable(const std::vector<raft::Entry>& entries, LogIndex first) {
  if (entries.empty()) return;
  INVARIANT(first.value() >= 1 && first.value() <= durable_.entries.size() + 1, "a write leaves no gap in the log");
  durable_.entries.resize(first.value() - 1);
  durable_.entries.insert(durable_.entries.end(), entries.begin(), entries.end());
  highest_ever_ = std::max(highest_ever_, LogIndex(durable_.entries.size()));
}

WriteId SimDisk::complete_oldest() {
  INVARIANT(!outstanding_.empty(), "a completion is scheduled for each write");
  const raft::Write write = std::move(outstanding_.front());
  outstanding_.pop_front();
  make_durable(write.entries, write.first);
  if (write.hard_state) durable_.hard_state = *write.hard_state;
  return write.id;
}

void SimDisk::crash(Random& random, Coverage& coverage) {
  std::uint64_t survivors = random.below(outstanding_.size() + 1);
  for (; survivors > 0; --survivors) complete_oldest();
  if (outstanding_.empty()) return;
  const raft::Write& torn = outstanding_.front();
  if (torn.hard_state && !torn.entries.empty() && random.one_in(2)) {
    make_durable(torn.entries, torn.first);
    coverage.note(Met::kWriteTorn);
  }
  coverage.note(Met::kWriteLost, outstanding_.size());
  outstanding_.clear();
}

void SimDisk::damage(Random& random, std::size_t kept) {
  durable_.entries.resize(kept + random.below(durable_.entries.size() - kept + 1));
  raft::HardState& hard_state = durable_.hard_state;
  hard_state.repair_until = std::max(hard_state.repair_until, highest_ever_);
}

}  // namespace lockstep::simulation

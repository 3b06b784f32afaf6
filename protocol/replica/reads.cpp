// Which read waits for which index or barrier, and the age of the state.
#include "protocol/replica/reads.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep {
Reads::Id Reads::add(Read read) {
  last_id_ = last_id_.next();
  deadlines_.add(read.deadline, last_id_);
  reads_.emplace(last_id_, WaitingRead{std::move(read), std::nullopt});
  return last_id_;
}

void Reads::must_see(Id id, LogIndex index) {
  reads_.at(id).index = index;
  by_index_.emplace(index, id);
}

void Reads::wait_for_index(LogIndex index, Read read) { must_see(add(std::move(read)), index); }

void Reads::wait_for_barrier(Read read) { joining_.insert(add(std::move(read))); }

bool Reads::barrier_is_due(Time now) const {
  const bool is_awaited = !joining_.empty() && under_way_.empty();
  return is_awaited || now >= next_barrier();
}

Time Reads::next_barrier() const {
  return under_way_.empty() ? last_sent_ + interval_ : under_way_.back().sent + patience_;
}

void Reads::barrier_sent(Time now, CallNumber number) {
  under_way_.push_back({number, now, {joining_.begin(), joining_.end()}});
  joining_.clear();
  last_sent_ = now;
  if (under_way_.size() <= max_barriers_) return;
  const std::vector<Id> oldest = std::move(under_way_.front().reads);
  under_way_.pop_front();
  auto& next = under_way_.front().reads;
  next.insert(next.begin(), oldest.begin(), oldest.end());
}

// It serves its own reads and all that came earlier.
void Reads::barrier_answered(CallNumber number, LogIndex index) {
  const auto answered = std::find_if(under_way_.begin(), under_way_.end(),
                                     [&](const ReadBarrier& barrier) { return barrier.number == number; });
  if (answered == under_way_.end()) return;
  confirmed_.push_back({index, answered->sent});
  const auto end = std::next(answered);
  for (auto barrier = under_way_.begin(); barrier != end; ++barrier) {
    for (const Id id : barrier->reads) {
      const auto found = reads_.find(id);
      if (found != reads_.end()) must_see(id, std::max(index, wire::at_least_of(found->second.read.what)));
    }
  }
  under_way_.erase(under_way_.begin(), end);
}

void Reads::leader_changed() {
  for (const ReadBarrier& barrier : under_way_) {
    for (const Id id : barrier.reads) {
      if (reads_.contains(id)) joining_.insert(id);
    }
  }
  under_way_.clear();
}

std::vector<Read> Reads::take_ready(LogIndex applied) {
  std::erase_if(confirmed_, [&](const Confirmed& barrier) {
    if (barrier.index > applied) return false;
    fresh_at_ = std::max(fresh_at_.value_or(barrier.sent), barrier.sent);
    return true;
  });
  std::vector<Read> ready;
  while (!by_index_.empty() && by_index_.begin()->first <= applied) {
    const Id id = by_index_.begin()->second;
    by_index_.erase(by_index_.begin());
    ready.push_back(std::move(reads_.extract(id).mapped().read));
    deadlines_.remove(ready.back().deadline, id);
  }
  return ready;
}

std::vector<TimedOut> Reads::take_timed_out(Time now) {
  std::vector<TimedOut> timed_out;
  for (const Id id : deadlines_.take_due(now)) {
    const WaitingRead late = std::move(reads_.extract(id).mapped());
    if (late.index) by_index_.erase({*late.index, id});
    joining_.erase(id);
    timed_out.push_back({late.read.asker, ErrorCode::kUnavailable});
  }
  return timed_out;
}

std::optional<Duration> Reads::age(Time now) const {
  if (!fresh_at_) return std::nullopt;
  return now - *fresh_at_;
}

void Reads::check_invariants() const {
  std::size_t found = by_index_.size() + joining_.size();
  for (const ReadBarrier& barrier : under_way_) {
    for (const Id id : barrier.reads) found += reads_.contains(id) ? 1 : 0;
  }
  INVARIANT(found == reads_.size(), "every read waits for an index, for a barrier or for its answer");
  INVARIANT(deadlines_.size() == reads_.size(), "every read times out");
  INVARIANT(under_way_.size() <= max_barriers_, "barriers under way are bounded");
}

}  // namespace lockstep

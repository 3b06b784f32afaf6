// Renewals: which barrier carries them, and what its answer says of each.
#include "protocol/replica/keep_alives.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep {

bool KeepAlives::add(Time now, Asker asker, SessionId session) {
  if (size() >= max_size_) return false;
  add(now, std::optional(asker), session);
  return true;
}

void KeepAlives::add_sign_of_life(Time now, SessionId session) {
  if (size() < max_size_) add(now, std::nullopt, session);
}

void KeepAlives::add(Time now, std::optional<Asker> asker, SessionId session) {
  last_id_ = last_id_.next();
  renewals_.emplace(last_id_, PendingRenewal{asker, session, now + lifetime_, false});
  deadlines_.add(now + lifetime_, last_id_);
  waiting_.push_back(last_id_);
}

KeepAlives::PendingRenewal KeepAlives::take(Id id) {
  PendingRenewal renewal = std::move(renewals_.extract(id).mapped());
  deadlines_.remove(renewal.deadline, id);
  return renewal;
}

std::vector<SessionId> KeepAlives::renewals() const {
  std::vector<SessionId> sessions;
  for (const Id id : waiting_) {
    if (sessions.size() == per_barrier_) break;
    sessions.push_back(renewals_.at(id).session);
  }
  return sessions;
}

void KeepAlives::barrier_sent(Time now, CallNumber number) {
  if (waiting_.empty()) return;
  last_sent_ = now;
  const std::size_t count = std::min(waiting_.size(), per_barrier_);
  const auto end = std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(count));
  RenewalBarrier barrier{number, LogIndex(), {waiting_.begin(), end}, {}};
  waiting_.erase(waiting_.begin(), end);
  for (const Id id : barrier.renewals) renewals_.at(id).sent = true;
  under_way_.push_back(std::move(barrier));
}

// An answer that does not speak of every renewal says nothing of any.
void KeepAlives::barrier_answered(CallNumber number, LogIndex index, const std::vector<raft::Renewal>& verdicts) {
  const auto barrier = std::find_if(under_way_.begin(), under_way_.end(),
                                    [&](const RenewalBarrier& candidate) { return candidate.number == number; });
  if (barrier == under_way_.end()) return;
  barrier->index = index;
  barrier->verdicts = verdicts;
  if (verdicts.size() != barrier->renewals.size()) {
    barrier->verdicts.assign(barrier->renewals.size(), raft::Renewal::kUnknown);
  }
  answered_.push_back(std::move(*barrier));
  under_way_.erase(barrier);
}

std::vector<Asker> KeepAlives::leader_changed() {
  std::vector<Asker> lost;
  for (const RenewalBarrier& barrier : under_way_) {
    for (const Id id : barrier.renewals) {
      if (!renewals_.contains(id)) continue;
      if (const PendingRenewal renewal = take(id); renewal.asker) lost.push_back(*renewal.asker);
    }
  }
  under_way_.clear();
  return lost;
}

std::vector<KeepAlives::Answered> KeepAlives::take_answered(LogIndex applied) {
  std::vector<Answered> answered;
  std::erase_if(answered_, [&](const RenewalBarrier& barrier) {
    if (barrier.index > applied) return false;
    for (std::size_t i = 0; i < barrier.renewals.size(); ++i) {
      if (!renewals_.contains(barrier.renewals[i])) continue;
      const PendingRenewal renewal = take(barrier.renewals[i]);
      if (renewal.asker) answered.push_back({*renewal.asker, renewal.session, barrier.verdicts[i]});
    }
    return true;
  });
  return answered;
}

std::vector<TimedOut> KeepAlives::take_timed_out(Time now) {
  std::vector<TimedOut> timed_out;
  if (now < next_deadline()) return timed_out;
  for (const Id id : deadlines_.take_due(now)) {
    const PendingRenewal renewal = std::move(renewals_.extract(id).mapped());
    if (renewal.asker) {
      timed_out.push_back({*renewal.asker, renewal.sent ? ErrorCode::kUnavailable : ErrorCode::kNoLeader});
    }
  }
  while (!waiting_.empty() && !renewals_.contains(waiting_.front())) waiting_.pop_front();
  for (auto* barriers : {&under_way_, &answered_}) {
    std::erase_if(*barriers, [&](const RenewalBarrier& barrier) { return is_empty(barrier); });
  }
  return timed_out;
}

// They time out in the order in which they came, so the newest is the last to go.
bool KeepAlives::is_empty(const RenewalBarrier& barrier) const { return !renewals_.contains(barrier.renewals.back()); }

void KeepAlives::check_invariants() const {
  std::size_t found = waiting_.size();
  for (const Id id : waiting_) INVARIANT(!renewals_.at(id).sent, "a renewal that waits was not sent");
  for (const auto* barriers : {&under_way_, &answered_}) {
    for (const RenewalBarrier& barrier : *barriers) {
      for (const Id id : barrier.renewals) found += renewals_.contains(id) ? 1 : 0;
    }
  }
  INVARIANT(found == renewals_.size(), "every renewal waits for a barrier or is in one");
  INVARIANT(deadlines_.size() == renewals_.size(), "every renewal times out");
}

}  // namespace lockstep

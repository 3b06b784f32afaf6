// Leases in the order of their ends, on a clock that advances only while a quorum answers.
#include "protocol/replica/leases.hpp"

#include <algorithm>

namespace lockstep {

void Leases::begin(Time now) {
  leases_.clear();
  by_end_.clear();
  healthy_time_ = Duration::zero();
  last_advance_ = now;
}

void Leases::advance(Time now, bool healthy) {
  const Duration elapsed = std::max(now - last_advance_, Duration::zero());
  if (elapsed < tick_) return;
  last_advance_ = now;
  if (healthy) healthy_time_ += std::min(elapsed, 2 * tick_);
}

void Leases::start(SessionId session, Duration duration) {
  Lease& lease = leases_[session];
  if (lease.expiring) return;
  by_end_.erase({lease.ends, session});
  lease.duration = duration;
  // What has passed since the last advance() is not in healthy_time_ yet, and is at most so much.
  lease.ends = healthy_time_ + 2 * tick_ + duration;
  by_end_.insert({lease.ends, session});
}

void Leases::renew(SessionId session) {
  if (const auto found = leases_.find(session); found != leases_.end()) start(session, found->second.duration);
}

void Leases::forget(SessionId session) {
  const auto found = leases_.find(session);
  if (found == leases_.end()) return;
  by_end_.erase({found->second.ends, session});
  leases_.erase(found);
}

bool Leases::is_expiring(SessionId session) const {
  const auto found = leases_.find(session);
  return found != leases_.end() && found->second.expiring;
}

std::vector<SessionId> Leases::take_expired() {
  std::vector<SessionId> expired;
  while (!by_end_.empty() && by_end_.begin()->first <= healthy_time_) {
    const SessionId session = by_end_.begin()->second;
    by_end_.erase(by_end_.begin());
    leases_.at(session).expiring = true;
    expired.push_back(session);
  }
  return expired;
}

void Leases::put_back(SessionId session) {
  Lease& lease = leases_.at(session);
  lease.expiring = false;
  by_end_.insert({lease.ends, session});
}

Time Leases::next_deadline() const { return by_end_.empty() ? Time::max() : last_advance_ + tick_; }

}  // namespace lockstep

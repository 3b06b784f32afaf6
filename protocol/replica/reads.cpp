#include "protocol/replica/reads.hpp"

#include <algorithm>
#include <iterator>

namespace lockstep {

void Reads::note_expiry(const Read& read) { next_expiry_ = std::min(next_expiry_, read.expires); }

void Reads::wait_for_index(LogIndex index, Read read) {
  note_expiry(read);
  by_index_.emplace(index, std::move(read));
}

void Reads::wait_for_barrier(Read read) {
  note_expiry(read);
  joining_.push_back(std::move(read));
}

bool Reads::barrier_is_due(Time now) const {
  if (flight_) return now >= flight_->sent + patience_;
  return !joining_.empty() || now >= last_sent_ + interval_;
}

void Reads::barrier_sent(Time now, CallNumber number) {
  flight_ = Flight{number, now};
  last_sent_ = now;
  std::move(joining_.begin(), joining_.end(), std::back_inserter(joined_));
  joining_.clear();
}

void Reads::barrier_answered(CallNumber number, LogIndex index) {
  if (!flight_ || flight_->number != number) return;
  confirmed_.push_back({index, flight_->sent});
  flight_.reset();
  for (Read& read : joined_) {
    const LogIndex at_least = std::visit([](const auto& what) { return what.at_least; }, read.what);
    by_index_.emplace(std::max(index, at_least), std::move(read));
  }
  joined_.clear();
}

void Reads::leader_changed() {
  flight_.reset();
  std::move(joined_.begin(), joined_.end(), std::back_inserter(joining_));
  joined_.clear();
}

std::vector<Read> Reads::take_ready(LogIndex applied) {
  std::erase_if(confirmed_, [&](const Confirmed& barrier) {
    if (barrier.index > applied) return false;
    fresh_at_ = std::max(fresh_at_.value_or(barrier.sent), barrier.sent);
    return true;
  });
  std::vector<Read> ready;
  const auto end = by_index_.upper_bound(applied);
  for (auto it = by_index_.begin(); it != end; ++it) ready.push_back(std::move(it->second));
  by_index_.erase(by_index_.begin(), end);
  return ready;
}

std::vector<Read> Reads::take_expired(Time now) {
  if (now < next_expiry_) return {};
  std::vector<Read> expired;
  next_expiry_ = Time::max();
  const auto is_expired = [&](Read& read) {
    if (read.expires > now) {
      note_expiry(read);
      return false;
    }
    expired.push_back(std::move(read));
    return true;
  };
  for (auto it = by_index_.begin(); it != by_index_.end();) {
    it = is_expired(it->second) ? by_index_.erase(it) : std::next(it);
  }
  for (std::vector<Read>* reads : {&joined_, &joining_}) {
    std::vector<Read> living;
    for (Read& read : *reads) {
      if (!is_expired(read)) living.push_back(std::move(read));
    }
    *reads = std::move(living);
  }
  return expired;
}

std::optional<Duration> Reads::age(Time now) const {
  if (!fresh_at_) return std::nullopt;
  return now - *fresh_at_;
}

Time Reads::next_deadline() const {
  const Time barrier = flight_ ? flight_->sent + patience_ : last_sent_ + interval_;
  return std::min(barrier, next_expiry_);
}

}  // namespace lockstep

#include "protocol/replica/reads.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/move_to_end.hpp"

namespace lockstep {
namespace {

// Beyond so many the oldest is given up: its reads wait for the one after it.
constexpr std::size_t kMaxFlights = 64;

}  // namespace

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
  if (!flights_.empty()) return now >= flights_.back().sent + patience_;
  return !joining_.empty() || now >= last_sent_ + interval_;
}

void Reads::barrier_sent(Time now, CallNumber number) {
  flights_.push_back({number, now, std::exchange(joining_, {})});
  last_sent_ = now;
  if (flights_.size() <= kMaxFlights) return;
  std::vector<Read> oldest = std::move(flights_.front().reads);
  flights_.pop_front();
  move_to_end(oldest, flights_.front().reads);
}

// It serves its own reads and all that came earlier.
void Reads::barrier_answered(CallNumber number, LogIndex index) {
  const auto answered =
      std::find_if(flights_.begin(), flights_.end(), [&](const Flight& flight) { return flight.number == number; });
  if (answered == flights_.end()) return;
  confirmed_.push_back({index, answered->sent});
  const auto end = std::next(answered);
  for (auto flight = flights_.begin(); flight != end; ++flight) {
    for (Read& read : flight->reads) {
      const LogIndex at_least = std::visit([](const auto& what) { return what.at_least; }, read.what);
      by_index_.emplace(std::max(index, at_least), std::move(read));
    }
  }
  flights_.erase(flights_.begin(), end);
}

void Reads::leader_changed() {
  for (Flight& flight : flights_) move_to_end(flight.reads, joining_);
  flights_.clear();
}

std::size_t Reads::size() const {
  std::size_t reads = by_index_.size() + joining_.size();
  for (const Flight& flight : flights_) reads += flight.reads.size();
  return reads;
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
  for (auto it = by_index_.begin(); it != by_index_.end();) {
    if (it->second.expires > now) {
      note_expiry(it->second);
      ++it;
    } else {
      expired.push_back(std::move(it->second));
      it = by_index_.erase(it);
    }
  }
  const auto expire_in = [&](std::vector<Read>& reads) {
    const auto late = std::stable_partition(reads.begin(), reads.end(), [&](const Read& r) { return r.expires > now; });
    std::for_each(reads.begin(), late, [&](const Read& read) { note_expiry(read); });
    std::move(late, reads.end(), std::back_inserter(expired));
    reads.erase(late, reads.end());
  };
  for (Flight& flight : flights_) expire_in(flight.reads);
  expire_in(joining_);
  return expired;
}

std::optional<Duration> Reads::age(Time now) const {
  if (!fresh_at_) return std::nullopt;
  return now - *fresh_at_;
}

Time Reads::next_deadline() const {
  const Time barrier = flights_.empty() ? last_sent_ + interval_ : flights_.back().sent + patience_;
  return std::min(barrier, next_expiry_);
}

}  // namespace lockstep

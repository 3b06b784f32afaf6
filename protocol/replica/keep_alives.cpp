#include "protocol/replica/keep_alives.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/wire/limits.hpp"

namespace lockstep {

bool KeepAlives::add(Time now, Asker asker, SessionId session) { return add(now, std::optional(asker), session); }

void KeepAlives::add_sign_of_life(Time now, SessionId session) { add(now, std::nullopt, session); }

bool KeepAlives::add(Time now, std::optional<Asker> asker, SessionId session) {
  if (size_ >= max_size_) return false;
  waiting_.push_back({asker, session, now + lifetime_});
  ++size_;
  return true;
}

bool KeepAlives::barrier_is_due(Time now) const { return now >= next_barrier(); }

Time KeepAlives::next_barrier() const { return waiting_.empty() ? Time::max() : last_sent_ + interval_; }

std::vector<SessionId> KeepAlives::renewals() const {
  std::vector<SessionId> sessions;
  for (const Request& request : waiting_) {
    if (sessions.size() == wire::kMaxRenewals) break;
    sessions.push_back(request.session);
  }
  return sessions;
}

void KeepAlives::barrier_sent(Time now, CallNumber number) {
  const std::size_t count = std::min(waiting_.size(), wire::kMaxRenewals);
  if (count == 0) return;
  last_sent_ = now;
  const auto end = std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(count));
  Flight flight{number, LogIndex(), {waiting_.begin(), end}, count};
  waiting_.erase(waiting_.begin(), end);
  flights_.push_back(std::move(flight));
}

void KeepAlives::barrier_answered(CallNumber number, LogIndex index, const std::vector<raft::Renewal>& verdicts) {
  const auto is_it = [&](const Flight& flight) { return flight.number == number; };
  const auto flight = std::find_if(flights_.begin(), flights_.end(), is_it);
  if (flight == flights_.end()) return;
  flight->index = index;
  if (verdicts.size() == flight->count) {  // those that were given up meanwhile were the oldest
    auto verdict = verdicts.end() - static_cast<std::ptrdiff_t>(flight->requests.size());
    for (Request& request : flight->requests) request.verdict = *verdict++;
  }
  confirmed_.push_back(std::move(*flight));
  flights_.erase(flight);
}

std::vector<Asker> KeepAlives::leader_changed() {
  std::vector<Asker> lost;
  for (const Flight& flight : flights_) {
    size_ -= flight.requests.size();
    for (const Request& request : flight.requests) {
      if (request.asker) lost.push_back(*request.asker);
    }
  }
  flights_.clear();
  return lost;
}

std::vector<KeepAlives::Answered> KeepAlives::take_answered(LogIndex applied) {
  std::vector<Answered> answered;
  std::erase_if(confirmed_, [&](const Flight& flight) {
    if (flight.index > applied) return false;
    size_ -= flight.requests.size();
    for (const Request& request : flight.requests) {
      if (request.asker) answered.push_back({*request.asker, request.session, request.verdict});
    }
    return true;
  });
  return answered;
}

void KeepAlives::expire(Time now, std::deque<Request>& requests, bool sent, std::vector<Expired>& expired) {
  while (!requests.empty() && requests.front().expires <= now) {
    if (requests.front().asker) expired.push_back({*requests.front().asker, sent});
    requests.pop_front();
    --size_;
  }
}

std::vector<KeepAlives::Expired> KeepAlives::take_expired(Time now) {
  std::vector<Expired> expired;
  if (now < next_expiry()) return expired;
  for (std::vector<Flight>* flights : {&confirmed_, &flights_}) {
    for (Flight& flight : *flights) expire(now, flight.requests, true, expired);
    std::erase_if(*flights, [](const Flight& flight) { return flight.requests.empty(); });
  }
  expire(now, waiting_, false, expired);
  return expired;
}

Time KeepAlives::next_expiry() const {
  Time next = waiting_.empty() ? Time::max() : waiting_.front().expires;
  for (const std::vector<Flight>* flights : {&confirmed_, &flights_}) {
    for (const Flight& flight : *flights) next = std::min(next, flight.requests.front().expires);
  }
  return next;
}

}  // namespace lockstep

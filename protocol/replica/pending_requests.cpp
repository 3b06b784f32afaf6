#include "protocol/replica/pending_requests.hpp"

namespace lockstep {

std::size_t PendingRequests::weight(const Pending& pending) {
  return sizeof(Pending) + pending.command.size() + pending.askers.size() * sizeof(Asker);
}

bool PendingRequests::add(Time now, const locks::RequestKey& key, std::string command, Asker asker) {
  const std::size_t most = sizeof(Pending) + sizeof(Asker) + command.size();
  if (bytes_ + most > max_bytes_) return false;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    requests_.at(found->second).askers.push_back(asker);
    bytes_ += sizeof(Asker);
    return true;
  }
  const Arrival arrival = ++last_arrival_;
  Pending pending{key, std::move(command), {asker}, now + lifetime_, true, false, false};
  bytes_ += weight(pending);
  requests_.emplace(arrival, std::move(pending));
  by_key_.emplace(key, arrival);
  due_.push_back(arrival);
  return true;
}

void PendingRequests::erase(std::map<Arrival, Pending>::iterator found) {
  bytes_ -= weight(found->second);
  by_key_.erase(found->second.key);
  requests_.erase(found);
}

std::vector<Asker> PendingRequests::complete(const locks::RequestKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  const auto pending = requests_.find(found->second);
  std::vector<Asker> askers = pending->second.askers;
  erase(pending);
  forget_answered();
  return askers;
}

std::vector<PendingRequests::Due> PendingRequests::take_due(Time now, std::size_t max_bytes) {
  std::vector<Due> taken;
  std::size_t bytes = 0;
  while (!due_.empty()) {
    const auto found = requests_.find(due_.front());
    if (found != requests_.end()) {
      Pending& pending = found->second;
      bytes += pending.command.size();
      if (!taken.empty() && bytes > max_bytes) break;
      taken.push_back({pending.key, pending.command, pending.handed_on});
      pending.due = pending.refused = false;
      pending.handed_on = true;
      handed_on_.emplace_back(now, found->first);
    }
    due_.pop_front();
  }
  return taken;
}

void PendingRequests::hand_on_again() {
  due_.clear();
  handed_on_.clear();
  for (auto& [arrival, pending] : requests_) {
    pending.due = true;
    due_.push_back(arrival);
  }
}

void PendingRequests::was_refused(const locks::RequestKey& key) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) requests_.at(found->second).refused = true;
}

void PendingRequests::hand_on_again_since(Time then, bool leads) {
  while (!handed_on_.empty() && handed_on_.front().first <= then) {
    const auto found = requests_.find(handed_on_.front().second);
    if (found != requests_.end() && !found->second.due && (!leads || found->second.refused)) {
      found->second.due = true;
      due_.push_back(found->first);
    }
    handed_on_.pop_front();
  }
}

std::optional<Time> PendingRequests::oldest_handed_on() const {
  if (handed_on_.empty()) return std::nullopt;
  return handed_on_.front().first;
}

// Requests are answered roughly in the order they were handed on, so the answered ones gather in front.
void PendingRequests::forget_answered() {
  while (!handed_on_.empty() && !requests_.contains(handed_on_.front().second)) handed_on_.pop_front();
  while (!due_.empty() && !requests_.contains(due_.front())) due_.pop_front();
}

std::vector<PendingRequests::Expired> PendingRequests::expire(Time now) {
  std::vector<Expired> expired;
  while (!requests_.empty() && requests_.begin()->second.expires <= now) {
    const auto oldest = requests_.begin();
    expired.push_back({oldest->second.askers, oldest->second.handed_on});
    erase(oldest);
  }
  forget_answered();
  return expired;
}

std::optional<Time> PendingRequests::next_expiry() const {
  if (requests_.empty()) return std::nullopt;
  return requests_.begin()->second.expires;
}

}  // namespace lockstep

// Commands on their way to a leader and back.
#include "protocol/replica/pending_requests.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep {

std::size_t PendingRequests::weight(const PendingCommand& pending) {
  return sizeof(PendingCommand) + pending.command.size() + pending.askers.size() * sizeof(Asker);
}

bool PendingRequests::add(Time now, const locks::RequestKey& key, std::string command, Asker asker) {
  const std::size_t most = sizeof(PendingCommand) + sizeof(Asker) + command.size();
  if (bytes_ + most > max_bytes_) return false;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    requests_.at(found->second).askers.push_back(asker);
    bytes_ += sizeof(Asker);
    return true;
  }
  const Arrival arrival = last_arrival_ = last_arrival_.next();
  PendingCommand pending{key, std::move(command), {asker}, now + lifetime_, true, false, false};
  bytes_ += weight(pending);
  deadlines_.add(pending.deadline, arrival);
  requests_.emplace(arrival, std::move(pending));
  by_key_.emplace(key, arrival);
  due_.push_back(arrival);
  return true;
}

std::vector<Asker> PendingRequests::erase(std::map<Arrival, PendingCommand>::iterator found) {
  INVARIANT(bytes_ >= weight(found->second), "the bytes of a request were counted when it came");
  bytes_ -= weight(found->second);
  by_key_.erase(found->second.key);
  std::vector<Asker> askers = std::move(found->second.askers);
  requests_.erase(found);
  return askers;
}

std::vector<Asker> PendingRequests::complete(const locks::RequestKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  const auto pending = requests_.find(found->second);
  deadlines_.remove(pending->second.deadline, pending->first);
  std::vector<Asker> askers = erase(pending);
  forget_answered();
  return askers;
}

std::vector<PendingRequests::Due> PendingRequests::take_due(Time now, std::size_t max_bytes) {
  std::vector<Due> taken;
  std::size_t bytes = 0;
  while (!due_.empty()) {
    const auto found = requests_.find(due_.front());
    if (found != requests_.end()) {
      PendingCommand& pending = found->second;
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

std::vector<TimedOut> PendingRequests::take_timed_out(Time now) {
  std::vector<TimedOut> timed_out;
  for (const Arrival arrival : deadlines_.take_due(now)) {
    const auto oldest = requests_.find(arrival);
    const ErrorCode code = oldest->second.handed_on ? ErrorCode::kUnavailable : ErrorCode::kNoLeader;
    for (const Asker& asker : erase(oldest)) timed_out.push_back({asker, code});
  }
  forget_answered();
  return timed_out;
}

void PendingRequests::check_invariants() const {
  std::size_t bytes = 0;
  for (const auto& [arrival, pending] : requests_) {
    bytes += weight(pending);
    INVARIANT(!pending.askers.empty(), "somebody waits for every request");
    INVARIANT(by_key_.at(pending.key) == arrival, "a request is found by its key");
    INVARIANT(pending.due || pending.handed_on, "a request was handed on or is due");
  }
  INVARIANT(bytes == bytes_ && bytes <= max_bytes_, "what is pending is counted and bounded");
  INVARIANT(by_key_.size() == requests_.size() && deadlines_.size() == requests_.size(),
            "every request has a key and a deadline");
}

}  // namespace lockstep

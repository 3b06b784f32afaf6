// Queues by name.
#include "nodes/client/name_queue.hpp"

#include <algorithm>

#include "nodes/system/clock.hpp"

namespace lockstep {

std::optional<NameQueue::Ticket> NameQueue::enter(const std::vector<std::string>& names,
                                                  std::optional<Duration> patience, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + std::min(patience.value_or(kForEver), kForEver);
  CheckedLock lock(mutex_);
  const std::uint64_t number = ++last_;
  for (const std::string& name : names) queues_[name].push_back(number);
  const auto is_served = [&]() REQUIRES(mutex_) { return is_closed_ || is_first(names, number); };
  const bool served = changed_.wait_until(mutex_, stop, deadline, is_served);
  lock.unlock();
  Ticket ticket(shared_from_this(), names, number);
  if (!served) return std::nullopt;
  return ticket;
}

NameQueue::Ticket NameQueue::enter_first(const std::vector<std::string>& names) {
  const CheckedLock lock(mutex_);
  const std::uint64_t number = ++last_;
  for (const std::string& name : names) queues_[name].push_front(number);
  return Ticket(shared_from_this(), names, number);
}

void NameQueue::close() {
  const CheckedLock lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

void NameQueue::leave(const std::vector<std::string>& names, std::uint64_t number) {
  const CheckedLock lock(mutex_);
  for (const std::string& name : names) {
    const auto queue = queues_.find(name);
    std::erase(queue->second, number);
    if (queue->second.empty()) queues_.erase(queue);
  }
  changed_.notify_all();
}

bool NameQueue::is_first(const std::vector<std::string>& names, std::uint64_t number) const {
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) REQUIRES(mutex_) { return queues_.at(name).front() == number; });
}

}  // namespace lockstep

#include "nodes/client/name_queue.hpp"

#include <algorithm>

namespace lockstep {
namespace {

constexpr Duration kForEver = std::chrono::hours(24 * 365);  // more cannot be added to a clock's time without care

}  // namespace

std::optional<NameQueue::Ticket> NameQueue::enter(const std::vector<std::string>& names,
                                                  std::optional<Duration> patience, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const std::uint64_t number = ++last_;
  for (const std::string& name : names) queues_[name].push_back(number);
  if (patience && *patience > kForEver) patience.reset();
  const auto is_served = [&] { return is_first(names, number); };
  const bool served =
      patience ? changed_.wait_for(lock, stop, *patience, is_served) : changed_.wait(lock, stop, is_served);
  lock.unlock();
  Ticket ticket(shared_from_this(), names, number);
  if (!served) return std::nullopt;
  return ticket;
}

NameQueue::Ticket NameQueue::enter_first(const std::vector<std::string>& names) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = ++last_;
  for (const std::string& name : names) queues_[name].push_front(number);
  return Ticket(shared_from_this(), names, number);
}

void NameQueue::leave(const std::vector<std::string>& names, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : names) {
    const auto queue = queues_.find(name);
    std::erase(queue->second, number);
    if (queue->second.empty()) queues_.erase(queue);
  }
  changed_.notify_all();
}

bool NameQueue::is_first(const std::vector<std::string>& names, std::uint64_t number) const {
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return queues_.at(name).front() == number; });
}

}  // namespace lockstep

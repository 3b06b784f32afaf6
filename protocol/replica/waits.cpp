// Which Waits concern which waiter.
#include "protocol/replica/waits.hpp"

#include <algorithm>
#include <utility>

namespace lockstep {

void Waits::add(WaitPoll wait, Time times_out) {
  const LogIndex index = std::max(wait.what.at_least, LogIndex(wait.what.waiter.value()));
  polls_.wait_for_index(index, std::move(wait), times_out);
}

void Waits::hold(WaitPoll wait) {
  const WaiterId waiter = wait.what.waiter;
  by_waiter_.emplace(waiter, polls_.hold(std::move(wait)));
}

std::vector<WaitPoll> Waits::settle(WaiterId waiter) {
  std::vector<WaitPoll> settled;
  const auto first = by_waiter_.lower_bound({waiter, {}});
  const auto last = by_waiter_.lower_bound({waiter.next(), {}});
  for (auto it = first; it != last; ++it) settled.push_back(polls_.take(it->second));
  by_waiter_.erase(first, last);
  return settled;
}

std::vector<WaitPoll> Waits::take_held() {
  std::vector<WaitPoll> held;
  for (const auto& [waiter, id] : by_waiter_) held.push_back(polls_.take(id));
  by_waiter_.clear();
  return held;
}

std::vector<WaitPoll> Waits::take_ended(Time now) {
  std::vector<WaitPoll> ended;
  for (auto& [id, wait] : polls_.take_ended(now)) {
    by_waiter_.erase({wait.what.waiter, id});
    ended.push_back(std::move(wait));
  }
  return ended;
}

}  // namespace lockstep

// What will happen when: actions in order of time, and of their arrival where times are equal, so that
// one seed always gives one history.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "protocol/base/types.hpp"

namespace lockstep::simulation {

class Scheduler {
 public:
  using Action = std::function<void()>;

  Time now() const { return now_; }
  bool is_empty() const { return queue_.empty(); }

  // What is due in the past happens next.
  void at(Time when, Action action) {
    queue_.push_back({std::max(when, now_), next_number_++, std::move(action)});
    std::push_heap(queue_.begin(), queue_.end(), comes_later);
  }
  void in(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  void run_next() {
    std::pop_heap(queue_.begin(), queue_.end(), comes_later);
    const Action action = std::move(queue_.back().action);
    now_ = queue_.back().when;
    queue_.pop_back();
    action();
  }

 private:
  struct Planned {
    Time when{};
    std::uint64_t number = 0;
    Action action;
  };
  static bool comes_later(const Planned& a, const Planned& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }

  std::vector<Planned> queue_;  // a heap
  std::uint64_t next_number_ = 0;
  Time now_{};
};

}  // namespace lockstep::simulation

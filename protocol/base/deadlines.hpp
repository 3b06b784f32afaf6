// Which of many things has run out of time: each has an id and a deadline.
//
// The owner keeps the things themselves, and tells when one is added, is gone, or has another deadline. Every call
// costs what it concerns: nothing here walks over all that is kept.
//
// Invariant: an id is in here at most once with one deadline; the owner names the same deadline when it removes the id.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "protocol/base/invariant.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

template <typename Id>
class Deadlines {
 public:
  void add(Time deadline, const Id& id) {
    const bool is_new = by_time_.emplace(deadline, id).second;
    INVARIANT(is_new, "a deadline is added once");
  }
  void remove(Time deadline, const Id& id) {
    const std::size_t removed = by_time_.erase({deadline, id});
    INVARIANT(removed == 1, "a deadline that is removed was added");
  }
  // Those whose deadline is at or before `now`, earliest first. They are not in here any more.
  std::vector<Id> take_due(Time now) {
    std::vector<Id> due;
    while (!by_time_.empty() && by_time_.begin()->first <= now) {
      due.push_back(std::move(by_time_.extract(by_time_.begin()).value().second));
    }
    return due;
  }
  // Time::max() if there is none.
  Time next() const { return by_time_.empty() ? Time::max() : by_time_.begin()->first; }
  std::size_t size() const { return by_time_.size(); }

 private:
  std::set<std::pair<Time, Id>> by_time_;
};

}  // namespace lockstep

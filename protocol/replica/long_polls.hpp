// Requests that are held back until something happens, or until their time is up: the part that does not depend on
// what they ask.
//
// A poll first waits until an index is applied here. If that takes too long it times out, like any read. Then its owner
// looks at it, and answers or holds it. A poll that is held ends at its own time and is answered as things then stand;
// it is never dropped.
//
// Invariant: every poll that is added is returned exactly once.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/base/deadlines.hpp"
#include "protocol/base/types.hpp"
#include "protocol/replica/asker.hpp"

namespace lockstep {

template <typename What>
struct Poll {
  Asker asker;
  What what;
  Time ends{};  // when it is answered, whatever there is to say
};

template <typename What>
class LongPolls {
 public:
  using Id = Ordinal<struct PollIdTag>;

  void wait_for_index(LogIndex index, Poll<What> poll, Time times_out) {
    last_id_ = last_id_.next();
    early_.emplace(last_id_, Early{std::move(poll), index, times_out});
    by_index_.emplace(index, last_id_);
    timeouts_.add(times_out, last_id_);
  }
  // Those whose index is applied, in order of index.
  std::vector<Poll<What>> take_ready(LogIndex applied) {
    std::vector<Poll<What>> ready;
    while (!by_index_.empty() && by_index_.begin()->first <= applied) {
      const Id id = by_index_.begin()->second;
      timeouts_.remove(early_.at(id).times_out, id);
      ready.push_back(take_early(id));
    }
    return ready;
  }
  // Those that have waited for their index for too long.
  std::vector<TimedOut> take_timed_out(Time now) {
    std::vector<TimedOut> timed_out;
    for (const Id id : timeouts_.take_due(now)) timed_out.push_back({take_early(id).asker, ErrorCode::kUnavailable});
    return timed_out;
  }

  Id hold(Poll<What> poll) {
    last_id_ = last_id_.next();
    ends_.add(poll.ends, last_id_);
    held_.emplace(last_id_, std::move(poll));
    return last_id_;
  }
  Poll<What> take(Id id) {
    auto node = held_.extract(id);
    INVARIANT(!node.empty(), "a poll that is taken is held");
    ends_.remove(node.mapped().ends, id);
    return std::move(node.mapped());
  }
  // Of those that are held, the ones whose time is up, earliest first.
  std::vector<std::pair<Id, Poll<What>>> take_ended(Time now) {
    std::vector<std::pair<Id, Poll<What>>> ended;
    for (const Id id : ends_.take_due(now)) ended.emplace_back(id, std::move(held_.extract(id).mapped()));
    return ended;
  }

  // When take_timed_out() or take_ended() next has something.
  Time next_deadline() const { return std::min(timeouts_.next(), ends_.next()); }
  std::size_t size() const { return early_.size() + held_.size(); }
  bool is_idle() const {
    return early_.empty() && held_.empty() && by_index_.empty() && timeouts_.size() == 0 && ends_.size() == 0;
  }

  void check_invariants() const {
    INVARIANT(by_index_.size() == early_.size() && timeouts_.size() == early_.size(),
              "every poll that waits for an index can time out");
    INVARIANT(ends_.size() == held_.size(), "every poll that is held ends");
  }

 private:
  struct Early {
    Poll<What> poll;
    LogIndex index;
    Time times_out{};
  };
  Poll<What> take_early(Id id) {
    auto node = early_.extract(id);
    by_index_.erase({node.mapped().index, id});
    return std::move(node.mapped().poll);
  }

  std::map<Id, Early> early_;
  std::set<std::pair<LogIndex, Id>> by_index_;  // of `early_`
  Deadlines<Id> timeouts_;                      // of `early_`
  std::map<Id, Poll<What>> held_;
  Deadlines<Id> ends_;  // of `held_`
  Id last_id_;
};

}  // namespace lockstep

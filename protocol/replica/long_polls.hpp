// Requests that are held back until something happens, or their time is over: the part that does not
// depend on what they ask.
//
// A poll first waits until an index is applied here, if it must; given up if that takes too long, like any
// read. Then it is looked at, and answered or held. One that is held is answered when its time is over,
// as things then stand; it is never dropped.
//
// Invariant: every poll added is returned exactly once.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/replica/pending_requests.hpp"

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
  using Id = std::uint64_t;

  void wait_for_index(LogIndex index, Poll<What> poll, Time gives_up) {
    next_give_up_ = std::min(next_give_up_, gives_up);
    by_index_.emplace(index, Early{std::move(poll), gives_up});
  }
  // Those whose index is applied, in order of index.
  std::vector<Poll<What>> take_ready(LogIndex applied) {
    std::vector<Poll<What>> ready;
    const auto end = by_index_.upper_bound(applied);
    for (auto it = by_index_.begin(); it != end; ++it) ready.push_back(std::move(it->second.poll));
    by_index_.erase(by_index_.begin(), end);
    return ready;
  }
  // Those that have waited for their index for too long.
  std::vector<Asker> take_given_up(Time now) {
    std::vector<Asker> given_up;
    if (now < next_give_up_) return given_up;
    next_give_up_ = Time::max();
    std::erase_if(by_index_, [&](const auto& early) {
      if (early.second.gives_up <= now) {
        given_up.push_back(early.second.poll.asker);
        return true;
      }
      next_give_up_ = std::min(next_give_up_, early.second.gives_up);
      return false;
    });
    return given_up;
  }

  Id hold(Poll<What> poll) {
    by_end_.emplace(poll.ends, ++last_id_);
    held_.emplace(last_id_, std::move(poll));
    return last_id_;
  }
  Poll<What> take(Id id) {
    auto node = held_.extract(id);
    by_end_.erase({node.mapped().ends, id});
    return std::move(node.mapped());
  }
  // One of those whose time is over; none: none is.
  std::vector<Id> over(Time now) const {
    std::vector<Id> ids;
    for (auto it = by_end_.begin(); it != by_end_.end() && it->first <= now; ++it) ids.push_back(it->second);
    return ids;
  }

  // When take_given_up() or over() may next have something.
  Time next_deadline() const {
    return by_end_.empty() ? next_give_up_ : std::min(next_give_up_, by_end_.begin()->first);
  }
  std::size_t size() const { return by_index_.size() + held_.size(); }

 private:
  struct Early {
    Poll<What> poll;
    Time gives_up{};
  };
  std::multimap<LogIndex, Early> by_index_;
  Time next_give_up_ = Time::max();  // never after the first of them gives up
  std::map<Id, Poll<What>> held_;
  std::set<std::pair<Time, Id>> by_end_;
  Id last_id_ = 0;
};

}  // namespace lockstep

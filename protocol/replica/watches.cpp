// Who watches what, and what a watcher is answered.
#include "protocol/replica/watches.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace lockstep {

void Watches::record(std::vector<locks::LockChange> changes) {
  for (const locks::LockChange& change : changes) wake(change);
  recent_.add(std::move(changes));
}

// Looks for each of the prefixes that the name has.
void Watches::wake(const locks::LockChange& change) {
  const std::string_view name = change.name;
  for (std::size_t length = 0; length <= name.size() && !by_prefix_.empty(); ++length) {
    const std::string_view prefix = name.substr(0, length);
    const auto first = by_prefix_.lower_bound({std::string(prefix), Id()});
    auto last = first;
    for (auto it = first; it != by_prefix_.end() && it->first == prefix; last = ++it) {
      woken_.push_back(polls_.take(it->second));
      woken_.back().what.from = change.index.previous();  // until here nothing had changed for it
    }
    by_prefix_.erase(first, last);
  }
}

void Watches::restart(LogIndex applied) {
  recent_.restart(applied);
  for (const auto& [prefix, id] : by_prefix_) woken_.push_back(polls_.take(id));
  by_prefix_.clear();
}

void Watches::add(WatchPoll watch, Time times_out) {
  const LogIndex from = watch.what.from;
  polls_.wait_for_index(from, std::move(watch), times_out);
}

std::vector<WatchPoll> Watches::take_ready(LogIndex applied) {
  std::vector<WatchPoll> ready = std::exchange(woken_, {});
  std::vector<WatchPoll> early = polls_.take_ready(applied);
  std::move(early.begin(), early.end(), std::back_inserter(ready));
  return ready;
}

std::optional<wire::WatchAnswer> Watches::answer(const wire::WatchRequest& watch, const locks::StateMachine& state,
                                                 LogIndex applied) const {
  wire::WatchAnswer answer;
  std::optional<RecentChanges::Part> part;
  if (watch.from) part = recent_.after(watch.from, watch.prefix, max_changes_);
  answer.reset = !part;
  answer.index = part ? part->last.value_or(applied) : applied;
  if (part) answer.changes = std::move(part->changes);

  const bool wants_page = answer.reset || !watch.after.empty();
  if (!wants_page) return answer.changes.empty() ? std::nullopt : std::optional(std::move(answer));
  if (answer.index < applied) {
    answer.more = true;  // a page is of the state as it is now, so first the changes up to now
    return answer;
  }
  locks::Page<locks::LockChange> page =
      state.holds(watch.prefix, answer.reset ? std::string() : watch.after, max_holds_);
  answer.locks = std::move(page.items);
  answer.more = page.more;
  return answer;
}

void Watches::hold(WatchPoll watch) {
  std::string prefix = watch.what.prefix;
  by_prefix_.emplace(std::move(prefix), polls_.hold(std::move(watch)));
}

std::vector<WatchPoll> Watches::take_ended(Time now) {
  std::vector<WatchPoll> ended;
  for (auto& [id, watch] : polls_.take_ended(now)) {
    by_prefix_.erase({watch.what.prefix, id});
    ended.push_back(std::move(watch));
  }
  return ended;
}

}  // namespace lockstep

// What the naive machine showed after each entry, so that an answer of a node is compared with what was so at the index
// that it names: locks, sessions, requests in line, and the history. Nothing is cut short here: the bounds of a page
// are PageChecker's.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/naive_machine.hpp"

namespace lockstep::simulation {

// The values of a key over time, for many keys.
template <typename Key, typename Value>
class Versions {
 public:
  // From `index` on. None: there is none any more.
  void note(LogIndex index, const Key& key, std::optional<Value> value) {
    auto& versions = versions_[key];
    const bool is_same = versions.empty() ? !value : versions.back().second == value;
    if (!is_same) versions.emplace_back(index, std::move(value));
  }

  std::optional<Value> at(const Key& key, LogIndex index) const {
    const auto found = versions_.find(key);
    return found == versions_.end() ? std::nullopt : version(found->second, index);
  }

  // Those that there were at `index`, in order of key, after `after`.
  std::vector<Value> all_after(const Key& after, LogIndex index) const {
    std::vector<Value> values;
    for (auto key = versions_.upper_bound(after); key != versions_.end(); ++key) {
      if (auto value = version(key->second, index)) values.push_back(*std::move(value));
    }
    return values;
  }

  // Whatever is there now and not in `keys` is gone from `index` on.
  template <typename Keys>
  void keep_only(LogIndex index, const Keys& keys) {
    for (auto& [key, versions] : versions_) {
      if (versions.back().second && !keys.contains(key)) versions.emplace_back(index, std::nullopt);
    }
  }

 private:
  using History = std::vector<std::pair<LogIndex, std::optional<Value>>>;

  static std::optional<Value> version(const History& versions, LogIndex index) {
    const auto later = std::upper_bound(versions.begin(), versions.end(), index,
                                        [](LogIndex wanted, const auto& version) { return wanted < version.first; });
    return later == versions.begin() ? std::nullopt : std::prev(later)->second;
  }

  std::map<Key, History> versions_;
};

struct PastSession {
  locks::SessionView view;
  LogIndex forced_at;
  friend bool operator==(const PastSession&, const PastSession&) = default;
};
struct PastWaiter {
  SessionId session;
  locks::WaiterState state;
  friend bool operator==(const PastWaiter&, const PastWaiter&) = default;
};

class Past {
 public:
  // The entry at `index` was applied, which may have changed these names.
  void note(LogIndex index, locks::NaiveMachine& machine, const std::set<std::string>& names);
  // An entry that is no command.
  void note_nothing() { events_.push_back(events_.empty() ? 0 : events_.back()); }

  std::optional<locks::LockView> lock(const std::string& name, LogIndex index) const { return locks_.at(name, index); }
  std::vector<locks::LockView> locks(const std::string& prefix, const std::string& after, LogIndex index) const;
  std::optional<PastSession> session(SessionId session, LogIndex index) const { return sessions_.at(session, index); }
  std::vector<PastSession> sessions(SessionId after, LogIndex index) const { return sessions_.all_after(after, index); }
  std::optional<PastWaiter> waiter(WaiterId waiter, LogIndex index) const { return waiters_.at(waiter, index); }
  // How many grants had ended, of all that ever were.
  std::uint64_t events(LogIndex index) const { return index ? events_.at(index.value() - 1) : 0; }

 private:
  Versions<std::string, locks::LockView> locks_;
  Versions<SessionId, PastSession> sessions_;
  Versions<WaiterId, PastWaiter> waiters_;
  std::vector<std::uint64_t> events_;  // by index
};

}  // namespace lockstep::simulation

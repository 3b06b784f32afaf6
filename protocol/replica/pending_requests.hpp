// The commands that clients asked of this node and that no applied entry has answered yet.
//
// Each waits under its request key until its entry is applied here, or its time is up. It is handed on once to each
// leader that this node comes to know, and again when no answer came for a while. That it runs only once is the state
// machine's concern. Several copies of one request wait as one.
//
// Invariant: every asker that is added is returned exactly once, by complete() or take_timed_out(). The bytes that are
// counted are those of the requests that are here.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/deadlines.hpp"
#include "protocol/base/types.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/replica/asker.hpp"

namespace lockstep {

class PendingRequests {
 public:
  PendingRequests(Duration lifetime, std::size_t max_bytes) : lifetime_(lifetime), max_bytes_(max_bytes) {}

  // False: too much is pending already, the request was not taken.
  bool add(Time now, const locks::RequestKey& key, std::string command, Asker asker);

  // The request was answered by an applied entry.
  std::vector<Asker> complete(const locks::RequestKey& key);

  struct Due {
    locks::RequestKey key;
    std::string command;
    bool handed_on_before = false;  // an earlier leader, or this one, may have it already
  };
  // The oldest commands that were not handed to the current leader yet, up to `max_bytes` of them but
  // at least one if there is one. From now on they count as handed on.
  std::vector<Due> take_due(Time now, std::size_t max_bytes);
  bool has_due() const { return !due_.empty(); }

  // This node leads, and could not take it now.
  void was_refused(const locks::RequestKey& key);

  // There is a new leader: everything is due again.
  void hand_on_again();
  // What was handed on at or before `then` and is still unanswered is due again: to a leader elsewhere all of it,
  // since Forwards may be lost, but of what this node proposed itself only what was refused.
  void hand_on_again_since(Time then, bool leads);
  std::optional<Time> oldest_handed_on() const;

  // Those whose time is up. kNoLeader if no leader can have the request.
  std::vector<TimedOut> take_timed_out(Time now);
  Time next_deadline() const { return deadlines_.next(); }

  std::size_t size() const { return requests_.size(); }
  // Nothing is here, nor counted, nor indexed.
  bool is_idle() const {
    return requests_.empty() && bytes_ == 0 && deadlines_.size() == 0 && by_key_.empty() && due_.empty() &&
           handed_on_.empty();
  }
  // Walks over all of them: for tests.
  void check_invariants() const;

 private:
  using Arrival = Ordinal<struct ArrivalTag>;
  struct PendingCommand {
    locks::RequestKey key;
    std::string command;
    std::vector<Asker> askers;
    Time deadline{};
    bool due = true;
    bool handed_on = false;
    bool refused = false;  // by this node, when it was last handed on
  };
  std::vector<Asker> erase(std::map<Arrival, PendingCommand>::iterator found);
  static std::size_t weight(const PendingCommand& pending);
  void forget_answered();

  Duration lifetime_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Arrival last_arrival_;
  std::map<Arrival, PendingCommand> requests_;  // in order of arrival
  Deadlines<Arrival> deadlines_;
  std::map<locks::RequestKey, Arrival> by_key_;
  std::deque<Arrival> due_;
  std::deque<std::pair<Time, Arrival>> handed_on_;  // in order of time; answered ones are skipped
};

}  // namespace lockstep

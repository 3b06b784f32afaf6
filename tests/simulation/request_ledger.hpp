// What one process of a node was asked and has not answered yet: every copy of a request is answered exactly once, no
// later than its lifetime, and `busy` has a cause.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "protocol/replica/replica.hpp"

namespace lockstep::simulation {

class RequestLedger {
 public:
  RequestLedger(const DeskBounds& bounds, Duration lifetime) : bounds_(bounds), lifetime_(lifetime) {}

  // By the node's clock.
  void asked(Time now, ConnectionId connection, const wire::Request& request);
  // Checks that it was asked, that it was not given up before its time, and that there was a reason for `busy`.
  // `is_log_full`: the node leads and has no room.
  void answered(Time now, ConnectionId connection, const wire::Response& response, bool is_log_full);
  // After all that is due now was answered. Says what was not.
  std::optional<std::string> overdue(Time now) const;
  // The process is gone, and with it whatever it was asked.
  void clear();
  // Whether the copy came in at `since` or later.
  bool came_since(Time since, ConnectionId connection, CallNumber call) const;

 private:
  struct Copy {
    Time came{};
    Time deadline{};
    std::size_t bytes = 0;                          // of a command: the most that it may count for
    std::optional<locks::RequestKey> request = {};  // of a command: its copies wait as one
    Time waits_since{};                             // when the first of them came
    bool is_poll = false;
    bool is_renewal = false;
  };
  using Key = std::pair<ConnectionId, CallNumber>;

  bool has_reason_for_busy(const Copy& refused) const;

  DeskBounds bounds_;
  Duration lifetime_;
  std::multimap<Key, Copy> copies_;  // a network may deliver one twice
  std::deque<Time> signs_of_life_;   // Waits: each counts as a renewal for as long as one may
};

}  // namespace lockstep::simulation

// What the parties of the checker share: looks at a history that no one of them owns.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/torture/history.hpp"

namespace lockstep::torture {

inline constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

// "client 7, call 12: preempt hot/1 at 123.456789 s -> held, token 44, index 90"
std::string describe(const Call& call);
std::string at_time(Nanoseconds time);

bool is_read(Verb verb);

// Real time and the log: what was applied somewhere at a moment at the latest, and when an index was at the latest.
class Progress {
 public:
  explicit Progress(const History& history);

  // The highest index in an answer that had returned before this moment.
  std::uint64_t index_before(Nanoseconds moment) const;
  // The first moment at which an answer showed that this index had been applied; kNever if none did.
  Nanoseconds seen_by(std::uint64_t index) const;

 private:
  std::vector<std::pair<Nanoseconds, std::uint64_t>> by_time_;   // with the highest index so far
  std::vector<std::pair<std::uint64_t, Nanoseconds>> by_index_;  // with the earliest moment from there on
};

// One name that a client was told it holds, and up to when it could count on it.
struct Hold {
  const Call* call = nullptr;  // that was granted
  std::string name;
  std::uint64_t token = 0;
  Nanoseconds granted = 0;        // its answer came
  Nanoseconds let_go = kNever;    // a release or a close was called, or may have been
  Nanoseconds promised = kNever;  // before this the cluster gives it to nobody else, unless it was let go
  Nanoseconds sure_until() const { return let_go < promised ? let_go : promised; }
};
std::vector<Hold> holds_of(const History& history);

// What all clients were told of their leases, by time.
std::vector<const LeaseNote*> lease_notes_in_order(const History& history);

// The calls of each client, in their order.
std::map<int, std::vector<const Call*>> calls_by_client(const History& history);

}  // namespace lockstep::torture

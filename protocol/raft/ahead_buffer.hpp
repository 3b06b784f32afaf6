// Appends that begin beyond what a follower has verified, kept until the gap before them is filled (R7).
//
// Bounded: what does not fit is fetched later. All are of one term's leader, so they agree with each other.
// Invariant: bytes() is the weight of the entries of all Appends here, and every one of them has entries.
//
// A value, dropped when the follower has another leader.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "protocol/base/types.hpp"
#include "protocol/raft/messages.hpp"

namespace lockstep::raft {

class AheadBuffer {
 public:
  std::size_t bytes() const { return bytes_; }
  const std::map<LogIndex, Append>& appends() const { return appends_; }  // by previous index

  // Keeps an Append that begins beyond `verified`, if it has entries and all that is kept stays within `bound` bytes.
  void keep(const Append& append, LogIndex verified, std::size_t bound);
  // The first, if it goes on from what is verified now; none: there is a gap before it, or nothing is here.
  std::optional<Append> take_next(LogIndex verified);

  bool is_idle() const { return appends_.empty() && bytes_ == 0; }
  void check_invariants() const;

 private:
  std::map<LogIndex, Append> appends_;
  std::size_t bytes_ = 0;
};

}  // namespace lockstep::raft

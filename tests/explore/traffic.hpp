// All that was ever said and may still be heard, and what was ever committed: the part of a state that is no node's.
//
// The network is a set that only grows: everything in it may arrive at any time, any number of times, or never. Of
// Appends only their source is kept: a leader could have sent any part of its log, with any commit index that it
// had, so all of these may arrive. Of Acks the highest is kept: a lower one says less, and may arrive too.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tests/explore/timeless_node.hpp"

namespace lockstep::explore {

inline constexpr std::size_t kMaxTerm = 7;
inline constexpr std::uint8_t kNobody = 255;

struct TermTraffic {
  LogShape log;  // the leader's, when it was longest
  std::uint8_t leader = kNobody;
  std::uint8_t commit = 0;                         // the leader's
  std::uint8_t first = 0;                          // the base of its log when it was first heard of
  std::uint16_t snapshots = 0;                     // that it ever could give, as bits
  std::array<std::uint8_t, kNodes> asked_index{};  // a candidate's last index; 0: it did not ask
  std::array<std::uint8_t, kNodes> asked_term{};   // and the term of that entry
  std::array<std::uint8_t, kNodes> votes{};        // a voter's candidates, as bits
  std::array<std::uint8_t, kNodes> acked{};        // the highest match
  friend bool operator==(const TermTraffic&, const TermTraffic&) = default;
};

struct Traffic {
  std::array<TermTraffic, kMaxTerm + 1> terms;
  LogShape committed;     // the longest that any node ever counted as committed
  LogShape committed_in;  // in which term each of it was, first

  // What the node now is and said. Violation if it contradicts what is known.
  void note(std::uint8_t node, const Facts& facts, const std::vector<Said>& said);
  Fingerprint fingerprint(const Renaming& names) const;
};

// Leader completeness (Raft section 5.4.3).
void check_leaders(const Traffic& traffic, const FactsOfAll& now);
// That what a leader has come to count as committed is on the disks of a quorum.
void check_quorum(const FactsOfAll& before, const FactsOfAll& now);

// Each once, like the states of nodes.
class TrafficTable {
 public:
  std::uint32_t intern(const Traffic& traffic);
  const Traffic& at(std::uint32_t number) const { return known_[number].traffic; }
  const Fingerprints& fingerprints(std::uint32_t number) const { return known_[number].fingerprints; }
  std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    Traffic traffic;
    Fingerprints fingerprints;
  };
  std::deque<Known> known_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> numbers_;
};

}  // namespace lockstep::explore

// Every state that one node was ever in, each once, and what each event made of it.
//
// The states of a cluster are many, but those of a node are few, and what a node does depends on its own state and
// the event alone. So the core runs once for each pair of them; a step of the cluster is then a look-up.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/explore/raft_node.hpp"

namespace lockstep::explore {

// A log as what tells it from any other: the term of each entry, as entry (index, term) is made once. Up to 15 entries.
class LogShape {
 public:
  std::uint64_t length() const { return bits_ & 15U; }
  std::uint64_t term(std::uint64_t index) const { return (bits_ >> (4 * index)) & 15U; }
  void append(std::uint64_t term) { bits_ = (bits_ + 1) | term << (4 * (length() + 1)); }
  LogShape prefix(std::uint64_t length) const;
  bool starts_with(LogShape other) const { return length() >= other.length() && prefix(other.length()) == other; }
  std::uint64_t bits() const { return bits_; }
  std::string text() const;  // the terms
  friend bool operator==(LogShape, LogShape) = default;

 private:
  std::uint64_t bits_ = 0;  // the length, then the terms, four bits each
};

enum class Kind : std::uint8_t {
  kCampaign,
  kLoseQuorum,
  kPropose,
  kPersist,
  kCrash,
  kDamage,  // of one node
  kVoteRequest,
  kVote,
  kAppend,
  kAck,  // a message arrives
  kHearOfTerm,
  kHearOfLeader,
};

// Who asks for what is in the names of the fields; the others are 0.
struct Event {
  Kind kind{};
  std::uint8_t node = 0;    // where it happens
  std::uint8_t term = 0;    // of the message
  std::uint8_t from = 0;    // who sent it
  std::uint8_t index = 0;   // last index, previous index, match; kept or completed writes
  std::uint8_t detail = 0;  // last term; number of entries; crash: half a write
  std::uint8_t commit = 0;
  std::uint8_t fetch = 0;  // 0: published, 1: answers the outstanding Fetch, 2: answers an older one
  friend bool operator==(const Event&, const Event&) = default;
};

// A message that matters to others, as it left.
struct Said {
  Kind kind{};  // kVoteRequest, kVote or kAck
  std::uint8_t term = 0;
  std::uint8_t to = 0;
  std::uint8_t index = 0;
  std::uint8_t last_term = 0;
};

// What others ask about a node's state.
struct Facts {
  LogShape log;
  LogShape disk_log;
  std::uint8_t term = 0;
  std::uint8_t disk_term = 0;
  std::uint8_t vote = 0;  // in this term: 1 + the number of the node; 0: none
  std::uint8_t commit = 0;
  std::uint8_t writes = 0;
  bool leads = false;
  bool is_candidate = false;
  bool may_speak = false;
  bool is_fetching = false;
  bool under_repair = false;
  std::uint8_t granted = 0;                  // a candidate's voters, as bits
  std::array<std::uint8_t, kNodes> match{};  // a leader's
  std::vector<std::uint8_t> half_writes;     // how many writes come before one that can be torn
};

struct Effect {
  std::uint32_t next = 0;
  std::vector<Said> said;
  std::string violation;
};

class NodeTable {
 public:
  explicit NodeTable(bool tells_fetches_apart) : tells_fetches_apart_(tells_fetches_apart) {}

  std::uint32_t intern(RaftNode node);
  const Facts& facts(std::uint32_t state) const { return states_[state].facts; }
  // `log` is that of the leader of an Append's term.
  const Effect& effect(std::uint32_t state, const Event& event, LogShape log);
  const Fingerprints& fingerprints(std::uint32_t state, Matters matters) const {
    return fingerprints_[state][static_cast<std::size_t>(matters)];
  }
  std::size_t size() const { return states_.size(); }

 private:
  struct Known {
    RaftNode node;
    Facts facts;
  };
  Fingerprint fingerprint(const RaftNode& node, const Renaming& names, Matters matters) const;
  Effect run(std::uint32_t state, const Event& event, LogShape log);

  bool tells_fetches_apart_;
  std::deque<Known> states_;
  std::deque<std::array<Fingerprints, kMatters.size()>> fingerprints_;  // of each
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> numbers_;
  std::unordered_map<Fingerprint, Effect, HashOfFingerprint> effects_;
};

}  // namespace lockstep::explore

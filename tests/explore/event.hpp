// What can happen to one node that runs Raft, as a few numbers, and the messages that some of them stand for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/raft/raft.hpp"
#include "tests/explore/cluster.hpp"

namespace lockstep::explore {

// A log as what tells it from any other: the term of each entry, as entry (index, term) is made once. Up to 15 entries.
class LogShape {
 public:
  LogShape() = default;
  explicit LogShape(const std::vector<std::uint64_t>& terms);
  std::uint64_t length() const { return bits_ & 15U; }
  LogIndex last() const { return LogIndex(length()); }
  // 0 where there is none, and before the first.
  std::uint64_t term(std::uint64_t index) const { return index == 0 ? 0 : (bits_ >> (4 * index)) & 15U; }
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
  kDamage,
  kBeginCompaction,
  kEndCompaction,
  kEndTurn,  // of one node
  kVoteRequest,
  kVote,
  kAppend,
  kPart,
  kAck,  // a message arrives
  kHearOfTerm,
  kHearOfLeader,
};

// How much of one write a crash leaves, in the order in which its parts are done: at last comes the hard state.
enum class Part : std::uint8_t { kNothing, kSnapshot, kLog };

// Who asks for what is in the names of the fields; the others are 0.
struct Event {
  Kind kind{};
  std::uint8_t node = 0;    // where it happens
  std::uint8_t term = 0;    // of the message
  std::uint8_t from = 0;    // who sent it; in `install` a campaign: who is asked
  std::uint8_t index = 0;   // last index, previous index, match, a snapshot's; kept or completed writes
  std::uint8_t detail = 0;  // last term; number of entries; which part of a snapshot; crash: Part of the next write
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

// `log` is that of the leader of an Append's term.
raft::Message message_of(const Event& event, LogShape log);
// Violation if an Append says more than its leader's log and commit index do: a model makes Appends from those.
std::vector<Said> said_of(const raft::Raft& raft, const std::vector<raft::Message>& messages);
std::string describe(const Event& event, LogShape log);

}  // namespace lockstep::explore

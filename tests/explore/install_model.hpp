// A follower that is behind all that its leader's log still has (S3, S6): snapshots in parts, over a network that
// loses, delays, repeats and reorders everything, and disks that complete late. Core: Raft, as in raft_node.hpp; see
// install_node.hpp for what a Replica does with snapshots.
//
// It begins in term 4: a leads, b follows, both have committed up to 5; a has a snapshot up to index 3, b has one up
// to 4, and c has other entries at the same places, of term 2. Bounds: the length of a log, elections beyond
// the first, crashes, and how often a node compacts.
//
// Anything that a leader could have said in its term arrives at any time, any number of times, or never: any part of
// its log with any commit index, and either part of any of its snapshots; as the answer to the Fetch that waits, or
// to an older one. An Ack arrives at once: late ones are the concern of `replication`. An election is one event, in
// which one other is asked and the disks are quick. Any node compacts at any moment, up to what it has applied, and
// what happens meanwhile happens.
//
// After every step: what is committed is the same everywhere, and a later leader has it; commit and what is applied
// never fall, and what is applied is on the disk, as is whatever counts as durable or is acknowledged; a quorum's
// disks have what a leader commits; no snapshot is made of parts of two; a node that starts again finds its log whole.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/explore/install_node.hpp"
#include "tests/explore/search.hpp"

namespace lockstep::explore {

struct InstallBounds {
  std::uint64_t entries = 6;  // of a log
  std::uint64_t elections = 1;
  std::uint64_t crashes = 1;
  std::uint64_t compactions = 1;
};

class InstallModel {
 public:
  struct State {
    std::array<std::uint32_t, kNodes> nodes{};
    std::uint32_t traffic = 0;
    std::uint8_t elections = 0;  // that may still come
    std::uint8_t crashes = 0;
    std::uint8_t compactions = 0;
  };
  enum class Kind : std::uint8_t {
    kPersist,
    kCrash,
    kPropose,
    kBeginCompaction,
    kEndCompaction,
    kCampaign,
    kVoteRequest,
    kVote,
    kAppend,
    kPart,
    kAck,
  };
  struct Event {
    Kind kind{};
    std::uint8_t node = 0;
    std::uint8_t term = 0;    // of the message
    std::uint8_t from = 0;    // who sent it; kCampaign: who is asked
    std::uint8_t index = 0;   // previous or last index, match, snapshot; kCrash: completed writes
    std::uint8_t detail = 0;  // number of entries, last term, which part; kCrash: how much of the next write
    std::uint8_t commit = 0;
    std::uint8_t fetch = 0;  // 0: published, 1: answers the outstanding Fetch, 2: answers an older one
  };

  explicit InstallModel(const InstallBounds& bounds) : bounds_(bounds) {}

  State initial();
  void successors(const State& state, std::vector<Successor<InstallModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state) const;
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const;
  std::string sizes() const { return std::to_string(nodes_.size()) + " states of one node"; }

 private:
  // What others ask about a node's state.
  struct Facts {
    History log;
    History disk_log;
    Term term;
    LogIndex commit;
    LogIndex base;
    std::set<std::uint8_t> snapshots;
    std::uint8_t writes = 0;
    bool leads = false;
    bool is_fetching = false;
    bool is_compacting = false;
    bool may_compact = false;
  };
  struct Known {
    InstallNode node;
    Facts facts;
  };
  struct Effect {
    std::uint32_t next = 0;
    std::vector<raft::Message> said;  // Acks, VoteRequests and Votes
    std::string violation;
  };
  // What the leader of a term could have said.
  struct Speech {
    NodeId leader;
    History log;     // when it was longest
    LogIndex first;  // the log's base when it was first heard of
    LogIndex commit;
    std::set<std::uint8_t> snapshots;
  };
  struct Traffic {
    std::map<Term, Speech> speeches;
    History committed;     // the longest that any node ever counted as committed
    History committed_in;  // in which term each of it was, first
  };

  std::uint32_t intern(InstallNode node);
  std::uint32_t intern(const Traffic& traffic);
  std::vector<Event> events(const State& state);
  void events_of_node(const State& state, std::uint8_t node, std::vector<Event>& events) const;
  void speeches_to(const State& state, std::uint8_t node, std::vector<Event>& events);
  std::vector<Event> heard_from(std::uint32_t node_state, std::uint8_t node, Term term, const Speech& speech);
  const Effect& effect(std::uint32_t node, const Event& event, const History& log);
  Effect run(std::uint32_t node, const Event& event, const History& log);
  const Effect& happen(State& state, Traffic& traffic, const Event& event);
  void campaign(State& state, Traffic& traffic, const Event& event);
  void note(Traffic& traffic, std::size_t node, const Effect& effect) const;
  void check_answers(const InstallNode& node) const;
  void check(const State& before, const State& state) const;
  const Facts& facts(const State& state, std::size_t node) const { return nodes_[state.nodes[node]].facts; }

  InstallBounds bounds_;
  std::deque<Known> nodes_;
  std::deque<Traffic> traffics_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> node_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> traffic_numbers_;
  std::unordered_map<Fingerprint, Effect, HashOfFingerprint> effects_;
  std::unordered_map<Fingerprint, std::vector<Event>, HashOfFingerprint> heard_;
};

}  // namespace lockstep::explore

// A follower that is behind all that its leader's log still has (S3, S6): snapshots in parts, over a network that
// loses, delays, repeats and reorders everything, and disks that complete late. Core: Raft, as in timeless_node.hpp;
// see install_node.hpp for what a Replica does with snapshots.
//
// It begins in term 4: a leads, b follows, both have committed up to 5; a has a snapshot up to index 3, b has one up
// to 4, and c has other entries at the same places, of term 2. Bounds: the length of a log, elections beyond
// the first, crashes, and how often a node compacts.
//
// Anything that a leader could have said in its term arrives at any time, any number of times, or never: any part of
// its log with any commit index, and either part of any of its snapshots; as the answer to the Fetch that waits, or
// to an older one. An Ack arrives at once: late ones are the concern of `replication`. An election is one event, in
// which one other is asked and the disks are quick. Any node compacts at any moment, up to what it has applied, and
// what happens meanwhile happens. A turn of a node has one event or several: what comes of them leaves together.
//
// After every step: what is committed is the same everywhere, and a later leader has it; commit and what is applied
// never fall, and what is applied is on the disk, as is whatever counts as durable or is acknowledged; a quorum's
// disks have what a leader commits; no snapshot is made of parts of two; a node that starts again finds its log whole.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "tests/explore/classes.hpp"
#include "tests/explore/install_node.hpp"
#include "tests/explore/node_table.hpp"
#include "tests/explore/search.hpp"
#include "tests/explore/traffic.hpp"

namespace lockstep::explore {

struct InstallBounds {
  std::uint64_t entries = 6;  // of a log
  std::uint64_t elections = 1;
  std::uint64_t crashes = 1;
  std::uint64_t compactions = 1;
  std::uint64_t turn = 1;  // events of one turn of a node
  bool reduced = true;     // states with the same future are visited once; false: each, see classes()
};

class InstallModel {
 public:
  struct State {
    std::array<std::uint32_t, kNodes> nodes{};  // in the table
    std::uint32_t traffic = 0;
    std::uint8_t elections = 0;  // that may still come
    std::uint8_t crashes = 0;
    std::uint8_t compactions = 0;
  };
  using Event = explore::Event;

  explicit InstallModel(const InstallBounds& bounds) : bounds_(bounds), nodes_(true) {}

  State initial();
  void successors(const State& state, std::vector<Successor<InstallModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state);
  const Classes& classes() const { return classes_; }  // unless reduced
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const { return explore::describe(facts_of_all(state)); }
  std::string sizes() const;

 private:
  std::vector<Event> events(const State& state);
  void events_of_node(const State& state, std::uint8_t node, std::vector<Event>& events) const;
  void speeches_to(const State& state, std::uint8_t node, std::vector<Event>& events);
  const std::vector<Event>& heard_from(std::uint32_t node_state, std::uint8_t node, std::uint8_t term,
                                       const TermTraffic& speech);
  std::vector<Event> all_that_could_be_said(const Facts& listener, std::uint8_t node, std::uint8_t term,
                                            const TermTraffic& speech) const;
  const Effect& happen(State& state, Traffic& traffic, const Event& event);
  void campaign(State& state, Traffic& traffic, const Event& event);
  std::uint8_t lowest_term(const State& state, std::size_t node) const;
  std::uint32_t forget_what_concerns_nobody(const State& state);
  Fingerprint class_of(const State& state) const;
  Fingerprint class_of_full(State state);
  const Facts& facts(const State& state, std::size_t node) const { return nodes_.facts(state.nodes[node]); }
  FactsOfAll facts_of_all(const State& state) const { return {&facts(state, 0), &facts(state, 1), &facts(state, 2)}; }

  InstallBounds bounds_;
  NodeTable<InstallNode> nodes_;
  TrafficTable traffics_;
  Classes classes_;
  std::unordered_map<Fingerprint, std::vector<Event>, HashOfFingerprint> heard_;
};

}  // namespace lockstep::explore

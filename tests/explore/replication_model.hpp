// Three nodes that elect leaders and replicate (R1 to R8, S2), over a network that loses, delays, repeats and
// reorders everything and disks that complete late.
//
// Bounds: how many terms beyond the first, how many entries beyond entry 1 (no-ops too; a node whose log is full does
// not campaign), how many crashes that lose what was not synced, how many disks found damaged at a restart.
//
// After every step: a term has one leader, whose log only grows; a node votes for one candidate in a term; what was
// acknowledged is the leader's and on the disk; what any node counted as committed is the same on all, and in the log
// of every leader of a later term; what a leader counts as committed is on the disks of a quorum.
#pragma once

#include <string>
#include <vector>

#include "tests/explore/classes.hpp"
#include "tests/explore/node_table.hpp"
#include "tests/explore/raft_node.hpp"
#include "tests/explore/search.hpp"
#include "tests/explore/traffic.hpp"

namespace lockstep::explore {

struct ReplicationBounds {
  std::uint64_t terms = 2;
  std::uint64_t entries = 2;
  std::uint64_t crashes = 1;
  std::uint64_t damages = 0;
  bool rumours = false;   // messages that say only the term or who leads, and leaders that give up without a quorum
  bool figure_8 = false;  // begin where the story of the paper's Figure 8 gets dangerous, see begin_figure_8()
  bool fetches = false;   // tell apart nodes that wait for a Fetch's answer
  bool reduced = true;    // states with the same future are visited once; false: each, see classes()
};

class ReplicationModel {
 public:
  struct State {
    std::array<std::uint32_t, kNodes> nodes{};  // in the table
    std::uint32_t traffic = 0;
    std::uint8_t crashes = 0;  // that may still come
    std::uint8_t damages = 0;
  };
  using Event = explore::Event;

  explicit ReplicationModel(const ReplicationBounds& bounds) : bounds_(bounds), nodes_(bounds.fetches) {}

  State initial();
  void successors(const State& state, std::vector<Successor<ReplicationModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state);
  const Classes& classes() const { return classes_; }  // unless reduced
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const;
  std::string sizes() const;

 private:
  State begin_figure_8(State state);
  // What can happen to one node in some traffic, and what becomes of the two. Kept, as both recur.
  struct Change {
    Event event;
    std::uint32_t node = 0;
    std::uint32_t traffic = 0;
    bool violates = false;
  };
  const std::vector<Change>& changes(std::uint32_t node_state, std::uint8_t node, std::uint32_t traffic);
  void events_of_node(const Facts& facts, std::uint8_t node, std::vector<Event>& events) const;
  void messages_to(const Facts& facts, std::uint8_t node, const Traffic& traffic, std::vector<Event>& events) const;
  void votes_of_term(const Facts& facts, std::uint8_t node, std::uint8_t term, const TermTraffic& said,
                     std::vector<Event>& events) const;
  void acks_to(const Facts& facts, std::uint8_t node, const TermTraffic& said, std::vector<Event>& events) const;
  void appends(std::uint32_t node_state, std::uint8_t node, std::uint8_t term, const TermTraffic& said,
               std::vector<Event>& events);
  bool is_settled(const State& state) const { return state.crashes + state.damages == 0; }
  Fingerprint class_of(const State& state) const;
  Fingerprint class_of_full(State state);
  Matters what_matters(const State& state, std::size_t node) const;
  void forget_what_was_heard(const State& state, std::uint8_t term, bool is_led, TermTraffic& said) const;
  bool is_heeded(const State& state, std::size_t voter, std::uint8_t term, std::size_t candidate) const;
  bool is_allowed(const State& state, const Event& event) const;
  Change change(std::uint32_t node_state, const Event& event, std::uint32_t traffic);
  State apply(const State& state, const Change& change);
  std::uint32_t forget_what_concerns_nobody(const State& state);
  std::uint8_t lowest_term(const State& state) const;
  const Facts& facts(const State& state, std::size_t node) const { return nodes_.facts(state.nodes[node]); }
  FactsOfAll facts_of_all(const State& state) const { return {&facts(state, 0), &facts(state, 1), &facts(state, 2)}; }

  ReplicationBounds bounds_;
  NodeTable<RaftNode> nodes_;
  TrafficTable traffics_;
  Classes classes_;
  std::unordered_map<Fingerprint, std::vector<Change>, HashOfFingerprint> changes_;
  std::unordered_map<Fingerprint, std::vector<Event>, HashOfFingerprint> appends_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> forgotten_;
};

}  // namespace lockstep::explore

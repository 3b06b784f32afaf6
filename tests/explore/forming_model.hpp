// Three blank nodes that form a cluster (R17), with crashes at any moment and disks that are wiped.
//
// The production Formation, and its answer to a Hello on nodes that are formed. Time stands still: a Hello that was
// ever heard counts as recent. A Hello arrives while its sender still says it, any number of times; with `stale_hellos`
// also when it has long stopped, even at a process that was not there when it was said. A Form arrives at any time.
//
// After every step: entry 1 of a cluster is the same everywhere, a node is bound to one cluster for good, and at most
// one cluster ever had a quorum of its members up and bound at a time, which is what it needs to decide anything.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/raft/formation.hpp"
#include "tests/explore/projection.hpp"
#include "tests/explore/raft_node.hpp"
#include "tests/explore/search.hpp"

namespace lockstep::explore {

struct FormingBounds {
  std::uint64_t crashes = 2;
  std::uint64_t wipes = 1;  // of most of the disks nothing is promised
  bool stale_hellos = false;
};

// A node before it has a Raft, and its disk.
struct FormingNode {
  std::size_t place = 0;
  std::uint64_t wipes = 0;     // of its disk
  std::uint64_t restarts = 0;  // since then
  Disk disk;
  raft::Formation formation;

  NodeId id() const { return NodeId(place * 8 + wipes + 1); }
};

class FormingModel {
 public:
  struct State {
    std::array<std::uint32_t, kNodes> nodes{};
    std::uint32_t forms = 0;   // in sets_: what was sent to whom
    std::uint32_t hellos = 0;  // in sets_: who ever said it to whom
    std::uint32_t served = 0;  // the cluster that ever had a quorum, from 1
    std::uint8_t crashes = 0;
    std::uint8_t wipes = 0;
  };
  enum class Kind : std::uint8_t { kHello, kForm, kPersist, kCrash, kWipe };
  struct Event {
    Kind kind{};
    std::uint8_t node = 0;
    std::uint8_t from = 0;  // kHello: the id
    std::uint8_t number =
        0;  // kCrash: of its writes that are done; kHello: the id it is meant for, 0: anyone of the name
    std::uint32_t cluster = 0;
  };

  explicit FormingModel(const FormingBounds& bounds) : bounds_(bounds) { sets_.emplace_back(); }

  State initial();
  void successors(const State& state, std::vector<Successor<FormingModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state) const;
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const;
  std::string sizes() const {
    return std::to_string(nodes_.size()) + " states of one node, " + std::to_string(clusters_.size()) + " clusters";
  }

 private:
  using Forms = std::set<std::pair<std::uint32_t, std::uint64_t>>;  // cluster and the id it was sent to
  using Hellos = Forms;                                             // whose id, and to which id; 0: to a name

  std::vector<Event> events(const State& state) const;
  std::uint32_t intern(const FormingNode& node);
  std::uint32_t intern(const Forms& forms);
  std::uint32_t number_of(const raft::Entry& entry);
  Hellos hellos_to(const State& state, std::size_t place) const;
  void note_hellos(State& state);
  static raft::Message hello_from(const Event& event);
  void hear_hello(FormingNode& node, const raft::Message& message, Forms& forms);
  void take_output(FormingNode& node, Forms& forms);
  void check(const State& before, State& next);

  FormingBounds bounds_;
  std::deque<FormingNode> nodes_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> numbers_;
  std::vector<Forms> sets_;
  std::map<Forms, std::uint32_t> set_numbers_;
  std::vector<raft::Entry> clusters_;  // each entry 1 that was ever made
};

}  // namespace lockstep::explore

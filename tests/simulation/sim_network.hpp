// The network between nodes, and between clients and nodes: it decides when, how often and whether a
// message arrives. It never looks into one.
//
// Nodes and clients are numbered places; a link goes one way. PUB is a path of its own beside the
// directed one, since it can fail alone.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/base/random.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/fault_plan.hpp"

namespace lockstep::simulation {

using Place = std::size_t;

class SimNetwork {
 public:
  enum class Path { kPub, kDirect };

  SimNetwork(const FaultPlan& plan, std::uint64_t seed, Coverage& coverage)
      : plan_(&plan), random_(seed), coverage_(&coverage) {}

  // When the copies of a message sent now arrive: none, one, or two.
  std::vector<Time> deliveries(Time now, Place from, Place to, Path path);

  // Cuts both directions between two groups of the first `places` places.
  void partition(Place places);
  // Cuts one direction between one node and some others.
  void partition_one_way(Place node, Place nodes);
  void heal_partitions() { cut_.clear(); }
  // Cuts one path from a node to some others, or to all of them.
  void cut_path_of(Place node, Path path, Place nodes);
  void heal_path(Path path) { cut_paths_[path].clear(); }
  // Nobody hears this node, though it hears everybody.
  void mute(Place node) { muted_.insert(node); }
  void unmute(Place node) { muted_.erase(node); }
  bool is_cut(Place from, Place to) const { return cut_.contains({from, to}); }

  // From now on nothing is lost, repeated or late.
  void become_perfect();

 private:
  using Link = std::pair<Place, Place>;

  bool is_beyond_mark(Time now, Link link, Path path);
  bool is_lost(Place from, Place to, Path path);
  Time arrival(Time now, Link link, Path path);

  const FaultPlan* plan_;
  Random random_;
  Coverage* coverage_;
  std::set<Link> cut_;
  std::map<Path, std::set<Link>> cut_paths_;
  std::set<Place> muted_;
  std::map<std::pair<Link, Path>, Time> last_arrival_;
  std::map<std::pair<Link, Path>, std::multiset<Time>> on_their_way_;  // when they arrive
  bool perfect_ = false;
};

}  // namespace lockstep::simulation

// The network between nodes, and between clients and nodes: it decides when, how often and whether a
// message arrives. It never looks into one.
//
// Nodes and clients are numbered places; a link goes one way. PUB is a path of its own beside the
// directed one, since it can fail alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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

  // When the copies of a message sent now arrive: none, one, or two. `is_read`: `to` takes what comes, now.
  std::vector<Time> deliveries(Time now, Place from, Place to, Path path, bool is_read);

  // One partition at a time. Each has a number, so that the end of an earlier one does not end it.
  // Cuts both directions between two groups of the first `places` places.
  std::uint64_t partition(Place places);
  // Cuts one direction between one node and some others.
  std::uint64_t partition_one_way(Place node, Place places);
  void heal_partition(std::uint64_t partition);
  // Cuts one path from a node to some others, or to all of them. What is cut stays so until the last cut is healed.
  std::uint64_t cut_path_of(Place node, Path path, Place places);
  void heal_path(Path path, std::uint64_t cut);
  // Nobody hears this node, though it hears everybody.
  void mute(Place node) { muted_.insert(node); }
  void unmute(Place node) { muted_.erase(node); }

  // From now on nothing is lost, repeated, late or out of order.
  void become_perfect();
  // When the last of what was sent until now arrives.
  Time last_arrival() const;

 private:
  using Link = std::pair<Place, Place>;

  std::optional<Met> loss(Time now, Link link, Path path, bool is_read);
  bool is_beyond_mark(Time now, Link link, Path path, bool is_read);
  void heal();
  Time arrival(Time now, Link link, Path path);

  const FaultPlan* plan_;
  Random random_;
  Coverage* coverage_;
  std::set<Link> cut_;
  std::set<Link> cut_one_way_;
  std::uint64_t partitions_ = 0;  // that were
  std::map<Path, std::set<Link>> cut_paths_;
  std::map<Path, std::uint64_t> cuts_of_path_;  // that were
  std::set<Place> muted_;
  std::map<std::pair<Link, Path>, Time> last_arrival_;
  std::map<std::pair<Link, Path>, std::multiset<Time>> on_their_way_;  // when they arrive
  bool perfect_ = false;
};

}  // namespace lockstep::simulation

#include "tests/simulation/sim_network.hpp"

#include <algorithm>

namespace lockstep::simulation {

bool SimNetwork::is_lost(Place from, Place to, Path path) {
  if (perfect_) return false;
  if (is_cut(from, to) || muted_.contains(from)) return true;
  if (random_.one_in(plan_->drop_one_in)) return true;
  return cut_paths_[path].contains({from, to}) || (path == Path::kPub && random_.one_in(plan_->pub_drop_one_in));
}

// What a socket does whose buffers are full.
bool SimNetwork::is_beyond_mark(Time now, Link link, Path path) {
  if (perfect_ || plan_->high_water_mark == 0) return false;
  auto& arrivals = on_their_way_[{link, path}];
  arrivals.erase(arrivals.begin(), arrivals.upper_bound(now));
  if (arrivals.size() < plan_->high_water_mark) return false;
  coverage_->note(Met::kBeyondHighWaterMark);
  return true;
}

Time SimNetwork::arrival(Time now, Link link, Path path) {
  if (perfect_) return now + random_.between(std::chrono::microseconds(50), std::chrono::microseconds(200));
  const Duration delay = plan_->network.draw(random_);
  if (delay > plan_->network.high) coverage_->note(Met::kDelayedLong);
  Time when = now + delay;
  if (plan_->in_order) {
    Time& last = last_arrival_[{link, path}];
    when = last = std::max(when, last);
  }
  return when;
}

std::vector<Time> SimNetwork::deliveries(Time now, Place from, Place to, Path path) {
  if (is_lost(from, to, path) || is_beyond_mark(now, {from, to}, path)) {
    coverage_->note(Met::kDropped);
    return {};
  }
  std::vector<Time> times{arrival(now, {from, to}, path)};
  if (!perfect_ && random_.one_in(plan_->duplicate_one_in)) {
    coverage_->note(Met::kDuplicated);
    times.push_back(arrival(now, {from, to}, path));
  }
  if (plan_->high_water_mark != 0) on_their_way_[{{from, to}, path}].insert(times.begin(), times.end());
  return times;
}

void SimNetwork::cut_path_of(Place node, Path path, Place nodes) {
  const bool all = random_.one_in(2);
  for (Place other = 0; other < nodes; ++other) {
    if (all || random_.one_in(2)) cut_paths_[path].insert({node, other});
  }
}

void SimNetwork::partition(Place places) {
  std::vector<bool> side(places);
  for (Place place = 0; place < places; ++place) side[place] = random_.one_in(2);
  for (Place a = 0; a < places; ++a) {
    for (Place b = 0; b < places; ++b) {
      if (side[a] != side[b]) cut_.insert({a, b});
    }
  }
}

void SimNetwork::partition_one_way(Place node, Place nodes) {
  const bool outwards = random_.one_in(2);
  for (Place other = 0; other < nodes; ++other) {
    if (other == node || random_.one_in(3)) continue;
    cut_.insert(outwards ? Link{node, other} : Link{other, node});
  }
}

void SimNetwork::become_perfect() {
  perfect_ = true;
  heal_partitions();
  cut_paths_.clear();
  muted_.clear();
}

}  // namespace lockstep::simulation

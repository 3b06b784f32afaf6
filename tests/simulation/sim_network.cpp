#include "tests/simulation/sim_network.hpp"

#include <algorithm>

namespace lockstep::simulation {

bool SimNetwork::is_lost(Place from, Place to, Path path) {
  if (perfect_) return false;
  if (is_cut(from, to) || muted_.contains(from)) return true;
  if (random_.one_in(plan_->drop_one_in)) return true;
  return path == Path::kPub && (cut_pub_.contains(from) || random_.one_in(plan_->pub_drop_one_in));
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
  if (is_lost(from, to, path)) {
    coverage_->note(Met::kDropped);
    return {};
  }
  std::vector<Time> times{arrival(now, {from, to}, path)};
  if (!perfect_ && random_.one_in(plan_->duplicate_one_in)) {
    coverage_->note(Met::kDuplicated);
    times.push_back(arrival(now, {from, to}, path));
  }
  return times;
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
  heal_pub();
  muted_.clear();
}

}  // namespace lockstep::simulation

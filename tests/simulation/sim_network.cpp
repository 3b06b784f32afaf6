#include "tests/simulation/sim_network.hpp"

#include <algorithm>

namespace lockstep::simulation {

// The first fault that a message meets, if any.
std::optional<Met> SimNetwork::loss(Time now, Link link, Path path, bool is_read) {
  if (perfect_) return std::nullopt;
  if (cut_.contains(link)) return Met::kPartition;
  if (cut_one_way_.contains(link)) return Met::kOneWayPartition;
  if (muted_.contains(link.first)) return Met::kMutedLeader;
  if (cut_paths_[path].contains(link)) return path == Path::kPub ? Met::kPubOutage : Met::kDirectOutage;
  if (random_.one_in(plan_->drop_one_in)) return Met::kDropped;
  if (path == Path::kPub && random_.one_in(plan_->pub_drop_one_in)) return Met::kPubDropped;
  if (is_beyond_mark(now, link, path, is_read)) return Met::kBeyondHighWaterMark;
  return std::nullopt;
}

// What a socket does whose buffers are full. They empty only while somebody reads.
bool SimNetwork::is_beyond_mark(Time now, Link link, Path path, bool is_read) {
  if (plan_->high_water_mark == 0) return false;
  auto& arrivals = on_their_way_[{link, path}];
  if (is_read) arrivals.erase(arrivals.begin(), arrivals.upper_bound(now));
  return arrivals.size() >= plan_->high_water_mark;
}

Time SimNetwork::arrival(Time now, Link link, Path path) {
  if (perfect_) {
    const Duration delay = random_.between(std::chrono::microseconds(50), std::chrono::microseconds(200));
    Time& last = last_arrival_[{link, path}];
    return last = std::max(last, now + delay);
  }
  const Duration delay = plan_->network.draw(random_);
  if (delay > plan_->network.high) coverage_->note(Met::kDelayedLong);
  Time& last = last_arrival_[{link, path}];
  if (now + delay < last && !plan_->in_order) {
    coverage_->note(Met::kReordered);
    return now + delay;
  }
  return last = std::max(now + delay, last);
}

Time SimNetwork::last_arrival() const {
  Time latest{};
  for (const auto& [way, arrival] : last_arrival_) latest = std::max(latest, arrival);
  return latest;
}

std::vector<Time> SimNetwork::deliveries(Time now, Place from, Place to, Path path, bool is_read) {
  if (const auto lost = loss(now, {from, to}, path, is_read)) {
    coverage_->note(*lost);
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

std::uint64_t SimNetwork::cut_path_of(Place node, Path path, Place places) {
  const bool all = random_.one_in(2);
  for (Place other = 0; other < places; ++other) {
    if (all || random_.one_in(2)) cut_paths_[path].insert({node, other});
  }
  return ++cuts_of_path_[path];
}

void SimNetwork::heal_path(Path path, std::uint64_t cut) {
  if (cut == cuts_of_path_[path]) cut_paths_[path].clear();
}

std::uint64_t SimNetwork::partition(Place places) {
  heal();
  std::vector<bool> side(places);
  for (Place place = 0; place < places; ++place) side[place] = random_.one_in(2);
  for (Place a = 0; a < places; ++a) {
    for (Place b = 0; b < places; ++b) {
      if (side[a] != side[b]) cut_.insert({a, b});
    }
  }
  return ++partitions_;
}

std::uint64_t SimNetwork::partition_one_way(Place node, Place places) {
  heal();
  const bool outwards = random_.one_in(2);
  for (Place other = 0; other < places; ++other) {
    if (other == node || random_.one_in(3)) continue;
    cut_one_way_.insert(outwards ? Link{node, other} : Link{other, node});
  }
  return ++partitions_;
}

void SimNetwork::heal_partition(std::uint64_t partition) {
  if (partition == partitions_) heal();
}

void SimNetwork::heal() {
  cut_.clear();
  cut_one_way_.clear();
}

void SimNetwork::become_perfect() {
  perfect_ = true;
  last_arrival_.clear();
  heal();
  cut_paths_.clear();
  muted_.clear();
}

}  // namespace lockstep::simulation

// What goes wrong in a simulated world, and for how long.

#include <algorithm>
#include <utility>

#include "tests/simulation/sim_world.hpp"

namespace lockstep::simulation {

void SimWorld::plan_faults() {
  plan_recurring(plan_.partition, [this] { partition(); });
  plan_recurring(plan_.pub_outage, [this] { cut_path(SimNetwork::Path::kPub, plan_.pub_outage.up_to); });
  plan_recurring(plan_.direct_outage, [this] { cut_path(SimNetwork::Path::kDirect, plan_.direct_outage.up_to); });
  plan_recurring(plan_.disk_stall, [this] { stall_disk(); });
  plan_recurring(plan_.disk_full, [this] { fill_disk(); });
  plan_recurring(plan_.pause, [this] { pause(); });
  plan_recurring(plan_.wall_jump, [this] { set_wall_clock(); });
  plan_recurring(plan_.client_pause, [this] {
    if (is_time_for_pauses()) clients_.pause_one();
  });
  plan_recurring(plan_.crash, [this] { crash_some(); });
  plan_recurring(plan_.client_crash, [this] { clients_.crash_one(); });
}

void SimWorld::plan_recurring(const Recurring& fault, std::function<void()> happen) {
  if (fault.every == Duration::zero()) return;
  scheduler_.in(random_.between(Duration::zero(), 2 * fault.every), [this, &fault, happen = std::move(happen)] {
    if (healed_) return;
    happen();
    plan_recurring(fault, happen);
  });
}

SimNode& SimWorld::victim() {
  if (plan_.aims_at_leader && random_.one_in(2)) {
    const auto leader = std::find_if(nodes_.begin(), nodes_.end(), [](const SimNode& node) { return node.leads(); });
    if (leader != nodes_.end()) return *leader;
  }
  return nodes_[random_.below(nodes_.size())];
}

void SimWorld::partition() {
  const Place places = nodes_.size() + plan_.clients;
  const bool is_one_way = plan_.one_way_partitions && random_.one_in(2);
  const std::uint64_t number =
      is_one_way ? network_.partition_one_way(victim().place, places) : network_.partition(places);
  if (options_.trace) trace("network", "is partitioned");
  scheduler_.in(random_.between(Duration::zero(), plan_.partition.up_to),
                [this, number] { network_.heal_partition(number); });
}

void SimWorld::note_election(SimNode& node) {
  const bool elected = node.leads() && !node.led;
  node.led = node.leads();
  if (!elected || healed_ || !random_.one_in(plan_.mute_new_leader_one_in)) return;
  if (options_.trace) trace(name_of_node(node.place), "leads, but nobody hears it");
  network_.mute(node.place);
  scheduler_.in(random_.between(Duration::zero(), 2 * plan_.timing.election_timeout_max),
                [this, place = node.place] { network_.unmute(place); });
}

void SimWorld::cut_path(SimNetwork::Path path, Duration up_to) {
  const bool is_pub = path == SimNetwork::Path::kPub;
  const Place place = victim().place;
  const std::uint64_t cut = network_.cut_path_of(place, path, nodes_.size() + (is_pub ? 0 : plan_.clients));
  if (options_.trace) {
    trace("network", "loses what " + name_of_node(place) + (is_pub ? " publishes" : " sends directly"));
  }
  scheduler_.in(random_.between(Duration::zero(), up_to), [this, path, cut] { network_.heal_path(path, cut); });
}

void SimWorld::set_wall_clock() {
  SimNode& node = victim();
  node.clock.set_wall(random_.between(-std::chrono::hours(3), std::chrono::hours(3)));
  coverage_.note(Met::kWallJump);
  if (options_.trace) trace(name_of_node(node.place), "has its wall clock set");
}

void SimWorld::stall_disk() {
  SimNode& node = victim();
  node.stalled_until = scheduler_.now() + random_.between(Duration::zero(), plan_.disk_stall.up_to);
  coverage_.note(Met::kDiskStall);
  if (options_.trace) trace(name_of_node(node.place), "has a disk that stalls");
}

void SimWorld::fill_disk() {
  SimNode& node = victim();
  if (!node.is_up() || !node.disk.fill()) return;
  if (options_.trace) trace(name_of_node(node.place), "has a full disk");
  scheduler_.in(random_.between(Duration::zero(), plan_.disk_full.up_to),
                [this, place = node.place] { nodes_[place].disk.make_room(); });
}

void SimWorld::pause() {
  SimNode& node = victim();
  if (!is_awake(node) || !is_time_for_pauses()) return;
  node.paused_until = scheduler_.now() + random_.between(Duration::zero(), plan_.pause.up_to);
  coverage_.note(Met::kPause);
  if (options_.trace) trace(name_of_node(node.place), "stands still");
}

void SimWorld::crash_some() {
  if (!random_.one_in(plan_.crash_all_one_in)) {
    if (SimNode& node = victim(); node.is_up()) crash_for_a_while(node);
    return;
  }
  coverage_.note(Met::kCrashOfAll);
  for (SimNode& node : nodes_) {
    if (node.is_up()) crash_for_a_while(node);
  }
}

void SimWorld::crash_for_a_while(SimNode& node) {
  crash(node);
  const Duration down = random_.between(Duration::zero(), plan_.crash.up_to);
  scheduler_.in(down, [this, place = node.place, incarnation = node.incarnation] { restart(place, incarnation); });
}

void SimWorld::crash(SimNode& node) {
  if (options_.trace) trace(name_of_node(node.place), "crashes");
  coverage_.note(Met::kCrash);
  node.replica.reset();
  node.ledger.reset();
  node.led = false;
  node.disk.crash(random_, coverage_);
  ++node.incarnation;
  node.paused_until = node.stalled_until = node.last_write_done = node.last_completion = scheduler_.now();
  if (!healed_) lose_data(node);
  recover(node);
}

// Nodes whose disk is gone or damaged: as many as the cluster may be asked to bear.
std::size_t SimWorld::lost_disks() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const SimNode& node) { return node.has_lost_data(); }));
}

// Enough others that one of them still has it when as many disks are lost as may be: else the whole cluster
// is lost with this one, which only just formed.
bool SimWorld::others_have_entry_1(const SimNode& node) const {
  const auto others = std::count_if(nodes_.begin(), nodes_.end(), [&](const SimNode& other) {
    const raft::Restored& theirs = other.disk.durable();
    return other.place != node.place && other.disk.has_entry_1() &&
           theirs.hard_state.cluster == node.disk.durable().hard_state.cluster;
  });
  return static_cast<std::size_t>(others) >= plan_.tolerated_losses();
}

void SimWorld::lose_data(SimNode& node) {
  if (!node.has_lost_data() && lost_disks() >= plan_.tolerated_losses()) return;
  const bool is_formed = static_cast<bool>(node.disk.durable().hard_state.cluster);
  if (!node.wiped && random_.one_in(plan_.wipe_one_in)) {
    coverage_.note(is_formed ? Met::kFormedWiped : Met::kBlankWiped);
    if (options_.trace) trace(name_of_node(node.place), "loses its disk");
    wipe(node);
  } else if (is_formed && node.disk.has_entry_1() && random_.one_in(plan_.damage_one_in)) {
    coverage_.note(Met::kDamage);
    const std::string what = node.disk.damage(random_, LogIndex(others_have_entry_1(node) ? 0 : 1), coverage_);
    if (options_.trace) trace(name_of_node(node.place), "has a damaged disk: " + what);
  }
}

void SimWorld::wipe(SimNode& node) {
  node.disk.wipe(NodeId(random_.next_nonzero()), random_);
  node.wiped = true;
  let_refused_start_if_nothing_is_left();
}

// A cluster that had only just begun to form may be gone with one disk, and those whom it refused may be needed to
// form the next: their operators start them again.
void SimWorld::let_refused_start_if_nothing_is_left() {
  const auto has_entry_1 = [](const SimNode& node) { return node.disk.has_entry_1(); };
  if (std::any_of(nodes_.begin(), nodes_.end(), has_entry_1)) return;
  for (SimNode& node : nodes_) {
    if (!std::exchange(node.refused, false)) continue;
    scheduler_.in(Duration::zero(),
                  [this, place = node.place, incarnation = node.incarnation] { restart(place, incarnation); });
  }
}

// A folder that is refused is lost; the operator leaves that node down.
void SimWorld::recover(SimNode& node) {
  const auto recovered = node.disk.recover(random_, coverage_);
  if (recovered) return;
  if (options_.trace) trace(name_of_node(node.place), "does not start: " + recovered.error());
  wipe(node);
  node.refused = true;
}

void SimWorld::restart(Place place, std::uint64_t incarnation) {
  SimNode& node = nodes_[place];
  if (node.is_up() || node.refused || node.incarnation != incarnation) return;
  ++node.incarnation;
  start(node);
}

}  // namespace lockstep::simulation

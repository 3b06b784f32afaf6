#include "tests/simulation/fault_plan.hpp"

#include <array>

namespace lockstep::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A rate between frequent and rare, evenly over the orders of magnitude; never in half of the seeds.
std::uint64_t maybe_one_in(Random& random, std::uint64_t frequent, std::uint64_t rare) {
  if (random.one_in(2)) return 0;
  std::uint64_t rate = frequent;
  while (rate < rare && !random.one_in(3)) rate *= 2;
  return rate;
}

// A time between two, evenly over the orders of magnitude.
Duration draw_scale(Random& random, Duration shortest, Duration longest) {
  Duration drawn = shortest;
  while (drawn < longest && !random.one_in(4)) drawn *= 2;
  return std::min(drawn, longest);
}

Recurring maybe_every(Random& random, Duration frequent, Duration rare, Duration up_to) {
  if (random.one_in(2)) return {};
  return {draw_scale(random, frequent, rare), draw_scale(random, up_to / 20, up_to)};
}

std::size_t draw_nodes(Random& random) {
  constexpr std::array<std::size_t, 10> kSizes{3, 3, 3, 3, 3, 5, 5, 5, 5, 1};
  return kSizes[random.below(kSizes.size())];
}

void draw_network(Random& random, FaultPlan& plan) {
  plan.network = {microseconds(50), draw_scale(random, microseconds(200), milliseconds(50)),
                  maybe_one_in(random, 5, 1000), draw_scale(random, milliseconds(60), seconds(3))};
  plan.drop_one_in = maybe_one_in(random, 5, 500);
  plan.duplicate_one_in = maybe_one_in(random, 5, 500);
  plan.pub_drop_one_in = maybe_one_in(random, 2, 100);
  plan.in_order = random.one_in(3);
  plan.messages_outlive_crash = random.one_in(2);
  plan.partition = maybe_every(random, milliseconds(200), seconds(10), seconds(4));
  plan.one_way_partitions = random.one_in(2);
  plan.pub_outage = maybe_every(random, seconds(1), seconds(10), seconds(5));
  plan.direct_outage = maybe_every(random, seconds(1), seconds(10), seconds(3));
  if (random.one_in(4)) plan.high_water_mark = 1 + random.below(20);
}

void draw_disk(Random& random, FaultPlan& plan) {
  plan.disk = {microseconds(50), draw_scale(random, microseconds(200), milliseconds(60)), maybe_one_in(random, 5, 500),
               draw_scale(random, milliseconds(60), seconds(1))};
  plan.completion = {Duration::zero(), draw_scale(random, microseconds(10), milliseconds(20)),
                     maybe_one_in(random, 10, 200), milliseconds(100)};
  plan.disk_stall = maybe_every(random, seconds(1), seconds(20), seconds(4));
  plan.compact_log_bytes = random.one_in(4) ? 1'000'000 : 100 + random.below(random.one_in(4) ? 20'000 : 1'000);
  plan.compaction = {microseconds(100), draw_scale(random, milliseconds(1), milliseconds(500)), 0, {}};
  plan.compaction_fails_one_in = maybe_one_in(random, 2, 8);
  plan.in_bytes = random.one_in(4);
  plan.disk_fails_one_in = maybe_one_in(random, 20, 500);
  plan.disk_full = maybe_every(random, milliseconds(500), seconds(10), seconds(3));
  plan.snapshot_rots_one_in = maybe_one_in(random, 4, 40);
}

void draw_nodes_faults(Random& random, FaultPlan& plan) {
  plan.crash = maybe_every(random, milliseconds(200), seconds(10), seconds(4));
  plan.crash_on_write_one_in = maybe_one_in(random, 8, 200);
  plan.crash_on_effect_one_in = maybe_one_in(random, 50, 5'000);
  plan.unread_tick_one_in = maybe_one_in(random, 2, 32);
  plan.crash_all_one_in = maybe_one_in(random, 4, 32);
  plan.pause = maybe_every(random, milliseconds(500), seconds(10), seconds(3));
  plan.wall_jump = maybe_every(random, seconds(1), seconds(10), Duration::zero());
  plan.mute_new_leader_one_in = maybe_one_in(random, 1, 16);
  plan.aims_at_leader = random.one_in(2);
  plan.wipe_one_in = maybe_one_in(random, 2, 16);
  plan.damage_one_in = maybe_one_in(random, 2, 16);
  plan.batches = random.one_in(2);
}

void draw_clients(Random& random, FaultPlan& plan) {
  plan.clients = 1 + random.below(6);
  plan.keeps_sessions = random.one_in(2);
  plan.client_crash = maybe_every(random, milliseconds(500), seconds(10), seconds(2));
  if (random.one_in(3)) plan.client_crash.up_to = seconds(20);  // longer than any lease
  plan.client_pause = maybe_every(random, milliseconds(500), seconds(10), seconds(5));
  plan.zombie_one_in = maybe_one_in(random, 2, 8);
  plan.names = 1 + random.below(6);
  plan.think_max = draw_scale(random, milliseconds(4), milliseconds(250));
  plan.waits = !random.one_in(3);
  plan.watches = random.one_in(3);
  if (random.one_in(2)) plan.ttl = random.between(seconds(1), seconds(4));
}

// Mostly the defaults, in the proportions that R7 to R10 assume otherwise; small bounds, so that they are met.
void draw_options(Random& random, FaultPlan& plan) {
  if (random.one_in(4)) {
    plan.timing.heartbeat = random.between(milliseconds(10), milliseconds(100));
    plan.timing.election_timeout_min = 10 * plan.timing.heartbeat;
    plan.timing.election_timeout_max = 20 * plan.timing.heartbeat;
  }
  if (random.one_in(3)) {
    plan.bounds.uncommitted_bytes = 2048 + random.below(4096);
    plan.bounds.published_bytes = 1 + random.below(400);
    plan.bounds.fetched_bytes = random.one_in(2) ? 1 : 1 + random.below(2000);
    plan.bounds.ahead_bytes = random.below(2000);
    plan.bounds.unacknowledged_frames = 2 + random.below(8);
  }
  if (random.one_in(3)) {
    plan.limits.locks = static_cast<std::uint32_t>(1 + random.below(6));
    plan.limits.sessions = static_cast<std::uint32_t>(2 + random.below(4));
    plan.limits.locks_per_session = static_cast<std::uint32_t>(1 + random.below(3));
    plan.limits.waiters_per_lock = static_cast<std::uint32_t>(1 + random.below(3));
  }
  plan.bounds.snapshot_part_bytes = random.one_in(2) ? 1024 * 1024 : 50 + random.below(1000);
  plan.through_codec = random.one_in(2);
}

// Most seeds have some tables and pages so small that their ends are met again and again.
void draw_small_bounds(Random& random, FaultPlan& plan) {
  const auto maybe = [&](auto& bound, std::uint64_t least, std::uint64_t most) {
    if (random.one_in(2)) bound = static_cast<std::decay_t<decltype(bound)>>(least + random.below(most - least + 1));
  };
  maybe(plan.state_bounds.unacknowledged, 1, 6);
  maybe(plan.state_bounds.ended_sessions, 1, 6);
  maybe(plan.state_bounds.history, 1, 20);
  maybe(plan.state_bounds.shown_holders, 1, 2);
  maybe(plan.state_bounds.shown_waiters, 1, 2);
  maybe(plan.state_bounds.page_bytes, 1, 1'500);
  maybe(plan.state_bounds.counted, 1, 3);
  // A client may keep fewer numbers open than the cluster allows, never more.
  plan.client_bounds.unacknowledged = plan.state_bounds.unacknowledged;
  if (random.one_in(4)) plan.client_bounds.unacknowledged = 1 + random.below(plan.state_bounds.unacknowledged);
  maybe(plan.client_bounds.kept_renewals, 2, 4);
  maybe(plan.client_bounds.kept_copies, 1, 3);
  maybe(plan.desk.max_pending_bytes, 400, 3'000);
  maybe(plan.desk.max_polls, 8, 20);
  maybe(plan.desk.kept_changes, 1, 20);
  maybe(plan.desk.max_barriers, 1, 3);
  maybe(plan.desk.watched_changes, 2, 5);
  maybe(plan.desk.watched_holds, 1, 3);
  if (random.one_in(4)) maybe(plan.desk.barrier_renewals, 1, 3);
  maybe(plan.desk.forwarded_bytes, 1, 500);
  plan.hash_interval = 1 + random.below(16);
  plan.kept_hashes = 1 + random.below(4);
  plan.page_limit = static_cast<std::uint32_t>(1 + random.below(5));
  plan.request_lifetime = draw_scale(random, seconds(1), seconds(10));
}

}  // namespace

FaultPlan FaultPlan::draw(Random& random, std::optional<std::size_t> nodes) {
  FaultPlan plan;
  plan.nodes = draw_nodes(random);
  if (nodes) plan.nodes = *nodes;
  draw_options(random, plan);
  draw_network(random, plan);
  draw_disk(random, plan);
  draw_nodes_faults(random, plan);
  draw_clients(random, plan);
  draw_small_bounds(random, plan);
  const bool any_rate = plan.ttl == Duration::zero() || random.one_in(4);
  const std::int64_t most = any_rate ? 200'000 : FaultPlan::kToleratedDriftPpm;
  if (random.one_in(2)) {
    plan.max_drift_ppm = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most) + 1));
  }
  return plan;
}

SimClock FaultPlan::draw_clock(Random& random) const {
  const auto range = static_cast<std::uint64_t>(2 * max_drift_ppm + 1);
  const Duration offset = random.between(Duration::zero(), std::chrono::hours(24));
  const auto drift = static_cast<std::int64_t>(random.below(range)) - max_drift_ppm;
  return {offset, drift, random.between(-seconds(5), seconds(5))};
}

}  // namespace lockstep::simulation

#include "tests/simulation/sim_world.hpp"

#include <algorithm>
#include <iostream>

#include "protocol/raft/quorum.hpp"
#include "tests/simulation/failure.hpp"
#include "tests/simulation/trace.hpp"
#include "tests/support/output_of_turn.hpp"

namespace lockstep::simulation {
namespace {

// How often every node's whole log is compared; its new part is after every step.
constexpr std::uint64_t kWholeLogEvery = 5'000;
// "within 10 maximum election timeouts" of healing the cluster is useful again.
constexpr int kPatience = 10;
constexpr int kMaxTicksAtOnce = 100;
constexpr Duration kLongestTurn = std::chrono::milliseconds(5);
constexpr std::size_t kMostEventsOfTurn = 6;

SimDisk make_disk(const FaultPlan& plan, Random& random) {
  const NodeId node(random.next_nonzero());
  return plan.in_bytes ? SimDisk(node, random.next(), plan.nodes == 1) : SimDisk(node);
}

std::deque<SimNode> make_nodes(const FaultPlan& plan, Random& random) {
  std::deque<SimNode> nodes;
  for (Place place = 0; place < plan.nodes; ++place) {
    SimNode node{
        .place = place, .disk = make_disk(plan, random), .replica = std::nullopt, .clock = plan.draw_clock(random)};
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace

SimWorld::SimWorld(const WorldOptions& options)
    : options_(options),
      random_(options.seed),
      plan_(FaultPlan::draw(random_, options.nodes)),
      network_(plan_, random_.next(), coverage_),
      nodes_(make_nodes(plan_, random_)),
      node_checker_(nodes_, plan_.state_bounds, coverage_),
      client_checker_(plan_.desk, coverage_),
      clients_(
          plan_, random_.next(), scheduler_, client_checker_, coverage_,
          {[this](Place from, ConnectionId connection, const ClientSend& send) { request(from, connection, send); },
           [this] { return node_checker_.main_reference(); },
           [this](Place place, const std::string& what) {
             if (options_.trace) trace("client " + std::to_string(place), what);
           }}) {}

void SimWorld::trace(const std::string& who, const std::string& what) const {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(scheduler_.now().time_since_epoch()).count();
  std::cout << us / 1'000'000 << "." << std::string(6 - std::to_string(us % 1'000'000).size(), '0') << us % 1'000'000
            << " " << who << " " << what << "\n";
}

// --- the two phases ---

void SimWorld::run() {
  for (SimNode& node : nodes_) {
    const Duration delay = random_.between(Duration::zero(), std::chrono::milliseconds(500));
    scheduler_.in(delay, [this, place = node.place] { restart(place, nodes_[place].incarnation); });
  }
  clients_.start();
  plan_faults();
  if (plan_.max_drift_ppm > FaultPlan::kToleratedDriftPpm) coverage_.note(Met::kClockDrift);
  if (!plan_.leases_hold()) coverage_.note(Met::kUnsafeClocks);
  while (events_ < options_.events || somebody_stands_still()) run_one();

  heal();
  const Time deadline = scheduler_.now() + patience();
  while (!is_settled()) {
    if (scheduler_.now() > deadline) {
      throw Failure(FailureKind::kLiveness,
                    "healed for " + std::to_string(kPatience) + " maximum election timeouts, but " + what_is_missing());
    }
    run_one();
  }
  live_in_calm();
  rest();
  final_checks();
}

// By the slowest clock.
Duration SimWorld::patience() const {
  const Duration patience = kPatience * plan_.timing.election_timeout_max;
  return patience + patience * plan_.max_drift_ppm / 1'000'000 * 5 / 4;
}

// What was to happen to it meanwhile comes when it goes on, also if all was healed before.
bool SimWorld::somebody_stands_still() const {
  const auto stands_still = [&](const SimNode& node) { return node.paused_until > scheduler_.now(); };
  return clients_.somebody_stands_still() || std::any_of(nodes_.begin(), nodes_.end(), stands_still);
}

void SimWorld::run_one() {
  scheduler_.run_next();
  if (++events_ % kWholeLogEvery != 0) return;
  for (const SimNode& node : nodes_) {
    if (node.is_up()) node_checker_.compare_whole_log(node.place, *node.replica);
  }
}

void SimWorld::heal() {
  healed_ = true;
  healed_at_ = scheduler_.now();
  if (options_.trace) trace("world", "heals");
  sent_before_arrives_ = network_.last_arrival();
  network_.become_perfect();
  for (SimNode& node : nodes_) {
    node.stalled_until = node.last_write_done = node.last_completion = scheduler_.now();
    if (!node.is_up()) {
      restart(node.place, node.incarnation);
      continue;
    }
    node.disk.heal();
    while (node.is_up() && node.disk.outstanding() != 0) complete_oldest(node, node.incarnation);
  }
  clients_.start_probes();
}

bool SimWorld::is_settled() const { return what_is_missing().empty(); }

std::string SimWorld::what_is_missing() const {
  const Reference* main = node_checker_.main_reference();
  if (main == nullptr) return "no cluster formed";
  const SimNode* leader = nullptr;
  std::size_t members = 0;
  for (const SimNode& node : nodes_) {
    if (node.refused) continue;
    const std::string name = "node " + name_of_node(node.place);
    if (!node.is_up() || node.replica->raft() == nullptr) return name + " is not in the cluster";
    if (node_checker_.reference_of(*node.replica) != main) continue;
    ++members;
    if (node.replica->applied_index() != main->last()) return name + " has not applied everything";
    if (node.leads()) leader = &node;
  }
  if (members < raft::quorum_of(nodes_.size())) return "the cluster has no quorum of living members";
  if (leader == nullptr) return "nobody leads";
  return clients_.unanswered();
}

void SimWorld::final_checks() const {
  const Reference* main = node_checker_.main_reference();
  for (const SimNode& node : nodes_) {
    if (!node.is_up()) continue;
    node_checker_.compare_whole_log(node.place, *node.replica);
    REQUIRE_SAFE(node.replica->state().hash() == node.replica->state().recomputed_hash(),
                 "the state's hash is the sum over its records");
  }
  client_checker_.check_refusals(*main);
}

// --- one node's process ---

Now SimWorld::clock_of(const SimNode& node) const { return node.clock.both_at(scheduler_.now()); }

void SimWorld::start(SimNode& node) {
  ReplicaOptions options;
  options.name = name_of_node(node.place);
  for (Place place = 0; place < nodes_.size(); ++place) options.initial_members.push_back({name_of_node(place), ""});
  options.state_limits = plan_.limits;
  options.timing = plan_.timing;
  options.bounds = plan_.bounds;
  options.desk = plan_.desk;
  options.state_bounds = plan_.state_bounds;
  options.hash_interval = plan_.hash_interval;
  options.kept_hashes = plan_.kept_hashes;
  options.request_lifetime = plan_.request_lifetime;
  options.compact_log_bytes = plan_.compact_log_bytes;
  options.seed = random_.next();
  if (options_.trace) {
    const std::string snapshot =
        node.disk.durable().snapshot
            ? ", with a snapshot up to " + std::to_string(node.disk.durable().snapshot->head.index.value())
            : "";
    trace(options.name, "starts, its log ends at " + std::to_string(node.disk.last_index().value()) + snapshot);
  }
  node_checker_.started(node.place);
  node.replica.emplace(options, node.disk.durable(), clock_of(node));
  node.ledger.emplace(plan_.desk, plan_.request_lifetime);
  node.stepped_at = node.turn_began = scheduler_.now();
  node.tick_at = Time::max();
  node.flush_planned = false;
  node_checker_.after_step(scheduler_.now(), node.place, *node.replica);
  flush(node);
}

void SimWorld::step(SimNode& node, const Event& event) {
  node.stepped_at = scheduler_.now();
  if (!node.flush_planned) node.turn_began = scheduler_.now();
  node.replica->step(clock_of(node), event);
  check(node);
  note_election(node);
  ++node.events_in_turn;
  if (plan_.batches && node.events_in_turn < kMostEventsOfTurn && !random_.one_in(kMostEventsOfTurn)) {
    plan_flush(node);
  } else {
    flush(node);
  }
}

void SimWorld::check(const SimNode& node) {
  node_checker_.after_step(scheduler_.now(), node.place, *node.replica);
  const Reference* reference = node_checker_.main_reference();
  if (reference == nullptr) return;
  for (; clients_told_ < reference->last(); clients_told_ = clients_told_.next()) {
    clients_.committed(*reference, clients_told_.next());
  }
}

// Several events before the output is taken: what a busy loop's turn does.
void SimWorld::plan_flush(SimNode& node) {
  if (node.flush_planned) return;
  node.flush_planned = true;
  scheduler_.in(random_.between(Duration::zero(), kLongestTurn),
                [this, place = node.place, incarnation = node.incarnation] {
                  when_awake(place, incarnation, [this](SimNode& awake) {
                    if (awake.flush_planned) flush(awake);
                  });
                });
}

void SimWorld::flush(SimNode& node) {
  node.flush_planned = false;
  if (std::exchange(node.events_in_turn, 0) > 1) coverage_.note(Met::kTurnOfSeveral);
  Output output = testing::output_of_turn(*node.replica);
  check(node);
  carry_out(node, std::move(output));
  if (!node.is_up()) return;
  const auto overdue = node.ledger->overdue(node.clock.at(node.stepped_at));
  REQUIRE_LIVE(!overdue, "node " + name_of_node(node.place) + ": " + *overdue);
  plan_tick(node);
}

// A deadline that a Tick does not move would keep a real loop spinning.
void SimWorld::note_tick(SimNode& node) {
  node.ticks_at_once = node.stepped_at == scheduler_.now() ? node.ticks_at_once + 1 : 0;
  if (node.ticks_at_once <= kMaxTicksAtOnce) return;
  throw Failure(FailureKind::kLiveness,
                "node " + name_of_node(node.place) + " wants to be woken again and again without time passing");
}

void SimWorld::plan_tick(SimNode& node) {
  const Time deadline = std::max(node.clock.when(node.replica->next_deadline()), scheduler_.now());
  if (deadline >= node.tick_at) return;
  node.tick_at = deadline;
  scheduler_.at(deadline, [this, place = node.place, incarnation = node.incarnation, deadline] {
    when_awake(place, incarnation, [this, deadline](SimNode& awake) {
      if (awake.tick_at != deadline) return;
      awake.tick_at = Time::max();
      note_tick(awake);
      step(awake, Tick{healed_ || !random_.one_in(plan_.unread_tick_one_in)});
    });
  });
}

// What happens to a process that stands still happens when it goes on. What was for one that is gone is
// lost, except messages where the plan says otherwise (those come with incarnation 0).
void SimWorld::when_awake(Place place, std::uint64_t incarnation, std::function<void(SimNode&)> action) {
  SimNode& node = nodes_[place];
  if (!node.is_up() || (incarnation != 0 && incarnation != node.incarnation)) return;
  if (node.paused_until > scheduler_.now()) {
    scheduler_.at(node.paused_until, [this, place, incarnation, action = std::move(action)] {
      const bool is_late_message = incarnation == 0 && phase_ != Phase::kFaults;  // a crash has ended the pause earlier
      if (!is_late_message) when_awake(place, incarnation, action);
    });
    return;
  }
  action(node);
}

}  // namespace lockstep::simulation

#include "tests/simulation/sim_world.hpp"

#include <algorithm>
#include <iostream>

#include "protocol/raft/quorum.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/simulation/failure.hpp"
#include "tests/simulation/trace.hpp"

namespace lockstep::simulation {
namespace {

// How often every node's whole log is compared; its new part is after every step.
constexpr std::uint64_t kWholeLogEvery = 5'000;
// "within 10 maximum election timeouts" of healing the cluster is useful again.
constexpr int kPatience = 10;
constexpr int kMaxTicksAtOnce = 100;
constexpr Duration kFullDiskIsTriedAgain = std::chrono::milliseconds(20);
constexpr Duration kLongestTurn = std::chrono::milliseconds(1);

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

// A peer's connection is its place, whichever of its processes speaks: answers may reach the next one.
ConnectionId connection_of(Place place) { return ConnectionId(place + 1); }

template <typename Message, typename Decode>
Message through_codec(const Message& message, Decode decode) {
  const std::string bytes = wire::encode(message);
  auto decoded = decode(bytes);
  REQUIRE_SAFE(decoded.has_value(),
               "a message of ours does not decode: " + (decoded ? std::string() : wire::to_string(decoded.error())));
  REQUIRE_SAFE(*decoded == message, "a message decodes to another one");
  return *std::move(decoded);
}

}  // namespace

SimWorld::SimWorld(const WorldOptions& options)
    : options_(options),
      random_(options.seed),
      plan_(FaultPlan::draw(random_, options.nodes)),
      network_(plan_, random_.next(), coverage_),
      nodes_(make_nodes(plan_, random_)),
      node_checker_(nodes_, coverage_),
      client_checker_(coverage_),
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
  while (events_ < options_.events || somebody_stands_still()) run_one();

  heal();
  // By the slowest clock.
  const Duration patience = kPatience * plan_.timing.election_timeout_max;
  const Time deadline = scheduler_.now() + patience + patience * plan_.max_drift_ppm / 1'000'000 * 5 / 4;
  while (!is_settled()) {
    if (scheduler_.now() > deadline) {
      throw Failure(FailureKind::kLiveness,
                    "healed for " + std::to_string(kPatience) + " maximum election timeouts, but " + what_is_missing());
    }
    run_one();
  }
  final_checks();
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
  if (options_.trace) trace("world", "heals");
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
  if (plan_.batches && random_.one_in(2)) {
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
  Output output = node.replica->take_output();
  check(node);
  carry_out(node, std::move(output));
  if (node.is_up()) plan_tick(node);
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
      step(awake, Tick{});
    });
  });
}

// What happens to a process that stands still happens when it goes on. What was for one that is gone is
// lost, except messages where the plan says otherwise (those come with incarnation 0).
void SimWorld::when_awake(Place place, std::uint64_t incarnation, std::function<void(SimNode&)> action) {
  SimNode& node = nodes_[place];
  if (!node.is_up() || (incarnation != 0 && incarnation != node.incarnation)) return;
  if (node.paused_until > scheduler_.now()) {
    scheduler_.at(node.paused_until,
                  [this, place, incarnation, action = std::move(action)] { when_awake(place, incarnation, action); });
    return;
  }
  action(node);
}

// --- what a node asks of the world ---

void SimWorld::carry_out(SimNode& node, Output output) {
  for (const raft::Outgoing& outgoing : output.messages) send(node, outgoing);
  bool crashes = false;
  for (raft::Write& write : output.writes) {
    // What may be torn is rare and worth a try.
    const bool may_be_torn = write.hard_state && !write.entries.empty();
    crashes = crashes || random_.one_in(may_be_torn ? plan_.crash_on_write_one_in / 8 : plan_.crash_on_write_one_in);
    submit(node, std::move(write));
  }
  if (output.compaction) compact(node, *output.compaction);
  for (const raft::SnapshotRead& read : output.snapshot_reads) read_snapshot(node, read);
  for (const ClientReply& answer : output.replies) reply(node, answer);
  if (options_.trace) {
    for (const Notice& notice : output.notices) trace(name_of_node(node.place), "notice: " + notice.text);
  }
  if (output.fatal) {
    stop_for_good(node, *output.fatal);
  } else if (crashes && !healed_) {
    crash_for_a_while(node);
  }
}

void SimWorld::submit(SimNode& node, raft::Write write) {
  if (options_.trace) trace(name_of_node(node.place), describe(write));
  const Duration delay = healed_ ? std::chrono::microseconds(100) : plan_.disk.draw(random_);
  const Time start = std::max({scheduler_.now(), node.last_write_done, node.stalled_until});
  node.last_write_done = start + delay;
  scheduler_.at(node.last_write_done, [this, place = node.place, incarnation = node.incarnation] {
    complete_oldest(nodes_[place], incarnation);
  });
  node.disk.submit(std::move(write));
}

// The disk is done now; the process hears of it later.
void SimWorld::complete_oldest(SimNode& node, std::uint64_t incarnation) {
  if (incarnation != node.incarnation || node.disk.outstanding() == 0) return;
  if (node.stalled_until > scheduler_.now()) {
    scheduler_.at(node.stalled_until,
                  [this, place = node.place, incarnation] { complete_oldest(nodes_[place], incarnation); });
    return;
  }
  if (!healed_ && random_.one_in(plan_.disk_fails_one_in)) node.disk.fail_soon(random_);
  const SimDisk::Completed completed = node.disk.complete_oldest();
  if (completed.outcome == SimDisk::Outcome::kFailed) return die_of_disk(node);
  if (completed.outcome == SimDisk::Outcome::kNoRoom) {
    coverage_.note(Met::kDiskFull);
    scheduler_.in(kFullDiskIsTriedAgain,
                  [this, place = node.place, incarnation] { complete_oldest(nodes_[place], incarnation); });
    return;
  }
  const Duration delay = healed_ ? Duration::zero() : plan_.completion.draw(random_);
  node.last_completion = std::max(node.last_completion, scheduler_.now() + delay);
  scheduler_.at(node.last_completion, [this, place = node.place, incarnation, write = completed.write] {
    when_awake(place, incarnation, [this, write](SimNode& awake) {
      if (options_.trace) trace(name_of_node(awake.place), "persisted " + std::to_string(write.value()));
      step(awake, Persisted{write});
    });
  });
}

// Beside everything else. It is durable a moment before the process hears of it, and a crash may come between.
void SimWorld::compact(SimNode& node, const Compaction& wanted) {
  const Duration delay = healed_ ? Duration::zero() : plan_.compaction.draw(random_);
  const bool no_room = !healed_ && random_.one_in(plan_.compaction_fails_one_in);
  node.disk.begin_compaction(wanted);
  scheduler_.in(delay, [this, place = node.place, incarnation = node.incarnation, wanted, no_room] {
    SimNode& compacting = nodes_[place];
    if (incarnation != compacting.incarnation) return;
    if (no_room) compacting.disk.give_up_compaction();
    const auto compacted =
        no_room ? SimDisk::Compacted{SimDisk::Outcome::kNoRoom} : compacting.disk.finish_compaction();
    if (compacted.outcome == SimDisk::Outcome::kFailed) return die_of_disk(compacting);
    coverage_.note(compacted.outcome == SimDisk::Outcome::kNoRoom ? Met::kCompactionWithoutRoom : Met::kCompaction);
    const Compacted event{compacted.snapshot};
    if (options_.trace) {
      trace(name_of_node(place),
            (event.snapshot ? "compacted up to " : "did not compact up to ") + std::to_string(wanted.index.value()));
    }
    const Duration later = healed_ ? Duration::zero() : plan_.completion.draw(random_);
    scheduler_.in(later, [this, place, incarnation, event] {
      when_awake(place, incarnation, [this, event](SimNode& awake) { step(awake, event); });
    });
  });
}

// S4: a process whose disk has failed ends, and whoever looks after it starts it again.
void SimWorld::die_of_disk(SimNode& node) {
  if (options_.trace) trace(name_of_node(node.place), "has a disk that fails");
  coverage_.note(Met::kDiskFailed);
  crash_for_a_while(node);
}

void SimWorld::read_snapshot(SimNode& node, const raft::SnapshotRead& read) {
  SnapshotBytes event{read, node.disk.read(read)};
  coverage_.note(Met::kSnapshotPart);
  if (!healed_ && random_.one_in(plan_.snapshot_rots_one_in)) {
    if (event.bytes.empty() || random_.one_in(2)) {
      event.bytes.clear();
    } else {
      char& byte = event.bytes[random_.below(event.bytes.size())];
      byte = static_cast<char>(byte ^ (1 << random_.below(8)));
    }
  }
  const Duration delay = healed_ ? Duration::zero() : plan_.disk.draw(random_);
  scheduler_.in(delay, [this, place = node.place, incarnation = node.incarnation, event = std::move(event)] {
    when_awake(place, incarnation, [this, event](SimNode& awake) { step(awake, event); });
  });
}

void SimWorld::send(SimNode& node, const raft::Outgoing& outgoing) {
  node_checker_.leaving(node.place, *node.replica, outgoing.message);
  if (std::holds_alternative<raft::Publish>(outgoing.to)) {
    for (Place to = 0; to < nodes_.size(); ++to) {
      if (to != node.place) send_to_node(node, to, outgoing.message, SimNetwork::Path::kPub);
    }
  } else if (const auto* member = std::get_if<raft::ToMember>(&outgoing.to)) {
    const auto to = static_cast<Place>(member->name.front() - 'a');
    send_to_node(node, to, outgoing.message, SimNetwork::Path::kDirect);
  } else {
    const Place to = std::get<raft::ToConnection>(outgoing.to).connection.value() - 1;
    send_to_node(node, to, outgoing.message, SimNetwork::Path::kDirect);
  }
}

void SimWorld::send_to_node(const SimNode& from, Place to, const raft::Message& message, SimNetwork::Path path) {
  const std::uint64_t incarnation = plan_.messages_outlive_crash ? 0 : nodes_[to].incarnation;
  for (const Time when : network_.deliveries(scheduler_.now(), from.place, to, path)) {
    scheduler_.at(when,
                  [this, to, incarnation, sender = from.place,
                   arriving = plan_.through_codec ? through_codec(message, wire::decode_message) : message]() mutable {
                    when_awake(to, incarnation, [this, sender, arriving = std::move(arriving)](SimNode& awake) {
                      if (options_.trace) {
                        trace(name_of_node(awake.place), "<- " + name_of_node(sender) + " " + describe(arriving));
                      }
                      step(awake, PeerMessage{connection_of(sender), arriving});
                    });
                  });
  }
}

void SimWorld::reply(SimNode& node, const ClientReply& reply) {
  const wire::Request* asked = clients_.request_of(reply.connection, reply.response.call);
  REQUIRE_SAFE(asked != nullptr, "a node answers what nobody asked");
  // "After a start: no answer until applied reaches a commit index heard from a live leader."
  const bool is_read = std::holds_alternative<wire::CheckAnswer>(reply.response.body) ||
                       std::holds_alternative<wire::ListAnswer>(reply.response.body);
  const auto heard = is_read ? node.replica->raft()->first_commit_heard() : LogIndex();
  REQUIRE_SAFE(heard && reply.response.applied >= *heard,
               "node " + name_of_node(node.place) + " answers a read before it knows what was committed");
  client_checker_.replied({node.turn_began, &node.clock}, node_checker_.reference_of(*node.replica), *asked,
                          reply.response);
  const Place to = clients_.place_of(reply.connection);
  for (const Time when : network_.deliveries(scheduler_.now(), node.place, to, SimNetwork::Path::kDirect)) {
    scheduler_.at(
        when, [this, from = node.place, connection = reply.connection, to,
               arriving = plan_.through_codec ? through_codec(reply.response, wire::decode_response) : reply.response] {
          if (options_.trace)
            trace("client " + std::to_string(to), "<- " + name_of_node(from) + " " + describe(arriving));
          clients_.receive(connection, from, arriving);
        });
  }
}

void SimWorld::request(Place from, ConnectionId connection, const ClientSend& send) {
  const Place to = send.endpoint;
  if (!nodes_[to].is_up() && random_.one_in(2)) {
    scheduler_.in(std::chrono::milliseconds(1), [this, connection, to] { clients_.not_connected(connection, to); });
    return;
  }
  for (const Time when : network_.deliveries(scheduler_.now(), from, to, SimNetwork::Path::kDirect)) {
    scheduler_.at(when, [this, from, to, connection, incarnation = nodes_[to].incarnation,
                         arriving = plan_.through_codec ? through_codec(send.request, wire::decode_request)
                                                        : send.request]() mutable {
      when_awake(to, incarnation, [this, from, connection, arriving = std::move(arriving)](SimNode& awake) {
        if (options_.trace) {
          trace(name_of_node(awake.place), "<- client " + std::to_string(from) + " " + describe(arriving));
        }
        step(awake, ClientRequest{connection, arriving});
      });
    });
  }
}

// R17: a wiped disk is refused, and its operator is told why and leaves it down. Nobody else may be told
// so, except that after a wipe two ids of one name may look like two nodes for a moment: start it again.
void SimWorld::stop_for_good(SimNode& node, const std::string& why) {
  if (options_.trace) trace(name_of_node(node.place), "stops: " + why);
  const bool some_wiped = std::any_of(nodes_.begin(), nodes_.end(), [](const SimNode& n) { return n.wiped; });
  REQUIRE_SAFE(some_wiped, "node " + name_of_node(node.place) + " stops without a reason: " + why);
  crash(node);
  if (node.wiped) {
    coverage_.note(Met::kWipedRefused);
    node.refused = true;
    return;
  }
  scheduler_.in(plan_.timing.election_timeout_max,
                [this, place = node.place, incarnation = node.incarnation] { restart(place, incarnation); });
}

}  // namespace lockstep::simulation

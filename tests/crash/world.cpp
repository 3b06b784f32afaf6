#include "tests/crash/world.hpp"

#include <algorithm>

#include "protocol/wire/codec.hpp"
#include "tests/simulation/failure.hpp"
#include "tests/support/output_of_turn.hpp"

namespace lockstep::crash {
namespace {

using simulation::Failure;
using simulation::FailureKind;

constexpr Duration kDownFor = std::chrono::milliseconds(200);
constexpr Duration kPatience = std::chrono::seconds(60);  // of the simulated clock
constexpr Duration kTryElsewhere = std::chrono::milliseconds(500);

StorageOptions storage_options(NodeId fresh) {
  StorageOptions options;
  options.folder = "data";
  options.fresh_node_id = fresh;
  options.seed = fresh.value();
  options.segment_bytes = 16 * 1024;  // a few requests: so that there are many segments
  return options;
}

ReplicaOptions replica_options(Place place, std::uint64_t incarnation) {
  ReplicaOptions options;
  options.name = std::string(1, name_of(place));
  for (Place other = 0; other < World::kNodes; ++other) {
    options.initial_members.push_back({std::string(1, name_of(other)), ""});
  }
  options.seed = 1000 * place + incarnation;
  options.compact_log_bytes = 2000;
  options.bounds.snapshot_part_bytes = 1024;
  return options;
}

wire::OpenSession open_as(std::size_t client) {
  wire::OpenSession open;
  open.client.bytes.fill(static_cast<std::uint8_t>(client + 1));
  open.nonce = client + 1;
  return open;
}

simulation::Coverage& unused_coverage() {
  static simulation::Coverage coverage;
  return coverage;
}

bool says_try_again(const wire::ResponseBody& body) {
  constexpr int kUnavailable = 3;
  const auto* error = std::get_if<wire::ErrorAnswer>(&body);
  return error != nullptr && error_info(error->code).exit_code == kUnavailable;
}

wire::ResponseBody as_sent(const locks::Result& result) {
  if (const auto* refused = std::get_if<locks::Refused>(&result)) {
    return wire::ErrorAnswer{refused->code, refused->detail, refused->current_session};
  }
  return std::visit(
      [](const auto& body) -> wire::ResponseBody {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, locks::Refused>) {
          return wire::ErrorAnswer{};
        } else {
          return body;
        }
      },
      result);
}

}  // namespace

World::Remains::Remains() : reference(locks::Bounds{}, unused_coverage()) {}

World::World(Remains remains) : remains_(std::move(remains)) {
  for (Place place = 0; place < kNodes; ++place) nodes_[place].disk.memory = std::move(remains_.disks[place]);
}

World::Remains World::stop(bool cleanly) {
  for (Place place = 0; place < kNodes; ++place) {
    Node& node = nodes_[place];
    node.replica.reset();
    if (cleanly && node.storage) (void)node.storage->close_cleanly();
    node.storage.reset();
    node.disk.memory.crash_losing_all();
    remains_.disks[place] = node.disk.memory;
  }
  return std::move(remains_);
}

Now World::now() const {
  return {remains_.time, WallTime(std::chrono::duration_cast<WallTime::duration>(remains_.time.time_since_epoch()))};
}

// --- processes ---

void World::start(Place place) {
  Node& node = nodes_[place];
  const std::uint64_t incarnation = ++remains_.incarnations;
  auto storage = Storage::open(node.disk, storage_options(NodeId(100 + incarnation)));
  if (node.disk.memory.power_is_off()) {
    die(place);
    return;
  }
  if (!storage) {
    REQUIRE_SAFE(!storage.error().detail.empty(), "a node that does not start says why");
    node.refusal = storage.error().detail;
    return;
  }
  node.storage.emplace(*std::move(storage));
  node.notices = node.storage->take_notices();
  node.replica.emplace(replica_options(place, incarnation), node.storage->take_restored(), now());
  note_applied(place);
  carry_out(place, testing::output_of_turn(*node.replica));
}

void World::die(Place place) {
  Node& node = nodes_[place];
  node.replica.reset();
  node.compacting = false;
  node.storage.reset();
  node.disk.memory.crash(node.survives);
  node.survives = [](std::size_t) { return false; };
  node.start_at = remains_.time + kDownFor;
  std::erase_if(network_, [&](const Envelope& envelope) { return envelope.to == place; });
}

void World::end_process(Place place, bool cleanly) {
  Node& node = nodes_[place];
  if (!node.storage) return;
  if (cleanly) (void)node.storage->close_cleanly();
  die(place);
}

// --- events ---

void World::step(Place place, const Event& event) {
  Node& node = nodes_[place];
  if (!node.replica) return;
  node.replica->step(now(), event);
  note_applied(place);
  carry_out(place, testing::output_of_turn(*node.replica));
}

// What is sent has left before the disk is asked: a crash there is the worst one.
void World::carry_out(Place place, Output output) {
  Node& node = nodes_[place];
  note_applied(place);
  REQUIRE_SAFE(!output.fatal,
               std::string("node ") + name_of(place) + " stops: " + output.fatal.value_or(StopReason()).detail);
  for (const raft::Outgoing& outgoing : output.messages) send(place, outgoing);
  for (const ClientReply& reply : output.replies) {
    if (reply.response.call == call_) answer_ = reply.response.body;
  }
  for (const raft::SnapshotRead& read : output.snapshot_reads) {
    step(place, raft::SnapshotPartRead{read, node.storage ? node.storage->read_snapshot(read) : std::string()});
  }
  std::span<const raft::Write> writes = output.writes;
  if (node.compacting && std::any_of(writes.begin(), writes.end(), [](const auto& write) { return write.snapshot; })) {
    ++overtaken_;
  }
  while (!writes.empty() && node.storage) {
    const auto persisted = node.storage->persist(writes);
    if (node.disk.memory.power_is_off()) return die(place);
    REQUIRE_SAFE(persisted.has_value() && !persisted->out_of_space, "a disk without faults takes every write");
    const auto done = writes.first(persisted->count);
    writes = writes.subspan(persisted->count);
    for (const raft::Write& write : done) step(place, raft::Persisted{write.id});
  }
  if (output.compaction && node.storage) {
    const Compaction wanted = *output.compaction;
    const auto fold_it = [wanted](const raft::Snapshot* older, LogIndex first, std::span<const raft::Entry> entries) {
      return fold(older, first, entries, wanted);
    };
    node.storage->start_compaction(wanted.index, fold_it, [] {});
    node.compacting = true;
    if (held_ != place || node.disk.memory.power_is_off()) finish_compaction(place);
  }
}

void World::let_compactions_go() {
  const Place place = std::exchange(held_, kNodes);
  if (place != kNodes && nodes_[place].compacting) finish_compaction(place);
}

void World::finish_compaction(Place place) {
  Node& node = nodes_[place];
  node.compacting = false;
  const auto end = node.storage->finish_compaction();
  if (node.disk.memory.power_is_off()) return die(place);
  REQUIRE_SAFE(end.has_value(), "a disk without faults folds: " + (end ? std::string() : end.error().detail));
  step(place, raft::Compacted{end->snapshot});
}

void World::send(Place from, const raft::Outgoing& outgoing) {
  const auto* member = std::get_if<raft::ToMember>(&outgoing.to);
  const auto* connection = std::get_if<raft::ToConnection>(&outgoing.to);
  for (Place to = 0; to < kNodes; ++to) {
    if (to == from || isolated_.contains(from) || isolated_.contains(to) || !nodes_[to].replica) continue;
    if (member != nullptr && member->name.front() != name_of(to)) continue;
    if (connection != nullptr && connection->connection.value() != to + 1) continue;
    network_.push_back({from, to, outgoing.message});
  }
}

// Whoever applies an entry first makes it the reference's; all others must apply the same.
void World::note_applied(Place place) {
  const Replica& replica = *nodes_[place].replica;
  if (replica.raft() == nullptr) return;
  const raft::Log& log = replica.raft()->log();
  simulation::Reference& reference = remains_.reference;
  for (LogIndex index = reference.last().next(); index <= replica.applied_index(); index = index.next()) {
    REQUIRE_SAFE(log.contains(index), "nobody applied what a snapshot stands for");
    reference.commit(remains_.time, replica.raft()->term(), log.at(index));
  }
  const LogIndex applied = replica.applied_index();
  if (!applied) return;
  REQUIRE_SAFE(!log.contains(applied) || log.at(applied) == reference.at(applied),
               std::string("node ") + name_of(place) + " applied another entry than was committed");
  REQUIRE_SAFE(replica.state().hash() == reference.hash_at(applied),
               std::string("node ") + name_of(place) + " has another state than the reference");
}

// The next thing that happens; false if nothing does before `until`.
bool World::run_one(Time until) {
  if (!network_.empty()) {
    const Envelope envelope = std::move(network_.front());
    network_.pop_front();
    step(envelope.to, PeerMessage{ConnectionId(envelope.from + 1), envelope.message});
    return true;
  }
  Place next = kNodes;
  Time when = until;
  for (Place place = 0; place < kNodes; ++place) {
    const Node& node = nodes_[place];
    if (!node.replica && (!node.may_start || node.refusal)) continue;
    const Time due = std::max(remains_.time, node.replica ? node.replica->next_deadline() : node.start_at);
    if (due < when) {
      when = due;
      next = place;
    }
  }
  if (next == kNodes) return false;
  remains_.time = when;
  if (nodes_[next].replica) {
    step(next, Tick{});
  } else {
    start(next);
  }
  return true;
}

void World::run(Duration duration) {
  const Time until = remains_.time + duration;
  while (run_one(until)) {
  }
  remains_.time = until;
}

// --- the client ---

wire::ResponseBody World::ask(const wire::RequestBody& body) {
  const Time patience_ends = remains_.time + kPatience;
  for (Place place = remains_.given.size() % kNodes;; place = (place + 1) % kNodes) {
    if (remains_.time > patience_ends)
      throw Failure(FailureKind::kLiveness, "a request has no answer: " + what_is_missing());
    call_ = call_.next();
    answer_.reset();
    const Time until = remains_.time + kTryElsewhere;
    if (!isolated_.contains(place)) step(place, ClientRequest{ConnectionId(500), {call_, body}});
    while (!answer_ && run_one(until)) {
    }
    if (!answer_) remains_.time = until;
    if (answer_ && !says_try_again(*answer_)) return *answer_;
    if (answer_) run(std::chrono::milliseconds(20));
  }
}

void World::request(std::size_t client, const locks::Operation& operation) {
  auto& sessions = remains_.sessions;
  if (sessions.size() <= client) {
    sessions.resize(client + 1);
    remains_.last_numbers.resize(client + 1);
  }
  if (!sessions[client]) {
    const wire::ResponseBody answer = ask(open_as(client));
    const auto* opened = std::get_if<locks::SessionOpened>(&answer);
    REQUIRE_SAFE(opened != nullptr, "a session is opened");
    sessions[client] = opened->session;
  }
  const RequestNumber number(++remains_.last_numbers[client]);
  const locks::Execute execute{sessions[client], number, number, operation};
  remains_.given.emplace_back(execute, ask(execute));
}

void World::repeat_last_requests() {
  std::set<SessionId> done;
  const auto given = remains_.given;
  for (auto one = given.rbegin(); one != given.rend(); ++one) {
    const auto& execute = std::get<locks::Execute>(one->first);
    if (!done.insert(execute.session).second) continue;
    REQUIRE_SAFE(ask(execute) == one->second, "a request that is repeated is answered as it was");
  }
}

// --- what must hold ---

Place World::leader() const {
  for (Place place = 0; place < kNodes; ++place) {
    const auto& replica = nodes_[place].replica;
    if (replica && replica->raft() != nullptr && replica->raft()->is_leader()) return place;
  }
  return kNodes;
}

std::string World::what_is_missing() const {
  if (leader() == kNodes) return "nobody leads";
  for (Place place = 0; place < kNodes; ++place) {
    const Node& node = nodes_[place];
    if (node.refusal && !node.may_refuse) {
      return std::string("node ") + name_of(place) + " refuses to start: " + *node.refusal;
    }
    if (node.refusal || !node.may_start) continue;
    if (!node.replica) return std::string("node ") + name_of(place) + " is down";
    if (node.replica->applied_index() != remains_.reference.last()) {
      return std::string("node ") + name_of(place) + " has applied up to " +
             std::to_string(node.replica->applied_index().value()) + " of " +
             std::to_string(remains_.reference.last().value());
    }
  }
  return {};
}

void World::settle() {
  const Time deadline = remains_.time + kPatience;
  while (!what_is_missing().empty()) {
    if (!run_one(deadline)) throw Failure(FailureKind::kLiveness, "healed, but " + what_is_missing());
  }
  for (const auto& given : remains_.given) {
    const auto& answers = remains_.reference.answers_to(simulation::Reference::key_of(given.first));
    const bool holds = std::any_of(answers.begin(), answers.end(),
                                   [&](const auto& one) { return as_sent(one.result) == given.second; });
    REQUIRE_SAFE(holds, "an answer that was given is the reference's");
  }
}

}  // namespace lockstep::crash

// After all is healed: first a calm, in which clients go on and everything must work as it should, then rest, in which
// nobody asks for anything and nothing may be left over.

#include <algorithm>

#include "tests/simulation/failure.hpp"
#include "tests/simulation/sim_world.hpp"
#include "tests/simulation/trace.hpp"

namespace lockstep::simulation {
namespace {

constexpr Duration kCalm = std::chrono::seconds(3);
constexpr std::uint64_t kEventsInCalm = 5'000;
constexpr Duration kRoundTrip = std::chrono::milliseconds(10);  // many, of a perfect network
constexpr Duration kRest = std::chrono::seconds(1);
// The sessions of processes that are gone run out, and so do the waits of those that never expire (10 s).
constexpr Duration kLongestLease = std::chrono::seconds(20);

std::string list_of(const std::vector<std::string_view>& words) {
  std::string list;
  for (const std::string_view word : words) list += (list.empty() ? "" : ", ") + std::string(word);
  return list;
}

}  // namespace

void SimWorld::run_until(Time deadline, const std::function<std::string()>& what_is_missing) {
  for (std::string missing = what_is_missing(); !missing.empty(); missing = what_is_missing()) {
    REQUIRE_LIVE(scheduler_.now() <= deadline, "without a fault for a long time, but " + missing);
    run_one();
  }
}

// All that was sent before all was healed has arrived, also at nodes that stood still, and was answered: it may be of
// an earlier term and mislead. What was asked before is given up, or answered.
void SimWorld::become_calm() {
  const auto what_is_left = [this]() -> std::string {
    for (const SimNode& node : nodes_) {
      if (!node.is_up() || node.replica->raft() == nullptr) continue;
      const std::string left = list_of(node.replica->raft()->what_is_left());
      if (!left.empty()) return "node " + name_of_node(node.place) + " has " + left + " left";
    }
    return {};
  };
  run_until(scheduler_.now() + patience(), what_is_left);
  const Time answered = std::max(scheduler_.now(), sent_before_arrives_) + kRoundTrip;
  while (scheduler_.now() < answered) run_one();
  run_until(scheduler_.now() + patience(), what_is_left);
}

void SimWorld::live_in_calm() {
  become_calm();
  if (options_.trace) trace("world", "is calm");
  phase_ = Phase::kCalm;
  calm_since_ = scheduler_.now();
  clients_.begin_calm(std::all_of(nodes_.begin(), nodes_.end(), [](const SimNode& node) { return node.is_up(); }));
  const std::uint64_t enough = events_ + kEventsInCalm;
  while (scheduler_.now() < calm_since_ + kCalm && events_ < enough) run_one();
  clients_.begin_to_leave();
  run_until(scheduler_.now() + patience(), [this] { return clients_.unanswered(); });
  clients_.close_sessions();
  run_until(scheduler_.now() + patience(), [this] { return clients_.unanswered(); });
  clients_.leave();
}

void SimWorld::rest() {
  const Reference& reference = *node_checker_.main_reference();
  run_until(scheduler_.now() + kLongestLease, [&]() -> std::string {
    for (const auto& session : reference.past().sessions(SessionId(), reference.last())) {
      if (session.view.ttl_ms != 0)
        return "session " + std::to_string(session.view.session.value()) + " does not expire";
      if (session.view.waits != 0) return "session " + std::to_string(session.view.session.value()) + " waits on";
    }
    return {};
  });
  // A late copy of a request that was acknowledged is kept to the end of its lifetime: no entry answers it.
  run_until(scheduler_.now() + patience() + 2 * plan_.request_lifetime, [this] { return what_is_left(); });

  if (options_.trace) trace("world", "rests");
  phase_ = Phase::kRest;
  const LogIndex last = reference.last();
  messages_at_rest_.assign(nodes_.size(), {});
  const Time end = scheduler_.now() + kRest;
  while (scheduler_.now() < end) run_one();
  REQUIRE_LIVE(reference.last() == last, "nobody asks for anything, but entries are committed");
  for (Place place = 0; place < nodes_.size(); ++place) check_messages_at_rest(place);
  run_until(scheduler_.now() + patience(), [this] { return what_is_left(); });
}

// Of every node that is up.
std::string SimWorld::what_is_left() const {
  for (const SimNode& node : nodes_) {
    if (!node.is_up() || node.replica->raft() == nullptr) continue;
    const std::string left = list_of(node.replica->what_is_left());
    if (!left.empty()) return "node " + name_of_node(node.place) + " has " + left + " left";
    const bool has_leases = node.replica->lease_count() != 0;
    if (has_leases) return "node " + name_of_node(node.place) + " keeps leases of nobody";
  }
  return {};
}

// What a cluster without work says: heartbeats and their acknowledgements, and barriers for the sake of the age, each
// of which begins a round.
void SimWorld::check_messages_at_rest(Place place) const {
  const auto at_most = [](Duration every) {
    return static_cast<std::size_t>(kRest * 5 / 4 / every) + 2;  // by the fastest clock
  };
  const std::size_t barriers = at_most(ReplicaOptions{}.barrier_interval);
  const std::size_t heartbeats = at_most(plan_.timing.heartbeat) + barriers * nodes_.size();
  const auto& sent = messages_at_rest_[place];
  const auto check = [&](auto kind, std::size_t most, const char* what) {
    const auto found = sent.find(kind);
    const std::size_t count = found == sent.end() ? 0 : found->second;
    REQUIRE_LIVE(count <= most, "node " + name_of_node(place) + " sends " + std::to_string(count) + " " + what +
                                    " without work, and " + std::to_string(most) + " are enough");
  };
  const auto index_of = [](const raft::MessageBody& body) { return body.index(); };
  check(index_of(raft::Append{}), heartbeats, "heartbeats");
  check(index_of(raft::Ack{}), heartbeats, "acknowledgements");
  check(index_of(raft::Barrier{}), barriers, "barriers");
  check(index_of(raft::BarrierAnswer{}), barriers * nodes_.size(), "answers to barriers");
  // Who stays down has never answered.
  const std::size_t hellos = at_most(ReplicaOptions{}.hello_interval) * nodes_.size();
  check(index_of(raft::Hello{}), hellos, "Hellos");
  check(index_of(raft::Form{}), hellos, "answers to Hellos");
}

// In calm nobody campaigns, misses anything or is misled.
void SimWorld::note_message_in_calm(const SimNode& node, const raft::Message& message) {
  if (phase_ == Phase::kFaults) return;
  const auto& body = message.body;
  const bool is_expected = std::holds_alternative<raft::Append>(body) || std::holds_alternative<raft::Ack>(body) ||
                           std::holds_alternative<raft::Barrier>(body) ||
                           std::holds_alternative<raft::BarrierAnswer>(body) ||
                           std::holds_alternative<raft::Hello>(body) || std::holds_alternative<raft::Form>(body) ||
                           (phase_ == Phase::kCalm &&
                            (std::holds_alternative<raft::Forward>(body) || std::holds_alternative<raft::Busy>(body)));
  if (!is_expected && options_.trace)
    trace("node " + name_of_node(node.place), "sends what it should not: " + describe(message));
  REQUIRE_LIVE(is_expected, "without a fault node " + name_of_node(node.place) + " sends " + describe(message));
  if (phase_ == Phase::kRest) ++messages_at_rest_[node.place][body.index()];
}

// A node that has been asked in calm answers for the cluster.
void SimWorld::check_reply_in_calm(const SimNode& node, const ClientReply& reply) const {
  const auto* error = std::get_if<wire::ErrorAnswer>(&reply.response.body);
  if (phase_ == Phase::kFaults || error == nullptr || !plan_.renewals_keep_up()) return;
  const bool is_failure = error->code == ErrorCode::kUnavailable || error->code == ErrorCode::kNoLeader;
  const Time since = node.clock.at(calm_since_);
  REQUIRE_LIVE(!is_failure || !node.ledger->came_since(since, reply.connection, reply.response.call),
               "without a fault node " + name_of_node(node.place) + " answers " + describe(reply.response));
}

}  // namespace lockstep::simulation

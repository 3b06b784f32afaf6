#include "tests/explore/waiting_node.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/wire/codec.hpp"
#include "tests/explore/cluster.hpp"
#include "tests/explore/replica_inside.hpp"
#include "tests/explore/violation.hpp"
#include "tests/support/output_of_turn.hpp"

namespace lockstep::explore {
namespace {

constexpr Duration kNever = std::chrono::hours(1000);            // for timeouts that the model has no use for
constexpr Duration kRequestLifetime = std::chrono::seconds(10);  // longer than any poll
constexpr Duration kTurn = std::chrono::milliseconds(100);       // a barrier is due in every turn

ReplicaOptions options_of_one(bool small_pages) {
  ReplicaOptions options;
  options.name = letter(0);
  options.initial_members = {{letter(0), {}}};
  options.timing = {std::chrono::milliseconds(500), kNever, kNever};
  options.request_lifetime = kRequestLifetime;
  options.barrier_interval = options.hello_interval = 100 * kNever;
  if (small_pages) {
    options.desk.kept_changes = 3;
    options.desk.watched_changes = options.desk.watched_holds = 1;
  }
  return options;
}

raft::Restored formed_alone() {
  raft::Restored restored;
  restored.node = id_of(0);
  restored.hard_state = {kCluster, Term(1), NodeId(), LogIndex()};
  raft::Configuration configuration{kCluster, {{id_of(0), letter(0)}}, wire::encode(locks::StateLimits{})};
  restored.entries = {{Term(1), WallTime{}, std::move(configuration)}};
  return restored;
}

}  // namespace

Fingerprint fingerprint_of(std::string_view bytes) {
  Fingerprinter out;
  out.add(bytes.size());
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 8))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min<std::size_t>(bytes.size(), 8));
    out.add(word);
  }
  return out.finish();
}

WallTime wall_of(LogIndex applied) { return WallTime(WallTime::duration(static_cast<WallTime::rep>(applied.value()))); }

WaitingNode::WaitingNode(bool small_pages) : replica_(options_of_one(small_pages), formed_alone(), Now{}) {
  clock_ += 2 * kNever;
  step(Tick{});
  end_turn();
  require(replica_.raft()->leads_with_full_state(), "a cluster of one has no leader");
}

void WaitingNode::take(ConnectionId from, const wire::Request& request) {
  asked_.push_back({from, request.call, fingerprint_of(wire::encode(request))});
  step(ClientRequest{from, request});
}

// A disk that is quick: what comes of a write belongs to the turn.
void WaitingNode::end_turn() {
  clock_ += kTurn;
  while (carry_out_turn()) {
  }
  std::move(asked_.begin(), asked_.end(), std::back_inserter(held_));
  asked_.clear();
  for (const ClientReply& reply : replies_) was_answered(reply);
  std::sort(held_.begin(), held_.end());
  check();
}

bool WaitingNode::carry_out_turn() {
  Output output = testing::output_of_turn(replica_);
  std::move(output.replies.begin(), output.replies.end(), std::back_inserter(replies_));
  for (const raft::Write& write : output.writes) step(raft::Persisted{write.id});
  return !output.writes.empty();
}

void WaitingNode::expire(const locks::Expire& expire) {
  Inside::propose(replica_, now(), wire::encode(locks::Command(expire)));
  end_turn();
}

// Not by the clock of the leases: there is always something left to read (L5).
void WaitingNode::let_time_pass() {
  clock_ += 2 * kRequestLifetime;
  step(Tick{false});
  end_turn();
  require(held_.empty() && replica_.what_is_left().empty(), "a request is held beyond its time");
}

std::vector<ClientReply> WaitingNode::take_replies() { return std::exchange(replies_, {}); }

bool WaitingNode::holds_any_of(ConnectionId asker) const {
  const auto is_of = [&](const Copy& copy) { return copy.from == asker; };
  return std::any_of(held_.begin(), held_.end(), is_of) || std::any_of(asked_.begin(), asked_.end(), is_of);
}

void WaitingNode::was_answered(const ClientReply& reply) {
  const auto copy = std::find_if(held_.begin(), held_.end(), [&](const Copy& one) {
    return one.from == reply.connection && one.call == reply.response.call;
  });
  require(copy != held_.end(), "a copy of a request is answered twice");
  held_.erase(copy);
}

void WaitingNode::check() const {
  require(!held_.empty() || replica_.what_is_left().empty(), "all is answered, and the node has something left");
  require(machine().hash() == machine().recomputed_hash(), "R16: the state's hash is not the state's");
  for (const auto& [name, row] : machine().locks().in_order()) {
    require(row.holds.size() <= 1, "an exclusive lock has two holders");
    for (const auto& [session, hold] : row.holds) {
      require(machine().sessions().find(session) != nullptr, "L8: a session that ended holds a lock");
    }
  }
  for (const auto& [id, waiter] : machine().locks().waiters()) {
    require(machine().sessions().find(waiter.request.session) != nullptr, "L8: a session that ended waits");
  }
}

// Between turns all else follows from this. Within one the order of what was asked counts.
Fingerprint WaitingNode::fingerprint() const {
  Fingerprinter out;
  out.add(machine().hash()).add(applied().value()).add(asked_.size());
  for (const std::vector<Copy>* copies : {&held_, &asked_}) {
    for (const Copy& copy : *copies) out.add(copy.from.value()).add(copy.call.value()).add(copy.request);
  }
  return out.finish();
}

}  // namespace lockstep::explore

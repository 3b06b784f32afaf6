#include "tests/fuzz/node.hpp"
#include "tests/support/output_of_turn.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep::fuzz {
namespace {

std::string name_of(std::uint64_t id) { return std::string(1, static_cast<char>('a' + id - 1)); }

raft::Restored blank_or_formed(std::uint64_t id, std::size_t members, bool formed) {
  raft::Restored restored;
  restored.node = NodeId(id);
  if (!formed) return restored;
  raft::Configuration configuration{ClusterId(77), {}, wire::encode(locks::StateLimits{50, 8, 10, 5})};
  for (std::uint64_t i = 1; i <= members; ++i) configuration.voters.push_back({NodeId(i), name_of(i)});
  restored.hard_state.cluster = configuration.cluster;
  restored.hard_state.term = Term(1);
  restored.entries.push_back({Term(1), WallTime(), std::move(configuration)});
  return restored;
}

ReplicaOptions options_for(std::uint64_t id, std::size_t members) {
  ReplicaOptions options;
  options.name = name_of(id);
  for (std::uint64_t i = 1; i <= members; ++i) options.initial_members.push_back({name_of(i), "tcp://" + name_of(i)});
  options.seed = id;
  options.version = "fuzz";
  options.desk.max_pending_bytes = 4096;
  options.desk.max_polls = 4;
  options.compact_log_bytes = 1500;
  options.desk.kept_changes = 8;
  options.bounds.snapshot_part_bytes = 256;
  options.bounds.ahead_bytes = 4096;
  return options;
}

// What one side encodes the other must be able to read, or it never hears of it.
template <typename Message, typename Decode>
void must_be_readable(const Message& message, Decode decode) {
  const auto decoded = decode(wire::encode(message));
  INVARIANT(decoded.has_value(), "what a node says can be read");
  INVARIANT(*decoded == message, "what a node says is read as it was said");
}

wire::OpenSession open_as(std::uint8_t client, std::uint32_t ttl_ms) {
  wire::OpenSession open;
  open.client.bytes.fill(client);
  open.secret.fill(client);
  open.nonce = client;
  open.ttl_ms = ttl_ms;
  return open;
}

}  // namespace

Node::Node(std::uint64_t id, std::size_t members, bool formed)
    : members_(members),
      disk_(blank_or_formed(id, members, formed)),
      replica_(options_for(id, members), disk_.durable(), now()) {
  settle();
}

void Node::restart() {
  waiting_.clear();
  replica_ = Replica(options_for(id().value(), members_), disk_.durable(), now());
  settle();
}

Now Node::now() const {
  return {time_, WallTime(std::chrono::duration_cast<WallTime::duration>(time_.time_since_epoch()))};
}

void Node::step(const Event& event) {
  if (stopped_) return;
  replica_.step(now(), event);
  settle();
}

void Node::advance(Duration duration) {
  time_ += duration;
  step(Tick{});
}

void Node::tick() {
  time_ = std::max(time_, replica_.next_deadline());
  step(Tick{});
}

void Node::settle() {
  carry_out(testing::output_of_turn(replica_));
  while (!waiting_.empty()) {
    const Event event = std::move(waiting_.front());
    waiting_.pop_front();
    replica_.step(now(), event);
    carry_out(testing::output_of_turn(replica_));
  }
}

void Node::carry_out(Output output) {
  for (const raft::Outgoing& outgoing : output.messages) note(outgoing.message);
  for (const ClientReply& reply : output.replies) must_be_readable(reply.response, wire::decode_response);
  std::move(output.messages.begin(), output.messages.end(), std::back_inserter(messages_));
  std::move(output.replies.begin(), output.replies.end(), std::back_inserter(replies_));
  for (const raft::Write& write : output.writes) {
    disk_.make_durable(write);
    waiting_.push_back(raft::Persisted{write.id});
  }
  for (const raft::SnapshotRead& read : output.snapshot_reads) {
    const raft::SharedSnapshot snapshot = disk_.snapshot_at(read.snapshot);
    waiting_.push_back(
        raft::SnapshotPartRead{read, snapshot ? snapshot->state.substr(read.offset, read.bytes) : std::string()});
  }
  if (output.compaction) {
    const raft::Restored& durable = disk_.durable();
    auto folded = fold(durable.snapshot.get(), durable.base.index.next(), durable.entries, *output.compaction);
    INVARIANT(folded.has_value(), "what was applied can be folded");
    const auto snapshot = std::make_shared<const raft::Snapshot>(*std::move(folded));
    disk_.compacted(snapshot);
    waiting_.push_back(raft::Compacted{snapshot->head});
  }
  if (output.fatal) {
    INVARIANT(!output.fatal->detail.empty(), "a node that stops says why");
    stopped_ = true;
    waiting_.clear();
  }
}

void Node::note(const raft::Message& message) {
  must_be_readable(message, wire::decode_message);
  if (const auto* fetch = std::get_if<raft::Fetch>(&message.body)) last_fetch_ = fetch->number;
  if (const auto* vote = std::get_if<raft::VoteRequest>(&message.body)) last_question_ = vote->number;
  if (const auto* barrier = std::get_if<raft::Barrier>(&message.body)) last_question_ = barrier->number;
  if (const auto* forward = std::get_if<raft::Forward>(&message.body)) last_question_ = forward->number;
}

bool Node::receive_from_client(ConnectionId connection, std::string_view frame) {
  auto request = wire::decode_request(frame);
  if (!request) {
    INVARIANT(!request.error().detail.empty(), "a refused frame is told why");
    step(BadFrame{});
    return false;
  }
  must_be_readable(*request, wire::decode_request);
  step(ClientRequest{connection, *std::move(request)});
  return true;
}

bool Node::receive_from_peer(ConnectionId connection, std::string_view frame) {
  auto message = wire::decode_message(frame);
  if (!message) {
    INVARIANT(!message.error().detail.empty(), "a refused frame is told why");
    return false;
  }
  step(PeerMessage{connection, *std::move(message)});
  return true;
}

void deliver_all(std::vector<Node>& nodes) {
  for (bool silent = false; !silent;) {
    silent = true;
    for (Node& from : nodes) {
      for (const raft::Outgoing& outgoing : from.take_messages()) {
        silent = false;
        const auto* member = std::get_if<raft::ToMember>(&outgoing.to);
        const auto* connection = std::get_if<raft::ToConnection>(&outgoing.to);
        for (Node& to : nodes) {
          if (to.id() == from.id()) continue;
          if (member != nullptr && member->name != name_of(to.id().value())) continue;
          if (connection != nullptr && connection->connection.value() != to.id().value()) continue;
          to.step(PeerMessage{ConnectionId(from.id().value()), outgoing.message});
        }
      }
    }
  }
}

std::vector<Node> busy_cluster(std::size_t size) {
  std::vector<Node> nodes;
  for (std::uint64_t id = 1; id <= size; ++id) nodes.emplace_back(id, size, true);
  Node& leader = nodes.front();
  for (int i = 0; i < 100 && !leader.replica().raft()->is_leader(); ++i) {
    leader.tick();
    deliver_all(nodes);
  }
  INVARIANT(leader.replica().raft()->is_leader(), "a healthy cluster elects");
  CallNumber call;
  const auto ask = [&](wire::RequestBody body) {
    call = call.next();
    leader.step(ClientRequest{ConnectionId(500), {call, std::move(body)}});
    deliver_all(nodes);
  };
  // Their sessions are 3, 4 and 5: entry 1 is the configuration, entry 2 the leader's.
  ask(open_as(1, 0));
  ask(open_as(2, 9000));
  ask(open_as(3, 0));
  const auto execute = [&](std::uint64_t session, std::uint64_t number, locks::Operation operation) {
    ask(locks::Execute{SessionId(session), RequestNumber(number), RequestNumber(1), std::move(operation)});
  };
  execute(3, 1, locks::Preempt{"a"});
  execute(4, 1, locks::Acquire{{"a", "b"}, locks::Mode::kExclusive, 0, true, 1});
  execute(5, 1, locks::Acquire{{"s"}, locks::Mode::kPermit, 2, true, 0});
  execute(3, 2, locks::Acquire{{"s"}, locks::Mode::kPermit, 2, true, 0});
  execute(4, 2, locks::Acquire{{"s"}, locks::Mode::kPermit, 2, true, 0});
  for (std::uint64_t number = 3; number < 12; ++number) {
    execute(3, number, locks::Preempt{"c" + std::string(200, 'x')});
    execute(3, ++number, locks::Release{"c" + std::string(200, 'x')});
  }
  leader.tick();
  deliver_all(nodes);
  for (Node& node : nodes) (void)node.take_replies();
  INVARIANT(leader.replica().raft()->snapshot() != nullptr, "so much log is compacted");
  return nodes;
}

}  // namespace lockstep::fuzz

// A few whole nodes with one clock, their disks and their clients. Time passes, messages arrive and
// clients ask when the test says so; a node's disk is done at once unless it is told to be late.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/replica/replica.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/support/model_disk.hpp"
#include "tests/support/output_of_turn.hpp"

namespace lockstep {

class ReplicaWorld {
 public:
  explicit ReplicaWorld(const std::vector<std::string>& names, const ReplicaOptions& options = ReplicaOptions())
      : options_(options), names_(names) {
    raft::Configuration configuration{ClusterId(77), {}, wire::encode(locks::StateLimits())};
    for (const std::string& name : names) {
      configuration.voters.push_back({NodeId(configuration.voters.size() + 1), name});
      options_.initial_members.push_back(
          {name, "tcp://" + name, "tcp://" + name + ":peer", "tcp://" + name + ":publish"});
    }
    for (const raft::Member& member : configuration.voters) {
      Node& node = nodes_[member.name];
      node.disk = testing::ModelDisk(
          raft::Restored{member.id, {configuration.cluster, Term(1), {}, {}}, {{Term(1), {}, configuration}}});
      start(member.name);
    }
  }

  void start(const std::string& name) {
    Node& node = nodes_.at(name);
    ReplicaOptions options = options_;
    options.name = name;
    options.seed += id(name).value();
    node.outstanding.clear();
    node.replica.emplace(options, node.disk.durable(), now());
    settle(name);
  }
  void crash(const std::string& name) { nodes_.at(name).replica.reset(); }

  void step(const std::string& name, const Event& event) {
    nodes_.at(name).replica->step(now(), event);
    settle(name);
  }

  // The clock goes on to the node's next deadline; no other node notices.
  void tick(const std::string& name) {
    time_ = std::max(time_, node(name).next_deadline());
    step(name, Tick{});
  }

  // Everyone's clock runs, messages arrive at once.
  void run(Duration duration) {
    const Time end = time_ + duration;
    deliver();
    for (int i = 0; i < 100'000; ++i) {
      const std::string* next = nullptr;
      for (const std::string& name : names_) {
        if (!nodes_.at(name).replica) continue;
        if (next == nullptr || node(name).next_deadline() < node(*next).next_deadline()) next = &name;
      }
      if (next == nullptr || node(*next).next_deadline() > end) break;
      tick(*next);
      deliver();
    }
    time_ = end;
  }
  void advance(Duration duration) { time_ += duration; }

  void elect(const std::string& name) {
    for (int i = 0; i < 1000 && !leads(name); ++i) {
      tick(name);
      deliver();
    }
    REQUIRE(leads(name));
    deliver();
  }
  bool leads(const std::string& name) const { return node(name).raft()->is_leader(); }

  void deliver() {
    for (int i = 0; i < 100'000 && !in_flight_.empty(); ++i) {
      const Envelope envelope = std::move(in_flight_.front());
      in_flight_.pop_front();
      arrive(envelope);
    }
    REQUIRE(in_flight_.empty());
  }
  void deliver(const std::string& from, const std::string& to) {
    std::deque<Envelope> others;
    std::vector<Envelope> due;
    for (Envelope& envelope : in_flight_) {
      const bool is_due = envelope.from == from && envelope.to == to;
      if (is_due) {
        due.push_back(std::move(envelope));
      } else {
        others.push_back(std::move(envelope));
      }
    }
    in_flight_ = std::move(others);
    for (const Envelope& envelope : due) arrive(envelope);
  }
  void drop_all() { in_flight_.clear(); }
  void isolate(const std::string& name) {
    isolated_.insert(name);
    std::erase_if(in_flight_, [&](const Envelope& e) { return e.from == name || e.to == name; });
  }
  void heal() { isolated_.clear(); }
  // What `from` sends to `to` by itself is lost, and answers are not: it knows a wrong `peer` of it.
  void misdirect(const std::string& from, const std::string& to) { misdirected_.insert({from, to}); }
  // `to` does not hear the broadcasts of `from`: it knows a wrong `publish` of it.
  void deafen(const std::string& from, const std::string& to) { deafened_.insert({from, to}); }

  template <typename Body>
  std::vector<Body> in_flight(const std::string& from, const std::string& to) const {
    std::vector<Body> bodies;
    for (const Envelope& envelope : in_flight_) {
      const auto* body = std::get_if<Body>(&envelope.message.body);
      if (body != nullptr && envelope.from == from && envelope.to == to) bodies.push_back(*body);
    }
    return bodies;
  }

  void disk_is_late(const std::string& name, bool late) {
    nodes_.at(name).disk_is_late = late;
    if (!late) settle(name);
  }
  // What an operator was told since the test's begin.
  const std::vector<std::string>& notices(const std::string& name) const { return nodes_.at(name).notices; }

  bool disk_owes(const std::string& name) const { return !nodes_.at(name).outstanding.empty(); }
  // How many writes the node has asked of its disk.
  std::size_t writes(const std::string& name) const { return nodes_.at(name).writes; }
  void persist(const std::string& name) {
    Node& node = nodes_.at(name);
    REQUIRE(!node.outstanding.empty());
    const raft::Write write = std::move(node.outstanding.front());
    node.outstanding.pop_front();
    node.disk.make_durable(write);
    step(name, raft::Persisted{write.id});
  }

  // A client asks a node; the call number is where its answer will be found.
  CallNumber ask(const std::string& name, wire::RequestBody body) {
    last_call_ = last_call_.next();
    step(name, ClientRequest{ConnectionId(500), {last_call_, std::move(body)}});
    return last_call_;
  }
  bool is_answered(CallNumber call) const { return replies_.contains(call); }
  const wire::Response& reply_to(CallNumber call) const {
    REQUIRE(is_answered(call));
    return replies_.at(call);
  }
  template <typename Body>
  Body answer_to(CallNumber call) const {
    const auto* body = std::get_if<Body>(&reply_to(call).body);
    REQUIRE(body != nullptr);
    return *body;
  }
  ErrorCode error_of(CallNumber call) const { return answer_to<wire::ErrorAnswer>(call).code; }

  // A session opened through a node, with everything delivered.
  SessionId open_session(const std::string& name, std::uint8_t client, std::uint32_t ttl_ms = 0) {
    const CallNumber call = ask(name, open_as(client, ttl_ms));
    deliver();
    return answer_to<locks::SessionOpened>(call).session;
  }
  // A request of a session, numbered as its next, with everything delivered.
  template <typename Answer>
  Answer run(const std::string& name, SessionId session, locks::Operation operation) {
    const CallNumber call = ask(name, next_of(session, std::move(operation)));
    deliver();
    return answer_to<Answer>(call);
  }
  void take(const std::string& name, SessionId session, const std::string& lock) {
    run<locks::Granted>(name, session, locks::Preempt{lock});
  }
  WaiterId queue(const std::string& name, SessionId session, const std::string& lock) {
    return run<locks::Queued>(name, session, acquire(lock)).waiter;
  }
  locks::Execute next_of(SessionId session, locks::Operation operation) {
    const RequestNumber number(++last_number_[session]);
    return {session, number, number, std::move(operation)};
  }
  static locks::Acquire acquire(const std::string& lock) { return {{lock}, locks::Mode::kExclusive, 0, true, 0}; }
  static wire::OpenSession open_as(std::uint8_t client, std::uint32_t ttl_ms = 0) {
    wire::OpenSession open;
    open.client.bytes.fill(client);
    open.secret.fill(static_cast<std::uint8_t>(client + 100));
    open.nonce = client;
    open.ttl_ms = ttl_ms;
    return open;
  }
  static locks::Execute preempt(SessionId session, std::uint64_t number, const std::string& lock) {
    return {session, RequestNumber(number), RequestNumber(1), locks::Preempt{lock}};
  }

  const Replica& node(const std::string& name) const { return *nodes_.at(name).replica; }
  const raft::Restored& disk(const std::string& name) const { return nodes_.at(name).disk.durable(); }
  NodeId id(const std::string& name) const { return disk(name).node; }
  Time time() const { return time_; }
  Now now() const {
    return {time_, WallTime(std::chrono::duration_cast<WallTime::duration>(time_.time_since_epoch()))};
  }

 private:
  struct Node {
    std::optional<Replica> replica;  // none while it is down
    testing::ModelDisk disk;
    std::deque<raft::Write> outstanding;
    bool disk_is_late = false;
    std::size_t writes = 0;
    std::vector<std::string> notices;
  };
  struct Envelope {
    std::string from;
    std::string to;
    raft::Message message;
  };

  std::string name_of(NodeId id) const { return names_.at(id.value() - 1); }

  void arrive(const Envelope& envelope) {
    if (!nodes_.at(envelope.to).replica) return;
    step(envelope.to, PeerMessage{ConnectionId(id(envelope.from).value()), envelope.message});
  }

  void send(const std::string& from, const std::string& to, const raft::Message& message) {
    if (from == to || isolated_.contains(from) || isolated_.contains(to)) return;
    in_flight_.push_back({from, to, message});
  }

  void settle(const std::string& name) {
    Node& node = nodes_.at(name);
    Output output = testing::output_of_turn(*node.replica);
    REQUIRE_FALSE(output.fatal);
    for (const raft::Outgoing& outgoing : output.messages) {
      if (const auto* member = std::get_if<raft::ToMember>(&outgoing.to)) {
        if (!misdirected_.contains({name, member->name})) send(name, member->name, outgoing.message);
      } else if (const auto* connection = std::get_if<raft::ToConnection>(&outgoing.to)) {
        send(name, name_of(NodeId(connection->connection.value())), outgoing.message);
      } else {
        for (const std::string& other : names_) {
          if (!deafened_.contains({name, other})) send(name, other, outgoing.message);
        }
      }
    }
    for (const ClientReply& reply : output.replies) {
      REQUIRE_MESSAGE(replies_.emplace(reply.response.call, reply.response).second, "a copy is answered once");
    }
    for (const Notice& notice : output.notices) node.notices.push_back(notice.text);
    node.writes += output.writes.size();
    for (raft::Write& write : output.writes) node.outstanding.push_back(std::move(write));
    for (const raft::SnapshotRead& read : output.snapshot_reads) {
      const raft::SharedSnapshot snapshot = node.disk.snapshot_at(read.snapshot);
      step(name,
           raft::SnapshotPartRead{read, snapshot ? snapshot->state.substr(read.offset, read.bytes) : std::string()});
    }
    if (output.compaction) compact(node, name, *output.compaction);
    if (!node.disk_is_late && !node.outstanding.empty()) persist(name);
  }

  void compact(Node& node, const std::string& name, const Compaction& wanted) {
    const raft::Restored& durable = node.disk.durable();
    auto folded = fold(durable.snapshot.get(), durable.base.index.next(), durable.entries, wanted);
    REQUIRE_MESSAGE(folded.has_value(), folded.error());
    const auto snapshot = std::make_shared<const raft::Snapshot>(*std::move(folded));
    node.disk.compacted(snapshot);
    step(name, raft::Compacted{snapshot->head});
  }

  ReplicaOptions options_;
  std::vector<std::string> names_;
  std::map<std::string, Node> nodes_;
  std::deque<Envelope> in_flight_;
  std::set<std::string> isolated_;
  std::set<std::pair<std::string, std::string>> misdirected_;
  std::set<std::pair<std::string, std::string>> deafened_;
  std::map<CallNumber, wire::Response> replies_;
  CallNumber last_call_;
  std::map<SessionId, std::uint64_t> last_number_;
  Time time_ = Time(std::chrono::seconds(1000));
};

}  // namespace lockstep

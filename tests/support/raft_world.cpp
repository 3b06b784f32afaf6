#include "tests/support/raft_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "protocol/raft/quorum.hpp"
#include "tests/support/describe.hpp"

namespace lockstep::raft {
namespace {

constexpr int kManySteps = 100'000;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

RaftWorld::RaftWorld(const std::string& names, const Options& options) : options_(options), names_(words_of(names)) {
  now_ = Time(std::chrono::seconds(1000));
  Configuration configuration{ClusterId(77), {}, {}};
  for (const std::string& name : names_) {
    configuration.voters.push_back({NodeId(configuration.voters.size() + 1), name});
  }
  for (const Member& member : configuration.voters) {
    Node& node = nodes_[member.name];
    node.id = member.id;
    node.name = member.name;
    node.disk = testing::ModelDisk(
        Restored{member.id, HardState{configuration.cluster, Term(1), {}, {}}, {Entry{Term(1), {}, configuration}}});
    start(node);
  }
  committed_ = nodes_.begin()->second.disk.durable().entries;
}

void RaftWorld::start_with_log(const std::string& name, const std::vector<Term>& terms) {
  Restored disk = find(name).disk.durable();
  disk.entries.resize(1);
  for (std::size_t i = 1; i < terms.size(); ++i) {
    disk.entries.push_back({terms[i], {}, Command{"old " + std::to_string(i + 1)}});
  }
  disk.hard_state.term = disk.entries.back().term;
  disk.hard_state.vote = NodeId();
  start_from(name, disk);
}

void RaftWorld::start_from(const std::string& name, const Restored& disk) {
  Node& node = find(name);
  node.disk = testing::ModelDisk(disk);
  start(node);
}

void RaftWorld::start(Node& node) {
  Options options = options_;
  options.seed += node.id.value();
  node.outstanding.clear();
  node.last_written = node.disk.last_index();
  node.checked_commit = LogIndex(1);
  node.raft.emplace(options, node.disk.durable(), WriteId(), now_);
  settle(node);
}

// --- time ---

void RaftWorld::tick(const std::string& name) { tick_at_deadline(find(name)); }

void RaftWorld::tick_at_deadline(Node& node) {
  now_ = std::max(now_, node.raft->next_deadline());
  node.raft->tick(now_);
  settle(node);
}

void RaftWorld::timeout(const std::string& name) {
  Node& node = find(name);
  asked_for_votes_ = false;
  for (int i = 0; i < kManySteps && !asked_for_votes_ && !node.raft->is_leader(); ++i) tick_at_deadline(node);
}

void RaftWorld::run(Duration duration) {
  const Time end = now_ + duration;
  trace_messages_ = false;
  deliver();
  for (int i = 0; i < kManySteps; ++i) {
    Node* next = nullptr;
    for (auto& [name, node] : nodes_) {
      if (node.raft && (next == nullptr || node.raft->next_deadline() < next->raft->next_deadline())) next = &node;
    }
    if (next == nullptr || next->raft->next_deadline() > end) break;
    tick_at_deadline(*next);
    deliver();
  }
  now_ = end;
  trace_messages_ = true;
}

// --- what a node is asked ---

Proposed RaftWorld::propose(const std::string& name, const std::string& command) {
  Node& node = find(name);
  const Proposed proposed = node.raft->propose(now_both(), command);
  settle(node);
  return proposed;
}

CallNumber RaftWorld::request_barrier(const std::string& name, std::vector<SessionId> renewals) {
  Node& node = find(name);
  const CallNumber number = node.raft->request_barrier(std::move(renewals));
  settle(node);
  return number;
}

void RaftWorld::forward(const std::string& name, std::vector<std::string> commands) {
  Node& node = find(name);
  node.raft->forward(std::move(commands));
  settle(node);
}

// --- messages ---

void RaftWorld::deliver() {
  for (int i = 0; i < kManySteps && !in_flight_.empty(); ++i) {
    const Envelope envelope = std::move(in_flight_.front());
    in_flight_.pop_front();
    arrive(envelope);
  }
  REQUIRE_MESSAGE(in_flight_.empty(), "the nodes never stop talking");
}

void RaftWorld::deliver(const std::string& from, const std::string& to) {
  std::vector<Envelope> due;
  std::erase_if(in_flight_, [&](const Envelope& envelope) {
    if (envelope.from != from || envelope.to != to) return false;
    due.push_back(envelope);
    return true;
  });
  for (const Envelope& envelope : due) arrive(envelope);
}

void RaftWorld::drop(const std::string& from, const std::string& to, bool published_only) {
  std::erase_if(in_flight_, [&](const Envelope& envelope) {
    if (envelope.from != from || envelope.to != to || (published_only && !envelope.published)) return false;
    trace("lost: " + from + " -> " + to + "  " +
          describe(envelope.message.body, [this](NodeId id) { return name_of(id); }));
    return true;
  });
}

void RaftWorld::receive(const std::string& to, const std::string& from, Term term, MessageBody body) {
  arrive({from, to, false, Message{find(to).raft->configuration().cluster, term, id(from), id(to), std::move(body)}});
}

void RaftWorld::arrive(const Envelope& envelope) {
  Node& node = find(envelope.to);
  if (!node.raft) return;
  // The connection is known by whose it is.
  node.raft->receive(now_both(), ConnectionId(find(envelope.from).id.value()), envelope.message);
  settle(node);
}

void RaftWorld::cut(const std::string& from, const std::string& to, bool published_only) {
  cuts_.push_back({from, to, published_only});
}

void RaftWorld::isolate(const std::string& name) {
  for (const std::string& other : names_) {
    if (other == name) continue;
    cut(name, other);
    cut(other, name);
    drop(name, other);
    drop(other, name);
  }
}

bool RaftWorld::is_cut(const std::string& from, const std::string& to, bool published) const {
  if (!find(to).raft) return true;
  return std::any_of(cuts_.begin(), cuts_.end(), [&](const Cut& cut) {
    return cut.from == from && cut.to == to && (published || !cut.published_only);
  });
}

void RaftWorld::send(Node& node, const Outgoing& outgoing) {
  std::vector<std::string> receivers;
  const bool published = std::holds_alternative<Publish>(outgoing.to);
  if (const auto* member = std::get_if<ToMember>(&outgoing.to)) {
    receivers.push_back(member->name);
  } else if (const auto* connection = std::get_if<ToConnection>(&outgoing.to)) {
    receivers.push_back(name_of(NodeId(connection->connection.value())));
  } else {
    for (const std::string& name : names_) {
      if (name != node.name) receivers.push_back(name);
    }
  }
  std::string lost;
  for (const std::string& receiver : receivers) {
    if (is_cut(node.name, receiver, published)) {
      lost += " " + receiver;
    } else {
      in_flight_.push_back({node.name, receiver, published, outgoing.message});
    }
  }
  if (std::holds_alternative<VoteRequest>(outgoing.message.body)) asked_for_votes_ = true;
  if (!trace_messages_) return;
  const std::string route = published ? node.name + " => all" : node.name + " -> " + receivers.front() + "  ";
  trace(route + "  term " + std::to_string(outgoing.message.term.value()) + "  " +
        describe(outgoing.message.body, [this](NodeId id) { return name_of(id); }) +
        (lost.empty() ? "" : " (lost:" + lost + ")"));
}

// --- disks ---

void RaftWorld::disk_is_late(const std::string& name, bool late) {
  find(name).disk_is_late = late;
  if (!late) persist_all(name);
}

void RaftWorld::note_last_written(Node& node, const Write& write) {
  if (write.snapshot) node.last_written = write.snapshot->head.index;
  if (write.entries.empty()) return;
  if (write.first <= node.last_written) {
    trace(node.name + ": drops its entries " + describe_range(write.first, node.last_written));
  }
  node.last_written = write.first.previous() + write.entries.size();
}

void RaftWorld::ask_disk(Node& node, Write write) {
  if (node.disk_is_late) {
    std::string what;
    if (write.snapshot) what += " snapshot up to " + std::to_string(write.snapshot->head.index.value());
    if (!write.entries.empty())
      what += " entries " + describe_range(write.first, write.first.previous() + write.entries.size());
    if (write.hard_state) {
      what += " term " + std::to_string(write.hard_state->term.value());
      if (write.hard_state->vote) what += " vote " + name_of(write.hard_state->vote);
    }
    trace(node.name + ": asks its disk for write " + std::to_string(write.id.value()) + ":" + what);
  }
  node.outstanding.push_back(std::move(write));
}

void RaftWorld::persist(const std::string& name) {
  Node& node = find(name);
  REQUIRE_MESSAGE(!node.outstanding.empty(), "the disk owes nothing");
  const Write write = std::move(node.outstanding.front());
  node.outstanding.pop_front();
  node.disk.make_durable(write);
  if (node.disk_is_late) trace(name + ": write " + std::to_string(write.id.value()) + " is durable");
  node.raft->persisted(now_, write.id);
  settle(node);
}

void RaftWorld::persist_all(const std::string& name) {
  while (!find(name).outstanding.empty()) persist(name);
}

void RaftWorld::crash(const std::string& name) {
  Node& node = find(name);
  node.raft.reset();
  node.outstanding.clear();
  for (const std::string& other : names_) drop(other, name);
}

void RaftWorld::crash_within_write(const std::string& name) {
  Node& node = find(name);
  REQUIRE(!node.outstanding.empty());
  node.disk.make_snapshot_durable(node.outstanding.front());
  node.disk.make_entries_durable(node.outstanding.front());
  crash(name);
}

void RaftWorld::compact(const std::string& name, std::size_t state_bytes) {
  Node& node = find(name);
  const Raft& raft = *node.raft;
  const LogIndex index = raft.applicable_index();
  SnapshotHead head{index, raft.log().term_at(index), {}, raft.configuration(), raft.formed_at(), 0, state_bytes};
  const std::string content = "state after " + std::to_string(index.value()) + " ";
  std::string state;
  while (state.size() < state_bytes) state += content;
  state.resize(state_bytes);
  trace(name + ": has a snapshot up to " + std::to_string(index.value()));
  node.disk.compacted(std::make_shared<const Snapshot>(Snapshot{head, std::move(state)}));
  node.raft->compacted(head);
  settle(node);
}

void RaftWorld::restart(const std::string& name) { start(find(name)); }

void RaftWorld::elect(const std::string& name) {
  trace_messages_ = false;
  timeout(name);
  deliver();
  REQUIRE(node(name).is_leader());
  trace_messages_ = true;
}

// --- after every event ---

// Takes what came out until nothing more does. A disk that is not late is done at once, but after what
// the node published.
void RaftWorld::settle(Node& node) {
  for (bool more = true; more && node.raft;) {
    node.raft->check_invariants();
    RaftOutput output = node.raft->take_output(now_);
    Consequences consequences = node.raft->take_consequences();
    for (const Notice& notice : consequences.notices) trace(node.name + ": " + notice.text);
    for (const Write& write : output.writes) note_last_written(node, write);
    check(node);
    if (node.raft->is_candidate()) asked_for_votes_ = true;  // alone, it asks itself
    node.renewed.insert(node.renewed.end(), consequences.renewed.begin(), consequences.renewed.end());
    // In place of a replica, which would read the state: every snapshot can be read.
    const bool installs = consequences.snapshot != nullptr;
    if (installs) node.raft->install(now_, consequences.snapshot);
    for (const SnapshotRead& read : output.snapshot_reads) read_snapshot(node, read);
    for (const ReadyBarrier& barrier : consequences.ready) answer(node, barrier);
    for (const BarrierAnswer& answer : consequences.barriers) note_answer(node, answer);
    for (const Outgoing& outgoing : output.messages) send(node, outgoing);
    more = !output.messages.empty() || !output.snapshot_reads.empty() || !consequences.ready.empty() || installs;
    for (Write& write : output.writes) ask_disk(node, std::move(write));
    if (!node.disk_is_late && !node.outstanding.empty()) {
      persist(node.name);  // settles what follows
      return;
    }
  }
}

void RaftWorld::read_snapshot(Node& node, const SnapshotRead& read) {
  const SharedSnapshot snapshot = node.disk.snapshot_at(read.snapshot);
  if (snapshot) node.raft->snapshot_read(read, snapshot->state.substr(read.offset, read.bytes));
}

// In place of a replica, which would apply entries and look at its sessions: whoever is asked for is renewed.
void RaftWorld::answer(Node& node, const ReadyBarrier& barrier) {
  std::vector<Renewal> renewals(barrier.renewals.size(), Renewal::kRenewed);
  if (barrier.asker == node.id) {
    note_answer(node, {barrier.number, barrier.index, std::move(renewals)});
  } else {
    node.raft->answer_barrier(barrier, std::move(renewals));
  }
}

void RaftWorld::note_answer(Node& node, const BarrierAnswer& answer) {
  trace(node.name + ": may answer reads once " + std::to_string(answer.index.value()) + " is applied");
  node.barriers.push_back(answer);
}

void RaftWorld::check(Node& node) {
  const Raft& raft = *node.raft;
  raft.check_invariants();
  if (raft.is_leader()) {
    const auto [leader, is_first] = leaders_.emplace(raft.term(), node.name);
    REQUIRE_MESSAGE(leader->second == node.name, "a term has one leader");
  }
  if (raft.commit_index() > node.checked_commit) {
    trace(node.name + ": commits " + describe_range(node.checked_commit.next(), raft.commit_index()));
  }
  for (; node.checked_commit < raft.commit_index(); node.checked_commit = node.checked_commit.next()) {
    const LogIndex index = node.checked_commit.next();
    if (!raft.log().contains(index)) continue;  // a snapshot stands for it
    const Entry& entry = raft.log().at(index);
    if (index.value() <= committed_.size()) {
      REQUIRE_MESSAGE(committed_[index.value() - 1] == entry, "a committed entry is never overwritten");
      continue;
    }
    const auto has_it = [&](const auto& named) { return named.second.disk.has(index, entry.term); };
    const auto disks = static_cast<std::size_t>(std::count_if(nodes_.begin(), nodes_.end(), has_it));
    REQUIRE_MESSAGE(disks >= quorum_of(nodes_.size()), "what is committed is on the disks of a majority");
    committed_.push_back(entry);
  }
}

// --- views ---

RaftWorld::Node& RaftWorld::find(const std::string& name) {
  REQUIRE_MESSAGE(nodes_.contains(name), "there is no node " << name);
  return nodes_.at(name);
}

const RaftWorld::Node& RaftWorld::find(const std::string& name) const {
  REQUIRE_MESSAGE(nodes_.contains(name), "there is no node " << name);
  return nodes_.at(name);
}

std::string RaftWorld::name_of(NodeId id) const {
  const std::size_t position = id.value() - 1;
  return id && position < names_.size() ? names_[position] : "?";
}

std::string RaftWorld::state(const std::string& name) const {
  const Node& node = find(name);
  const auto number = [](auto ordinal) { return std::to_string(ordinal.value()); };
  const auto vote = [this](NodeId id) { return id ? ", vote " + name_of(id) : std::string(); };
  if (!node.raft) {
    const HardState& hard_state = node.disk.durable().hard_state;
    return name + ": down, term " + number(hard_state.term) + vote(hard_state.vote) + ", log " +
           describe_terms(node.disk.durable().entries);
  }
  const Raft& raft = *node.raft;
  const std::string role = raft.is_leader()          ? "leader"
                           : raft.is_candidate()     ? "candidate"
                           : raft.is_pre_candidate() ? "pre-candidate"
                                                     : "follower";
  return name + ": " + role + ", term " + number(raft.term()) + vote(raft.vote()) + ", log " +
         describe_terms(raft.log().slice(raft.log().base().index, SIZE_MAX)) + ", durable " +
         number(raft.durable_index()) + ", verified " + number(raft.verified_index()) + ", commit " +
         number(raft.commit_index());
}

std::vector<std::string> RaftWorld::take_trace() { return std::exchange(trace_, {}); }

}  // namespace lockstep::raft

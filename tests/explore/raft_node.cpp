#include "tests/explore/raft_node.hpp"

#include <utility>

#include "tests/explore/inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

constexpr ClusterId kCluster(1);
constexpr raft::Timing kTiming{Duration(0), Duration(2), Duration(2)};
constexpr Duration kLongerThanAnyTimeout(3);

raft::Entry first_entry() {
  raft::Configuration configuration;
  configuration.cluster = kCluster;
  for (std::size_t node = 0; node < kNodes; ++node) {
    configuration.voters.push_back({id_of(node), std::string(1, static_cast<char>('a' + node))});
  }
  return {Term(1), WallTime{}, std::move(configuration)};
}

raft::Restored restored(NodeId self, const Disk& disk) {
  raft::Restored restored;
  restored.node = self;
  restored.hard_state = disk.hard_state;
  restored.entries = disk.entries;
  return restored;
}

Disk formed_disk() {
  Disk disk;
  disk.hard_state.cluster = kCluster;
  disk.hard_state.term = Term(1);
  disk.entries = {first_entry()};
  disk.highest = LogIndex(1);
  return disk;
}

}  // namespace

// --- the disk ---

void Disk::complete_entries_of_next() {
  const raft::Write& write = writes.front();
  if (write.entries.empty()) return;
  require(write.first.value() <= entries.size() + 1, "a write leaves no gap in the log");
  entries.resize(write.first.value() - 1);
  entries.insert(entries.end(), write.entries.begin(), write.entries.end());
  highest = std::max(highest, LogIndex(entries.size()));
}

void Disk::complete(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    complete_entries_of_next();
    if (writes.front().hard_state) hard_state = *writes.front().hard_state;
    writes.pop_front();
  }
}

// --- the node ---

RaftNode::RaftNode(NodeId self)
    : disk_(formed_disk()), raft_(raft::Options{kTiming, {}, 0}, restored(self, disk_), WriteId(), clock_) {
  take_output();
}

void RaftNode::let_time_pass() { clock_ += kLongerThanAnyTimeout; }

void RaftNode::campaign() {
  let_time_pass();
  raft_.tick(clock_);
  take_output();
  if (!raft_.is_pre_candidate()) return;
  const NodeId other = id_of(raft_.self() == id_of(0) ? 1 : 0);
  receive({kCluster, raft_.term(), other, raft_.self(), raft::Vote{vote_call_, true, true, NodeId()}});
}

void RaftNode::lose_quorum() {
  let_time_pass();
  raft_.tick(clock_);
  take_output();
}

void RaftNode::propose() {
  raft_.propose({clock_, WallTime{}}, "x");
  take_output();
}

void RaftNode::receive(raft::Message message) {
  if (auto* vote = std::get_if<raft::Vote>(&message.body); vote && !vote->pre_vote) vote->number = vote_call_;
  if (std::holds_alternative<raft::VoteRequest>(message.body)) let_time_pass();
  auto* append = std::get_if<raft::Append>(&message.body);
  if (append != nullptr && append->fetch) append->fetch = append->fetch == CallNumber(1) ? fetch_call_ : CallNumber(2);
  raft_.receive({clock_, WallTime{}}, ConnectionId(1), message);
  take_output();
}

void RaftNode::persist() {
  const WriteId write = disk_.writes.front().id;
  disk_.complete(1);
  raft_.persisted(clock_, write);
  take_output();
}

void RaftNode::crash(std::size_t done, bool half) {
  disk_.complete(done);
  if (half) disk_.complete_entries_of_next();
  restart();
}

// What was acknowledged went up to `highest` at most: S2 has it from the headers of what came after the damage.
void RaftNode::damage(LogIndex kept) {
  disk_.entries.resize(kept.value());
  disk_.hard_state.repair_until = std::max(disk_.hard_state.repair_until, disk_.highest);
  restart();
}

void RaftNode::restart() {
  disk_.writes.clear();
  sent_.clear();
  vote_call_ = fetch_call_ = CallNumber();
  raft_ = raft::Raft(raft::Options{kTiming, {}, 0}, restored(raft_.self(), disk_), WriteId(), clock_);
  take_output();
}

void RaftNode::take_output() {
  raft::RaftOutput output = raft_.take_output(clock_);
  raft_.take_consequences();
  for (raft::Write& write : output.writes) disk_.writes.push_back(std::move(write));
  for (raft::Outgoing& outgoing : output.messages) {
    const raft::Message& message = outgoing.message;
    check_sent(message);
    if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) vote_call_ = request->number;
    if (const auto* fetch = std::get_if<raft::Fetch>(&message.body)) fetch_call_ = fetch->number;
    sent_.push_back(std::move(outgoing.message));
  }
}

std::vector<raft::Message> RaftNode::take_sent() { return std::exchange(sent_, {}); }

// R1, R3 and S2, of the disk as it is.
void RaftNode::check_sent(const raft::Message& message) const {
  require(disk_.hard_state.term == message.term, "R1: a message left before its term was on the disk");
  const bool damaged = static_cast<bool>(disk_.hard_state.repair_until);
  if (const auto* request = std::get_if<raft::VoteRequest>(&message.body); request && !request->pre_vote) {
    require(disk_.hard_state.vote == message.from, "R1: a candidate asked before its own vote was on the disk");
    require(!damaged, "S2: a node under repair campaigned");
  } else if (const auto* vote = std::get_if<raft::Vote>(&message.body); vote && vote->granted && !vote->pre_vote) {
    require(disk_.hard_state.vote == message.to, "R1: a vote left before it was on the disk");
    require(!damaged, "S2: a node under repair voted");
  } else if (const auto* ack = std::get_if<raft::Ack>(&message.body)) {
    require(ack->match.value() <= disk_.entries.size(), "R3: an Ack names an index that is not on the disk");
    require(!damaged, "S2: a node under repair acknowledged");
  }
}

// What no crash can bring back is only asked for by the checks: of the log at every index, so it stays; of a term and
// a vote whether they are those in memory, and those that are not never will be, as both only rise (NodeTable checks).
void RaftNode::project(Projection& out) const {
  const raft::HardState& in_memory = raft::Inside::hard_state(raft_);
  const auto add = [&](const raft::HardState& hard) {
    out.add(hard.repair_until);
    if (out.disk_matters()) {
      out.add(hard.term).add(hard.vote);
    } else {
      out.add(hard.term == in_memory.term && hard.vote == in_memory.vote);
    }
  };
  add(disk_.hard_state);
  out.add(disk_.entries.size());
  if (out.disk_matters()) out.add(disk_.highest);
  for (const raft::Entry& entry : disk_.entries) out.add(entry.term);
  out.add(disk_.writes.size());
  for (const raft::Write& write : disk_.writes) {
    out.add(write.first).add(write.entries.size());
    for (const raft::Entry& entry : write.entries) out.add(entry.term);
    out.add(write.hard_state.has_value());
    if (write.hard_state) add(*write.hard_state);
  }
  raft::Inside::project(raft_, out);
}

}  // namespace lockstep::explore

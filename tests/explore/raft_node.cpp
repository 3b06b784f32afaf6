#include "tests/explore/raft_node.hpp"

#include <algorithm>
#include <utility>

#include "tests/explore/raft_inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

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
  disk.entries = {{Term(1), WallTime{}, configuration()}};
  disk.highest = LogIndex(1);
  return disk;
}

LogShape shape_of(const std::vector<raft::Entry>& entries) {
  LogShape shape;
  for (const raft::Entry& entry : entries) shape.append(entry.term.value());
  return shape;
}

LogShape shape_of(const raft::Log& log) {
  LogShape shape;
  for (LogIndex index(1); index <= log.last_index(); index = index.next()) shape.append(log.term_at(index).value());
  return shape;
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

RaftNode::RaftNode(NodeId self) : TimelessNode(options(), restored(self, formed_disk())), disk_(formed_disk()) {
  take_output();
}

void RaftNode::happen(const Event& event, LogShape log) {
  switch (event.kind) {
    case Kind::kCampaign: campaign(disk_); break;
    case Kind::kLoseQuorum: lose_quorum(); break;
    case Kind::kPropose: propose(); break;
    case Kind::kPersist: persist(); break;
    case Kind::kCrash: crash(event.index, static_cast<Part>(event.detail)); break;
    case Kind::kDamage: damage(LogIndex(event.index)); break;
    default: receive(message_of(event, log)); break;
  }
  take_output();
}

void RaftNode::lose_quorum() {
  let_time_pass();
  tick();
}

void RaftNode::persist() {
  const WriteId write = disk_.writes.front().id;
  disk_.complete(1);
  persisted(write);
}

void RaftNode::crash(std::size_t done, Part part) {
  disk_.complete(done);
  if (part == Part::kLog) disk_.complete_entries_of_next();
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
  start_again(options(), restored(raft_.self(), disk_));
}

void RaftNode::take_output() {
  hand_over_output(disk_);
  raft_.take_consequences();
}

Facts RaftNode::facts() const {
  Facts facts = facts_of(disk_);
  facts.log = shape_of(raft_.log());
  facts.disk_log = shape_of(disk_.entries);
  return facts;
}

void RaftNode::check_answers() const {
  if (!raft_.is_leader()) return;
  const NodeId asker = id_of(raft_.self() == id_of(0) ? 1 : 0);
  for (std::uint64_t index = 1; index <= raft_.log().last_index().value() + 1; ++index) {
    for (std::uint64_t term = 1; term <= raft_.term().value(); ++term) {
      RaftNode copy = *this;
      copy.receive(
          {kCluster, raft_.term(), asker, raft_.self(), raft::Fetch{CallNumber(1), LogIndex(index), Term(term)}});
      copy.take_output();
      said_of(copy.raft(), copy.take_sent());
    }
  }
}

void RaftNode::check_since(const RaftNode& before, const Event&) const {
  check_vote_stays(before.disk_.hard_state, disk_.hard_state);
}

// Of the log on the disk the checks ask at every index, so it stays.
void RaftNode::project(Projection& out) const {
  project_hard_state(disk_.hard_state, out);
  out.add(disk_.entries.size());
  if (out.disk_matters()) out.add(disk_.highest);
  for (const raft::Entry& entry : disk_.entries) out.add(entry.term);
  project_writes(disk_, out);
  raft::Inside::project(raft_, out);
}

}  // namespace lockstep::explore

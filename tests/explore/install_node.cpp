#include "tests/explore/install_node.hpp"

#include <algorithm>
#include <utility>

#include "tests/explore/inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

constexpr ClusterId kCluster(1);
constexpr raft::Timing kTiming{Duration(0), Duration(2), Duration(2)};
constexpr Duration kLongerThanAnyTimeout(3);

raft::Configuration configuration() {
  raft::Configuration configuration;
  configuration.cluster = kCluster;
  for (std::size_t node = 0; node < kNodes; ++node) {
    configuration.voters.push_back({id_of(node), std::string(1, static_cast<char>('a' + node))});
  }
  return configuration;
}

raft::Restored restored(NodeId self, const SnapshotDisk& disk) {
  raft::Restored restored;
  restored.node = self;
  restored.hard_state = disk.hard_state;
  restored.base = {disk.base, term_at(disk.log, disk.base.value())};
  if (!disk.snapshots.empty()) restored.snapshot = disk.snapshots.back();
  for (LogIndex index = disk.base.next(); index <= last_of(disk.log); index = index.next()) {
    const Term term = term_at(disk.log, index.value());
    const raft::EntryBody body = index == LogIndex(1) ? raft::EntryBody(configuration()) : raft::Command{"x"};
    restored.entries.push_back({term, WallTime{}, body});
  }
  return restored;
}

raft::Options options() {
  raft::Options options;
  options.timing = kTiming;
  options.bounds.snapshot_part_bytes = kPartBytes;
  return options;
}

}  // namespace

// --- snapshots ---

raft::SharedSnapshot snapshot_of(const History& history) {
  std::string part = static_cast<char>('0' + history.size()) + history;
  part.resize(kPartBytes, '.');
  raft::SnapshotHead head;
  head.index = last_of(history);
  head.term = term_at(history, history.size());
  head.configuration = configuration();
  head.state_bytes = 2 * kPartBytes;
  return std::make_shared<const raft::Snapshot>(raft::Snapshot{std::move(head), part + part});
}

History history_of(const raft::Snapshot& snapshot) {
  const auto length = static_cast<std::size_t>(snapshot.state.front() - '0');
  const History history = snapshot.state.substr(1, length);
  require(snapshot == *snapshot_of(history), "S3: parts of different snapshots were put together");
  return history;
}

// --- the disk ---

void SnapshotDisk::keep(raft::SharedSnapshot snapshot) {
  const auto is_later = [&](const auto& other) { return other->head.index > snapshot->head.index; };
  snapshots.insert(std::find_if(snapshots.begin(), snapshots.end(), is_later), std::move(snapshot));
  if (snapshots.size() > 2) snapshots.erase(snapshots.begin());
}

void SnapshotDisk::complete_part(Part part) {
  const raft::Write& write = writes.front();
  if (part == Part::kSnapshot && write.snapshot) keep(write.snapshot);
  if (part != Part::kLog) return;
  if (write.snapshot) {
    log = history_of(*write.snapshot);
    base = last_of(log);
  }
  if (write.entries.empty()) return;
  require(write.first > base && write.first <= last_of(log).next(), "a write leaves no gap in the log");
  log.resize(write.first.value() - 1);
  for (const raft::Entry& entry : write.entries) log += digit_of(entry.term);
}

void SnapshotDisk::complete() {
  complete_part(Part::kSnapshot);
  complete_part(Part::kLog);
  if (writes.front().hard_state) hard_state = *writes.front().hard_state;
  writes.pop_front();
}

SnapshotDisk SnapshotDisk::recovered() const {
  SnapshotDisk found = *this;
  found.writes.clear();
  if (snapshots.empty()) return found;
  const History newest = history_of(*snapshots.back());
  const bool agrees = log.size() >= newest.size() && base <= last_of(newest) &&
                      term_at(log, newest.size()) == term_at(newest, newest.size());
  if (agrees) return found;
  found.log = newest;
  found.base = last_of(newest);
  return found;
}

// --- the node ---

InstallNode::InstallNode(NodeId self, SnapshotDisk disk)
    : disk_(std::move(disk)), raft_(options(), restored(self, disk_), WriteId(), clock_) {
  history_ = disk_.log;
  if (!disk_.snapshots.empty()) applied_ = history_of(*disk_.snapshots.back());
  take_output();
}

void InstallNode::let_time_pass() { clock_ += kLongerThanAnyTimeout; }

// The disk is quick enough for an election: its messages leave.
void InstallNode::campaign() {
  let_time_pass();
  raft_.tick(clock_);
  take_output();
  if (!raft_.is_pre_candidate()) return;
  const NodeId other = id_of(raft_.self() == id_of(0) ? 1 : 0);
  receive({kCluster, raft_.term(), other, raft_.self(), raft::Vote{vote_call_, true, true, NodeId()}});
  while (!disk_.writes.empty()) persist();
}

void InstallNode::propose() {
  raft_.propose({clock_, WallTime{}}, "x");
  take_output();
}

void InstallNode::receive(raft::Message message) {
  const bool is_vote_request = std::holds_alternative<raft::VoteRequest>(message.body);
  if (auto* vote = std::get_if<raft::Vote>(&message.body); vote && !vote->pre_vote) vote->number = vote_call_;
  if (is_vote_request) let_time_pass();
  const auto renumber = [&](CallNumber& fetch) {
    if (fetch) fetch = fetch == CallNumber(1) ? fetch_call_ : CallNumber(2);
  };
  if (auto* append = std::get_if<raft::Append>(&message.body)) renumber(append->fetch);
  if (auto* part = std::get_if<raft::SnapshotPart>(&message.body)) renumber(part->fetch);
  raft_.receive({clock_, WallTime{}}, ConnectionId(1), message);
  take_output();
  while (is_vote_request && !disk_.writes.empty()) persist();
}

void InstallNode::persist() {
  const WriteId write = disk_.writes.front().id;
  disk_.complete();
  raft_.persisted(clock_, write);
  take_output();
}

void InstallNode::crash(std::size_t done, SnapshotDisk::Part part) {
  for (std::size_t i = 0; i < done; ++i) disk_.complete();
  for (auto next : {SnapshotDisk::Part::kSnapshot, SnapshotDisk::Part::kLog}) {
    if (next <= part) disk_.complete_part(next);
  }
  restart();
}

void InstallNode::begin_compaction() { compacting_ = last_of(applied_); }

// Folded from what the disk has up to there, which never changes once it is applied.
void InstallNode::end_compaction() {
  const raft::SharedSnapshot snapshot = snapshot_of(prefix_of(applied_, compacting_.value()));
  compacting_ = LogIndex();
  disk_.keep(snapshot);
  raft_.compacted(snapshot->head);
  take_output();
}

void InstallNode::restart() {
  disk_ = disk_.recovered();
  sent_.clear();
  reads_.clear();
  vote_call_ = fetch_call_ = CallNumber();
  next_state_.reset();
  compacting_ = LogIndex();
  raft_ = raft::Raft(options(), restored(raft_.self(), disk_), WriteId(), clock_);
  history_ = disk_.log;
  applied_ = disk_.snapshots.empty() ? History() : history_of(*disk_.snapshots.back());
  take_output();
}

void InstallNode::take_output() {
  raft::Consequences consequences = raft_.take_consequences();
  if (consequences.snapshot) take_snapshot(std::move(consequences.snapshot));
  raft::RaftOutput output = raft_.take_output(clock_);
  for (raft::Write& write : output.writes) disk_.writes.push_back(std::move(write));
  for (raft::Outgoing& outgoing : output.messages) {
    const raft::Message& message = outgoing.message;
    check_sent(message);
    if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) vote_call_ = request->number;
    if (const auto* fetch = std::get_if<raft::Fetch>(&message.body)) fetch_call_ = fetch->number;
    sent_.push_back(std::move(outgoing.message));
  }
  for (const raft::SnapshotRead& read : output.snapshot_reads) reads_.push_back(read);
  follow_log();
  apply();
  check();
}

void InstallNode::take_snapshot(raft::SharedSnapshot snapshot) {
  next_state_ = history_of(*snapshot);
  require(last_of(*next_state_) > last_of(applied_), "S3: a snapshot over newer state");
  history_ = *next_state_;
  raft_.install(clock_, std::move(snapshot));
}

void InstallNode::follow_log() {
  const raft::Log& log = raft_.log();
  require(log.base().index <= last_of(history_), "S3: the log begins after what this node ever had");
  require(!log.base().index || term_at(history_, log.base().index.value()) == log.base().term,
          "S3: the log's base is of another term than the entry was");
  history_.resize(log.base().index.value());
  for (LogIndex index = log.base().index.next(); index <= log.last_index(); index = index.next()) {
    history_ += digit_of(log.term_at(index));
  }
}

// As a Replica does.
void InstallNode::apply() {
  const LogIndex applicable = raft_.applicable_index();
  if (next_state_ && applicable >= last_of(*next_state_)) {
    require(next_state_->starts_with(applied_), "S3: an installed state is not what the applied one leads to");
    applied_ = *std::exchange(next_state_, std::nullopt);
  }
  require(history_.starts_with(applied_), "S3: what was applied is not part of the log");
  while (last_of(applied_) < applicable && raft_.log().contains(last_of(applied_).next())) {
    applied_ += digit_of(raft_.log().term_at(last_of(applied_).next()));
  }
}

std::vector<raft::Message> InstallNode::take_sent() { return std::exchange(sent_, {}); }

std::vector<raft::SnapshotRead> InstallNode::take_reads() { return std::exchange(reads_, {}); }

void InstallNode::snapshot_read(const raft::SnapshotRead& read, std::string bytes) {
  raft_.snapshot_read(read, std::move(bytes));
  take_output();
}

void InstallNode::check_sent(const raft::Message& message) const {
  require(disk_.hard_state.term == message.term, "R1: a message left before its term was on the disk");
  if (const auto* ack = std::get_if<raft::Ack>(&message.body)) {
    require(ack->match <= last_of(disk_.recovered().log), "S3: an Ack names an index that is not on the disk");
  }
}

// Of every state, whatever the others do.
void InstallNode::check() const {
  const History disk = disk_.recovered().log;
  const std::uint64_t durable = raft_.durable_index().value();
  require(raft_.commit_index() <= raft_.log().last_index(), "R4: an index is committed that the log does not hold");
  require(durable <= disk.size(), "R3: an index counts as durable that is not on the disk");
  // While an install is under way, what was committed before is durable, and in the snapshot too.
  require(disk.starts_with(prefix_of(history_, durable)), "R3: what counts as durable is not what the disk has");
  require(disk.starts_with(applied_), "R4: an entry is applied that is not on the disk");
}

void InstallNode::project(Projection& out) const {
  const auto add = [&](const History& history) {
    out.add(history.size());
    for (const char term : history) out.add(static_cast<std::uint64_t>(term));
  };
  out.add(disk_.hard_state.term).add(disk_.hard_state.vote).add(disk_.base).add(disk_.writes.size());
  add(disk_.log);
  out.add(disk_.snapshots.size());
  for (const auto& snapshot : disk_.snapshots) out.add(snapshot->head.index);
  for (const raft::Write& write : disk_.writes) {
    out.add(write.first).add(write.entries.size());
    out.add(write.snapshot ? write.snapshot->head.index : LogIndex());
    for (const raft::Entry& entry : write.entries) out.add(entry.term);
    if (!write.hard_state) continue;
    out.add(write.hard_state->term).add(write.hard_state->vote);
  }
  raft::Inside::project(raft_, out);
  raft::Inside::project_snapshots(raft_, out);
  add(history_);
  add(applied_);
  add(next_state_.value_or(History()));
  out.add(compacting_);
}

}  // namespace lockstep::explore

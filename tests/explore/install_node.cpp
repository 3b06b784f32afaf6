#include "tests/explore/install_node.hpp"

#include <algorithm>
#include <utility>

#include "tests/explore/raft_inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

constexpr std::size_t kPartBytes = 12;  // half of a snapshot's state

raft::SharedSnapshot snapshot_of(LogShape log) {
  std::string part(1, static_cast<char>('0' + log.length()));
  for (std::uint64_t index = 1; index <= log.length(); ++index) part += static_cast<char>('0' + log.term(index));
  part.resize(kPartBytes, '.');
  raft::SnapshotHead head;
  head.index = log.last();
  head.term = Term(log.term(log.length()));
  head.configuration = configuration();
  head.state_bytes = 2 * kPartBytes;
  return std::make_shared<const raft::Snapshot>(raft::Snapshot{std::move(head), part + part});
}

// Violation if its parts do not belong together.
LogShape log_of(const raft::Snapshot& snapshot) {
  LogShape log;
  const auto length = static_cast<std::size_t>(snapshot.state.front() - '0');
  for (const char term : snapshot.state.substr(1, length)) log.append(static_cast<std::uint64_t>(term - '0'));
  require(snapshot == *snapshot_of(log), "S3: parts of different snapshots were put together");
  return log;
}

raft::SnapshotPart part_of(LogShape log, std::size_t part, CallNumber fetch) {
  const raft::SharedSnapshot snapshot = snapshot_of(log);
  return {fetch, snapshot->head, part * kPartBytes, snapshot->state.substr(part * kPartBytes, kPartBytes)};
}

raft::Restored restored(NodeId self, const SnapshotDisk& disk) {
  raft::Restored restored;
  restored.node = self;
  restored.hard_state = disk.hard_state;
  restored.base = {disk.base, Term(disk.log.term(disk.base.value()))};
  if (!disk.snapshots.empty()) restored.snapshot = snapshot_of(disk.snapshots.back());
  for (LogIndex index = disk.base.next(); index <= disk.log.last(); index = index.next()) {
    const Term term(disk.log.term(index.value()));
    const raft::EntryBody body = index == LogIndex(1) ? raft::EntryBody(configuration()) : raft::Command{"x"};
    restored.entries.push_back({term, WallTime{}, body});
  }
  return restored;
}

raft::Options options_with_parts(raft::Options options) {
  options.bounds.snapshot_part_bytes = kPartBytes;
  return options;
}

}  // namespace

// --- the disk ---

void SnapshotDisk::keep(LogShape snapshot) {
  const auto is_later = [&](LogShape other) { return other.length() > snapshot.length(); };
  snapshots.insert(std::find_if(snapshots.begin(), snapshots.end(), is_later), snapshot);
  if (snapshots.size() > 2) snapshots.erase(snapshots.begin());
}

void SnapshotDisk::complete_part(Part part) {
  const raft::Write& write = writes.front();
  if (part == Part::kSnapshot && write.snapshot) keep(log_of(*write.snapshot));
  if (part != Part::kLog) return;
  if (write.snapshot) {
    log = log_of(*write.snapshot);
    base = log.last();
  }
  if (write.entries.empty()) return;
  require(write.first > base && write.first <= log.last().next(), "a write leaves no gap in the log");
  log = log.prefix(write.first.value() - 1);
  for (const raft::Entry& entry : write.entries) log.append(entry.term.value());
}

void SnapshotDisk::complete() {
  complete_part(Part::kSnapshot);
  complete_part(Part::kLog);
  if (writes.front().hard_state) hard_state = *writes.front().hard_state;
  writes.pop_front();
}

bool SnapshotDisk::log_agrees() const {
  if (snapshots.empty()) return true;
  const LogShape newest = snapshots.back();
  return log.length() >= newest.length() && base <= newest.last() &&
         log.term(newest.length()) == newest.term(newest.length());
}

void SnapshotDisk::recover() {
  writes.clear();
  if (log_agrees()) return;
  log = snapshots.back();
  base = log.last();
}

// --- the node ---

InstallNode::InstallNode(NodeId self, SnapshotDisk disk, std::uint64_t turn)
    : TimelessNode(options_with_parts(options()), restored(self, disk)),
      turn_(turn),
      disk_(std::move(disk)),
      history_(disk_.log) {
  if (!disk_.snapshots.empty()) applied_ = disk_.snapshots.back();
  follow();
  end_turn();
}

// In an election disks are quick: its messages leave.
void InstallNode::happen(const Event& event, LogShape log) {
  switch (event.kind) {
    case Kind::kCampaign: campaign(disk_); break;
    case Kind::kPropose: propose(); break;
    case Kind::kPersist: persist(); break;
    case Kind::kCrash: crash(event.index, static_cast<Part>(event.detail)); break;
    case Kind::kBeginCompaction: begin_compaction(); break;
    case Kind::kEndCompaction: end_compaction(); break;
    case Kind::kEndTurn: break;
    case Kind::kPart: {
      raft::Message message = message_of(event, log);
      message.body = part_of(log.prefix(event.index), event.detail, CallNumber(event.fetch));
      receive(std::move(message));
      break;
    }
    default: receive(message_of(event, log)); break;
  }
  follow();
  ++events_of_turn_;
  const bool is_election =
      event.kind == Kind::kCampaign || event.kind == Kind::kVoteRequest || event.kind == Kind::kVote;
  const bool is_alone = is_election || event.kind == Kind::kCrash || event.kind == Kind::kAck;
  if (is_alone || event.kind == Kind::kEndTurn || events_of_turn_ >= turn_) end_turn();
  if (event.kind == Kind::kCampaign || event.kind == Kind::kVoteRequest) persist_all();
}

void InstallNode::persist() {
  const WriteId write = disk_.writes.front().id;
  disk_.complete();
  persisted(write);
}

void InstallNode::persist_all() {
  while (!disk_.writes.empty()) {
    persist();
    follow();
    end_turn();
  }
}

void InstallNode::crash(std::size_t done, Part part) {
  for (std::size_t i = 0; i < done; ++i) disk_.complete();
  for (const Part next : {Part::kSnapshot, Part::kLog}) {
    if (next <= part) disk_.complete_part(next);
  }
  disk_.recover();
  next_state_.reset();
  compacting_ = LogIndex();
  start_again(options_with_parts(options()), restored(raft_.self(), disk_));
  history_ = disk_.log;
  applied_ = disk_.snapshots.empty() ? LogShape() : disk_.snapshots.back();
}

void InstallNode::begin_compaction() { compacting_ = applied_.last(); }

// Folded from what the disk has up to there, which never changes once it is applied.
void InstallNode::end_compaction() {
  const LogShape snapshot = applied_.prefix(compacting_.value());
  compacting_ = LogIndex();
  disk_.keep(snapshot);
  raft_.compacted(snapshot_of(snapshot)->head);
}

void InstallNode::follow() {
  raft::Consequences consequences = raft_.take_consequences();
  if (consequences.snapshot) take_snapshot(std::move(consequences.snapshot));
  follow_log();
  apply();
}

void InstallNode::end_turn() {
  events_of_turn_ = 0;
  hand_over_output(disk_);
  follow();
}

void InstallNode::take_snapshot(raft::SharedSnapshot snapshot) {
  next_state_ = log_of(*snapshot);
  require(next_state_->length() > applied_.length(), "S3: a snapshot over newer state");
  history_ = *next_state_;
  raft_.install(clock_, std::move(snapshot));
}

void InstallNode::follow_log() {
  const raft::Log& log = raft_.log();
  require(log.base().index <= history_.last(), "S3: the log begins after what this node ever had");
  require(!log.base().index || Term(history_.term(log.base().index.value())) == log.base().term,
          "S3: the log's base is of another term than the entry was");
  history_ = history_.prefix(log.base().index.value());
  for (LogIndex index = log.base().index.next(); index <= log.last_index(); index = index.next()) {
    history_.append(log.term_at(index).value());
  }
}

// As a Replica does.
void InstallNode::apply() {
  const LogIndex applicable = raft_.applicable_index();
  if (next_state_ && applicable >= next_state_->last()) {
    require(next_state_->starts_with(applied_), "S3: an installed state is not what the applied one leads to");
    applied_ = *std::exchange(next_state_, std::nullopt);
  }
  require(history_.starts_with(applied_), "S3: what was applied is not part of the log");
  while (applied_.last() < applicable && raft_.log().contains(applied_.last().next())) {
    applied_.append(raft_.log().term_at(applied_.last().next()).value());
  }
}

// --- what others see of it, and what must hold ---

Facts InstallNode::facts() const {
  Facts facts = facts_of(disk_);
  facts.log = history_;
  facts.disk_log = disk_.recovered_log();
  for (const raft::SnapshotHead& head : raft::Inside::snapshots(raft_)) {
    facts.snapshots = static_cast<std::uint16_t>(facts.snapshots | 1U << head.index.value());
  }
  facts.is_compacting = static_cast<bool>(compacting_);
  facts.is_in_turn = events_of_turn_ > 0;
  facts.is_fetching = is_fetch_sent();
  const LogIndex newest = raft_.snapshot() != nullptr ? raft_.snapshot()->index : LogIndex();
  facts.may_compact = !facts.is_compacting && applied_.last() > newest;
  return facts;
}

void InstallNode::check(const Facts& facts) const {
  check_state(disk_, facts);
  require(facts.disk_log.starts_with(applied_), "R4: an entry is applied that is not on the disk");
}

void InstallNode::check_since(const InstallNode& before, const Event& event) const {
  check_vote_stays(before.disk_.hard_state, disk_.hard_state);
  if (event.kind == Kind::kCrash) return;
  require(raft_.commit_index() >= before.raft().commit_index(), "S3: the commit index fell");
  require(applied_.starts_with(before.applied_), "S3: what was applied is not part of what is now");
}

void InstallNode::check_answers() const {
  if (!raft_.is_leader()) return;
  const std::uint64_t last = raft_.log().last_index().value();
  for (std::uint64_t index = 1; index <= last + 1; ++index) {
    for (std::uint64_t snapshot = 0; snapshot <= last; ++snapshot) {
      for (std::uint64_t term = 1; term <= raft_.term().value(); ++term) {
        check_answer_to(
            {CallNumber(1), LogIndex(index), Term(term), LogIndex(snapshot), snapshot > 0 ? kPartBytes : 0});
      }
    }
  }
}

void InstallNode::check_answer_to(const raft::Fetch& fetch) const {
  const NodeId asker = id_of(raft_.self() == id_of(0) ? 1 : 0);
  raft::Raft raft = raft_;
  raft.receive({clock_, WallTime{}}, ConnectionId(1), {kCluster, raft_.term(), asker, raft_.self(), fetch});
  raft::RaftOutput output = raft.take_output(clock_);
  for (const raft::SnapshotRead& read : output.snapshot_reads) {
    const raft::SharedSnapshot own = snapshot_of(history_.prefix(read.snapshot.value()));
    raft.snapshot_read(read, own->state.substr(read.offset, read.bytes));
  }
  std::vector<raft::Message> answers;
  for (raft::Outgoing& outgoing : output.messages) answers.push_back(std::move(outgoing.message));
  for (raft::Outgoing& outgoing : raft.take_output(clock_).messages) answers.push_back(std::move(outgoing.message));
  said_of(raft, answers);
  for (const raft::Message& message : answers) {
    const auto* part = std::get_if<raft::SnapshotPart>(&message.body);
    if (part == nullptr) continue;
    const LogShape log = history_.prefix(part->head.index.value());
    require(*part == part_of(log, part->offset / kPartBytes, part->fetch),
            "S3: a part is sent of a snapshot that is not of this log");
  }
}

void InstallNode::project(Projection& out) const {
  project_hard_state(disk_.hard_state, out);
  if (out.disk_matters()) {
    out.add(disk_.log.bits()).add(disk_.base).add(disk_.snapshots.size());
    for (const LogShape snapshot : disk_.snapshots) out.add(snapshot.bits());
  } else {
    out.add(disk_.recovered_log().bits());
  }
  project_writes(disk_, out);
  raft::Inside::project(raft_, out);
  raft::Inside::project_snapshots(raft_, out);
  out.add(events_of_turn_).add(is_fetch_sent());
  out.add(history_.bits()).add(applied_.bits()).add(next_state_.value_or(LogShape()).bits()).add(compacting_);
}

}  // namespace lockstep::explore

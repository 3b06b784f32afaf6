// Snapshots: how a follower gets what its leader's log no longer holds (Raft section 7; S3).
//
// The follower asks as ever, with Fetch, and is answered with a part of a snapshot in place of entries. Its next
// question says how much of which snapshot it has, so a part that is lost is asked for again, and another leader that
// has the same snapshot goes on where the last one stopped. Nothing changes here until the whole has come in.

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

// --- the follower's side ---

void Raft::on_snapshot_part(Time now, const Message& from, const SnapshotPart& part) {
  INVARIANT(!is_leader(), "a term has one leader");
  if (!std::holds_alternative<Follower>(role_)) become_follower(now, term(), NodeId());
  adopt_leader(from.from);
  heard_leader(now);
  auto& follower = std::get<Follower>(role_);
  // Any part of this term's leader that goes on where the last one ended is as good, however late it is: on a slow
  // path every answer is. Others count only if they were asked for.
  const bool is_answer = follower.fetch && follower.fetch->number == part.fetch;
  if (!is_answer && !is_next(part)) return;
  const SnapshotHead& head = part.head;
  INVARIANT(head.index <= commit_ || head.term >= log_.term_at(commit_), "a committed entry is never replaced (R5)");
  if (head.index > commit_ && !log_.matches(head.index, head.term)) {
    take_part(now, part);
    return;
  }
  follower.fetch.reset();
  // "installed only if its index is above applied" (S3). This log has all that it stands for, and that is committed.
  incoming_.reset();
  verified_ = std::max(verified_, head.index);
  advance_commit(head.index);
  finish_repair_if_reached();
  go_on_after_snapshot(now);
}

// Of a transfer under way, or the first of one.
bool Raft::is_next(const SnapshotPart& part) const {
  if (!incoming_) return part.offset == 0;
  return incoming_->head == part.head && part.offset == incoming_->state.size();
}

// A part that does not go on from what is here is dropped; the next heartbeat starts the transfer anew.
void Raft::take_part(Time now, const SnapshotPart& part) {
  auto& follower = std::get<Follower>(role_);
  if (part.offset == 0) {
    if (!incoming_) notice("fetches a snapshot up to index " + std::to_string(part.head.index.value()));
    incoming_ = IncomingSnapshot{part.head, {}};
  }
  if (!is_next(part) || part.bytes.empty() || part.bytes.size() > part.head.state_bytes - part.offset) {
    incoming_.reset();
    follower.fetch.reset();
    return;
  }
  incoming_->state += part.bytes;
  follower.leader_last = std::max(follower.leader_last, part.head.index);
  if (incoming_->state.size() < part.head.state_bytes) {
    start_fetch(now, where_to_fetch());  // as patiently as for this part
    return;
  }
  follower.fetch.reset();
  consequences_.snapshot =
      std::make_shared<const Snapshot>(Snapshot{std::move(incoming_->head), std::move(incoming_->state)});
  incoming_.reset();
}

void Raft::install(Time now, SharedSnapshot snapshot) {
  const SnapshotHead& head = snapshot->head;
  INVARIANT(head.index > commit_, "a snapshot never takes the place of newer state (S3)");
  notice("installs a snapshot up to index " + std::to_string(head.index.value()));
  // What is committed here is part of the snapshot, so it is as durable as it was. The rest must not count: it may
  // differ from what the snapshot stands for.
  durability_.truncated_from(commit_.next());
  log_ = Log({}, {head.index, head.term}, head.time);
  staged_from_.reset();
  installing_ = Installing{std::move(snapshot), std::nullopt};
  commit_ = head.index;
  verified_ = std::max(verified_, head.index);
  drain_ahead();
  go_on_after_snapshot(now);
}

void Raft::go_on_after_snapshot(Time now) {
  if (verified_ < std::get<Follower>(role_).leader_last) start_fetch(now, verified_);
}

// --- the leader's side ---

const SnapshotHead* Raft::snapshot_at(LogIndex index) const {
  const auto found =
      std::find_if(snapshots_.begin(), snapshots_.end(), [&](const auto& s) { return s.index == index; });
  return found == snapshots_.end() ? nullptr : &*found;
}

// While its own is not durable yet, a leader has nothing to give: the follower asks again.
void Raft::read_snapshot_for(ConnectionId connection, NodeId to, const Fetch& fetch) {
  if (snapshots_.empty()) return;
  const SnapshotHead* head = snapshot_at(fetch.snapshot);
  const bool goes_on = head != nullptr && head->index != unreadable_ && fetch.offset < head->state_bytes;
  if (!goes_on) head = snapshots_.back().index == unreadable_ ? &snapshots_.front() : &snapshots_.back();
  const std::uint64_t offset = goes_on ? fetch.offset : 0;
  snapshot_reads_.push_back({to, connection, fetch.number, head->index, offset, options_.bounds.snapshot_part_bytes});
}

void Raft::snapshot_read(const SnapshotRead& read, std::string bytes) {
  const SnapshotHead* head = snapshot_at(read.snapshot);
  if (head == nullptr) return;
  if (bytes.empty()) {
    // The older one does as well, if the log reaches back to it, as it does unless the newest was installed. If neither
    // can be read, or there is no other, the newest is tried again.
    const bool has_another = snapshots_.size() > 1 && snapshots_.front().index >= log_.base().index;
    const bool was_last_hope = unreadable_ && unreadable_ != read.snapshot;
    unreadable_ = was_last_hope || !has_another ? LogIndex() : read.snapshot;
    return;
  }
  if (!is_leader()) return;
  answer(read.connection, read.to, SnapshotPart{read.fetch, *head, read.offset, std::move(bytes)});
}

// --- compaction ---

void Raft::compacted(const SnapshotHead& head) {
  if (snapshots_.empty() || head.index > snapshots_.back().index) {
    note_snapshot(head);
  } else if (head.index < snapshots_.back().index) {
    snapshots_ = {head, snapshots_.back()};  // a newer one was installed meanwhile; the disk keeps these two
  }
}

// "keep two; keep the log back to the older one" (S3): so a follower that is a little late still gets entries.
void Raft::note_snapshot(const SnapshotHead& head) {
  snapshots_.push_back(head);
  if (snapshots_.size() > 2) snapshots_.erase(snapshots_.begin());
  const LogIndex older = snapshots_.front().index;
  if (snapshots_.size() == 2 && log_.contains(older)) log_.drop_through(older);
}

}  // namespace lockstep::raft

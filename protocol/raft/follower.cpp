// A follower's side of replication, of repair by pulling and of a snapshot's transfer.

#include "protocol/raft/follower.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

// What this term has proved is the best place to go on from; without it, probe from the end of the log.
LogIndex where_to_fetch(const ReplicatedLog& log) {
  return log.verified_index() ? log.verified_index() : log.entries().last_index();
}

Time silence_probe_after(const NodeState& node, Time now) { return now + node.options.timing.election_timeout_min / 3; }

}  // namespace

// --- whom it follows ---

void Follower::adopt_leader(NodeState& node, NodeId leader) {
  INVARIANT(leader && leader != node.self, "a node follows another one");
  if (leader_ == leader) return;
  INVARIANT(!leader_, "a term has one leader");
  leader_ = leader;
  node.notice("follows " + node.name_of(leader) + " in term " + std::to_string(node.term().value()));
}

void Follower::take_hint(NodeState& node, Time now, NodeId leader) {
  adopt_leader(node, leader);
  silence_probe_ = silence_probe_after(node, now);
  if (!fetch_) start_fetch(node, now, where_to_fetch(node.log));
}

void Follower::heard_leader(NodeState& node, Time now) {
  node.heard_leader(now);
  silence_probe_ = silence_probe_after(node, now);
}

// --- Appends ---

void Follower::on_append(NodeState& node, Time now, const Append& append) {
  heard_leader(node, now);
  if (!node.first_commit_heard) node.first_commit_heard = append.commit;
  if (append.state_hash) node.consequences.leader_hashes.push_back(*append.state_hash);
  leader_last_ = std::max(leader_last_, append.previous_index + append.entries.size());

  if (append.fetch) {
    on_fetch_answer(node, now, append);
  } else if (node.log.entries().matches(append.previous_index, append.previous_term)) {
    node.accept(append);
    drain_ahead(node);
  } else {
    // It begins beyond what can be checked yet.
    ahead_.keep(append, node.log.verified_index(), node.options.bounds.ahead_bytes);
    if (!fetch_) start_fetch(node, now, where_to_fetch(node.log));
  }
  node.log.commit_through(std::min(append.commit, node.log.verified_index()));
  if (node.finish_repair_if_reached()) note_ack_due();
  note_ack_due_for(node, append);
}

// Both come from this term's one leader, so its log up to what is verified is ours.
void Follower::drain_ahead(NodeState& node) {
  while (const auto next = ahead_.take_next(node.log.verified_index())) {
    INVARIANT(node.log.entries().matches(next->previous_index, next->previous_term), "one leader's Appends agree");
    node.accept(*next);
  }
}

// --- acknowledgements ---

// A follower acks every round it hears, matched or not (L2), and everything that became durable. While
// entries are on their way to the disk, hearing the same round again is not worth a message.
void Follower::note_ack_due_for(const NodeState& node, const Append& append) {
  round_ = std::max(round_, append.round);
  const bool nothing_to_wait_for = node.log.durable_index() >= node.log.verified_index();
  if (append.entries.empty() || round_ > acked_round_ || nothing_to_wait_for) ack_due_ = true;
}

void Follower::send_ack_if_due(NodeState& node) {
  if (!ack_due_ || !leader_ || node.is_repairing()) return;
  ack_due_ = false;
  acked_round_ = round_;
  // Never the log's last index: only what this term's leader is proved to have, and the disk too (R3).
  node.send(leader_, Ack{node.log.match_index(), round_});
}

// --- fetching ---

void Follower::start_fetch(NodeState& node, Time now, LogIndex index) {
  send_fetch(node, now, index, fetch_ ? fetch_->patience : 2 * node.options.timing.heartbeat);
}

// The answer is late or lost. On a path that is slower than our patience every answer would be late, so the
// same question is asked again, more patiently each time: from the end of the log the probe would never end.
void Follower::repeat_fetch(NodeState& node, Time now) {
  const OutstandingFetch late = *fetch_;
  const LogIndex verified = node.log.verified_index();
  const LogIndex index = verified ? verified : std::min(late.index, node.log.entries().last_index());
  send_fetch(node, now, index, std::min(2 * late.patience, node.options.timing.election_timeout_max));
}

void Follower::send_fetch(NodeState& node, Time now, LogIndex index, Duration patience) {
  if (!leader_) return;
  const Log& log = node.log.entries();
  index = std::max(index, log.base().index);  // what a snapshot stands for is committed: no need to ask below it
  // One is outstanding: an earlier one that still waits to leave (R1) asks for nothing now.
  node.outbox.withdraw_fetches();
  const CallNumber number = node.next_call();
  fetch_ = OutstandingFetch{number, index, patience, now + node.random.between(patience, 2 * patience)};
  silence_probe_ = silence_probe_after(node, now);
  node.send(leader_, Fetch{number, index, log.term_at(index), node.incoming.index(), node.incoming.offset()});
}

void Follower::on_fetch_answer(NodeState& node, Time now, const Append& append) {
  const Log& log = node.log.entries();
  const bool matches = log.matches(append.previous_index, append.previous_term);
  if (matches) {
    node.incoming.give_up();
    node.accept(append);
    drain_ahead(node);
  }
  if (!fetch_ || fetch_->number != append.fetch) return;  // late: proves things, moves nothing
  if (!matches) {
    // "at our own last index at or below that one whose term is not above that one's" (R7)
    start_fetch(node, now, log.last_not_above(append.previous_index, append.previous_term));
  } else if (node.log.verified_index() < leader_last_) {
    start_fetch(node, now, node.log.verified_index());
  } else {
    fetch_.reset();
  }
}

// --- snapshots ---

void Follower::on_snapshot_part(NodeState& node, Time now, const SnapshotPart& part) {
  heard_leader(node, now);
  // Any part of this term's leader that goes on where the last one ended is as good, however late it is: on a slow
  // path every answer is. Others count only if they were asked for.
  const bool is_answer = fetch_ && fetch_->number == part.fetch;
  if (!is_answer && !node.incoming.is_next(part)) return;
  const SnapshotHead& head = part.head;
  const LogIndex commit = node.log.commit_index();
  INVARIANT(head.index <= commit || head.term >= node.log.entries().term_at(commit),
            "a committed entry is never replaced (R5)");
  if (head.index > commit && !node.log.entries().matches(head.index, head.term)) {
    take_part(node, now, part);
    return;
  }
  fetch_.reset();
  // "installed only if its index is above applied" (S3). This log has all that it stands for, and that is committed.
  node.incoming.give_up();
  node.log.verify_through(head.index);
  node.log.commit_through(head.index);
  if (node.finish_repair_if_reached()) note_ack_due();
  go_on_after_snapshot(node, now);
}

// A part that does not go on from what is here is dropped; the next heartbeat starts the transfer again.
void Follower::take_part(NodeState& node, Time now, const SnapshotPart& part) {
  if (part.offset == 0 && !node.incoming.is_under_way()) {
    node.notice("fetches a snapshot up to index " + std::to_string(part.head.index.value()));
  }
  if (!node.incoming.add(part)) {
    fetch_.reset();
    return;
  }
  leader_last_ = std::max(leader_last_, part.head.index);
  SharedSnapshot whole = node.incoming.take_if_whole();
  if (!whole) {
    start_fetch(node, now, where_to_fetch(node.log));  // as patiently as for this part
    return;
  }
  fetch_.reset();
  node.consequences.snapshot = std::move(whole);
}

void Follower::install(NodeState& node, Time now, SharedSnapshot snapshot) {
  node.notice("installs a snapshot up to index " + std::to_string(snapshot->head.index.value()));
  node.log.install(snapshot->head);
  node.outbox.stage_snapshot(std::move(snapshot));
  drain_ahead(node);
  go_on_after_snapshot(node, now);
}

void Follower::go_on_after_snapshot(NodeState& node, Time now) {
  if (node.log.verified_index() < leader_last_) start_fetch(node, now, node.log.verified_index());
}

// --- time ---

void Follower::tick(NodeState& node, Time now) {
  if (fetch_) {
    if (now >= fetch_->deadline) repeat_fetch(node, now);
  } else if (leader_ && now >= silence_probe_) {
    start_fetch(node, now, where_to_fetch(node.log));
  }
}

Time Follower::next_deadline() const {
  if (fetch_) return fetch_->deadline;
  return leader_ ? silence_probe_ : Time::max();
}

void Follower::check_invariants(const NodeState& node) const {
  INVARIANT(leader_ != node.self, "a node follows another one");
  INVARIANT(!leader_ || node.configuration.find(leader_) != nullptr, "a voter leads");
  INVARIANT(!fetch_ || leader_, "a Fetch goes to a leader (R7)");
  INVARIANT(acked_round_ <= round_, "only a round that was heard is acknowledged (L2)");
  INVARIANT(ahead_.bytes() <= node.options.bounds.ahead_bytes, "Appends ahead of a gap are bounded (R7)");
  ahead_.check_invariants();
}

}  // namespace lockstep::raft

// A leader's side of broadcast replication, of Fetches and of barriers (Raft sections 5.3 and 5.4, thesis section 6.4).

#include "protocol/raft/leader.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

Leader::Leader(NodeState& node, Time now)
    : progress_(node.configuration, node.self, now),
      backlog_(node.log.entries(), node.log.commit_index()),
      noop_(node.log.entries().last_index().next()),
      next_heartbeat_(now) {
  if (!node.first_commit_heard) node.first_commit_heard = noop_;
  // "a leader ... commits a no-op entry into the log at the start of its term" (Raft section 8).
  append(node, Entry{node.term(), node.log.entries().last_time(), Noop{}});
}

// --- what it appends ---

Proposed Leader::propose(NodeState& node, Now now, std::string command) {
  // A clock set before 1970 reads as 1970, as on the wire.
  const WallTime time = std::max({now.wall, node.log.entries().last_time(), WallTime()});
  Entry entry{node.term(), time, Command{std::move(command)}};
  if (backlog_.bytes() + size_of(entry) > node.options.bounds.uncommitted_bytes) return Proposed::kBusy;
  append(node, std::move(entry));
  return Proposed::kAppended;
}

void Leader::append(NodeState& node, Entry entry) {
  backlog_.appended(entry);
  node.append(std::move(entry));
}

void Leader::on_forward(NodeState& node, Now now, ConnectionId connection, NodeId from, const Forward& forward) {
  for (const std::string& command : forward.commands) {
    if (propose(node, now, command) == Proposed::kBusy) {
      node.answer(connection, from, Busy{forward.number});
      return;
    }
  }
}

// --- what it publishes ---

Append Leader::next_append(const NodeState& node, LogIndex after, std::vector<Entry> entries) const {
  const Log& log = node.log.entries();
  return {after,        log.term_at(after), std::move(entries), node.log.commit_index(), rounds_.latest(),
          CallNumber(), node.state_hash};
}

// An Append always begins where the last one ended, so whatever was lost between shows in the next (R7).
void Leader::publish(NodeState& node, Time now) {
  if (rounds_.begin_if_wanted()) announce_ = true;
  bool published = publish_entries(node);
  if (!published && (announce_ || now >= next_heartbeat_)) {
    node.publish(next_append(node, backlog_.published(), {}));
    published = true;
  }
  if (published) {
    announce_ = false;
    next_heartbeat_ = now + node.options.timing.heartbeat;
  }
  confirm_rounds(node);  // alone, it is a quorum
}

bool Leader::publish_entries(NodeState& node) {
  const Log& log = node.log.entries();
  backlog_.skip_through(log.base().index);
  bool published = false;
  while (backlog_.published() < log.last_index() && backlog_.frames() < node.options.bounds.unacknowledged_frames) {
    const LogIndex after = backlog_.published();
    std::vector<Entry> entries = log.slice(after, node.options.bounds.published_bytes);
    backlog_.published_through(after + entries.size(), node.log.commit_index());
    node.publish(next_append(node, after, std::move(entries)));
    published = true;
  }
  return published;
}

// --- acknowledgements, and what is committed by them ---

void Leader::on_ack(NodeState& node, Time now, NodeId from, const Ack& ack) {
  if (ack.match > node.log.entries().last_index() || ack.round > rounds_.latest()) return;
  if (progress_.acked(now, from, ack)) node.notice(node.name_of(from) + " is back");
  advance_commit(node);
  confirm_rounds(node);
}

void Leader::persisted(NodeState& node) {
  advance_commit(node);
  release_barriers(node);
}

// "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and log[N].term ==
// currentTerm: set commitIndex = N" (Raft figure 2; the last condition is section 5.4.2's and R6). The
// leader counts itself by what its own disk has, like everyone.
void Leader::advance_commit(NodeState& node) {
  const LogIndex commit = node.log.commit_index();
  const LogIndex index = progress_.match_of_quorum(node.log.durable_index());
  if (index <= commit || node.log.entries().term_at(index) != node.term()) return;
  backlog_.committed(node.log.entries(), commit, index);
  announce_ = true;  // R15: followers wait for it to answer their clients
  node.log.commit_through(index);
  release_barriers(node);
}

// "a leader steps down if an election timeout elapses without a successful round of heartbeats to a
// majority of its cluster" (thesis section 6.2; R10). For availability: no safety argument rests on it.
std::optional<std::string_view> Leader::reason_to_step_down(NodeState& node, Time now) {
  const Duration timeout = node.options.timing.election_timeout_max;
  const std::optional<Time> waiting_since = node.log.waiting_since();
  if (waiting_since && now - *waiting_since > timeout) return "its own disk is behind (R14)";
  for (const NodeId lost : progress_.take_lost(now, timeout)) {
    node.notice("hears nothing from " + node.name_of(lost), Notice::Level::kWarning);
  }
  if (quorum_silence(now) > timeout) return "no quorum answers (R10)";
  return std::nullopt;
}

// --- barriers ---

// "The leader restarts those leases on receipt, notes its commit index" (L2). Before the no-op is
// committed a leader may not know the latest commit index (R6), so it waits for that at least.
void Leader::ask_barrier(NodeState& node, ReadyBarrier barrier) {
  barrier.index = std::max(node.log.commit_index(), noop_);
  auto& renewed = node.consequences.renewed;
  renewed.insert(renewed.end(), barrier.renewals.begin(), barrier.renewals.end());
  rounds_.ask(std::move(barrier));
}

void Leader::confirm_rounds(NodeState& node) {
  rounds_.confirm(progress_.round_of_quorum(rounds_.latest()));
  release_barriers(node);
}

void Leader::release_barriers(NodeState& node) {
  for (ReadyBarrier& barrier : rounds_.take_ready(node.log.applicable_index())) {
    node.consequences.ready.push_back(std::move(barrier));
  }
}

void Leader::refuse_barriers(NodeState& node) const {
  for (const Rounds::WaitingBarrier& barrier : rounds_.waiting()) {
    const ReadyBarrier& question = barrier.question;
    if (question.asker == node.self) continue;
    node.answer(question.connection, question.asker, NotLeader{.number = question.number, .leader = NodeId()});
  }
}

// --- what others miss ---

void Leader::on_fetch(NodeState& node, ConnectionId connection, NodeId from, const Fetch& fetch) {
  const Log& log = node.log.entries();
  const LogIndex probe = log.last_not_above(fetch.index, fetch.term);
  // Where we may agree lies before all that this log still has.
  if (fetch.index < log.base().index || log.term_at(probe) > fetch.term) {
    // While its own is not durable yet, a leader has nothing to give: the follower asks again.
    const auto read = node.snapshots.part_for(from, connection, fetch, node.options.bounds.snapshot_part_bytes);
    if (read) node.snapshot_reads.push_back(*read);
    return;
  }
  Append append;
  if (log.matches(fetch.index, fetch.term)) {
    append = next_append(node, fetch.index, log.slice(fetch.index, node.options.bounds.fetched_bytes));
  } else {
    append = next_append(node, probe, {});
  }
  append.fetch = fetch.number;
  node.answer(connection, from, std::move(append));
}

// --- what must hold ---

void Leader::check_positions(const NodeState& node) const {
  const Log& log = node.log.entries();
  INVARIANT(!node.is_repairing(), "a node under repair never leads (S2)");
  INVARIANT(node.vote() == node.self, "a leader voted for itself (Raft section 5.2)");
  INVARIANT(log.last_index() >= noop_ && log.last_term() == node.term(),
            "a leader's log ends with its own entries (R6)");
  INVARIANT(node.log.commit_index() < noop_ || log.term_at(node.log.commit_index()) == node.term(),
            "a leader commits by counting only entries of its own term (R6)");
  rounds_.check_positions();
}

void Leader::check_invariants(const NodeState& node) const {
  check_positions(node);
  const Log& log = node.log.entries();
  for (LogIndex index = std::max(noop_, log.base().index.next()); index <= log.last_index(); index = index.next()) {
    INVARIANT(log.term_at(index) == node.term(), "a leader appends entries of its own term only (R6)");
  }
  INVARIANT(progress_.peers().size() + 1 == node.configuration.voters.size(), "every other voter is counted (R11)");
  for (const auto& [id, peer] : progress_.peers()) {
    INVARIANT(id != node.self && node.configuration.find(id) != nullptr, "only voters are counted (R11)");
    INVARIANT(peer.match <= log.last_index(), "nobody has more of this term's log than its leader (R3)");
    INVARIANT(peer.round <= rounds_.latest(), "nobody has heard a round that was not published (L2)");
  }
  for (const Rounds::WaitingBarrier& barrier : rounds_.waiting()) {
    INVARIANT(barrier.question.index >= noop_, "no barrier is answered before the leader's own first entry (R6)");
  }
  rounds_.check_invariants();
  backlog_.check_invariants(log, node.log.commit_index());
}

}  // namespace lockstep::raft

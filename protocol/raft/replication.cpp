// Broadcast replication: propose, publish, accept, acknowledge, commit (Raft sections 5.3 and 5.4; R2 to R7, R10).

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/quorum.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

// --- the leader's side ---

Proposed Raft::propose(Now now, std::string command) {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return Proposed::kNotLeader;
  // A clock set before 1970 reads as 1970, as on the wire.
  Entry entry{term(), std::max({now.wall, log_.last_time(), WallTime()}), Command{std::move(command)}};
  if (leader->uncommitted_bytes + size_of(entry) > options_.bounds.uncommitted_bytes) return Proposed::kBusy;
  append_to_own_log(std::move(entry));
  return Proposed::kAppended;
}

void Raft::append_to_own_log(Entry entry) {
  std::get<Leader>(role_).uncommitted_bytes += size_of(entry);
  log_.append(std::move(entry));
  stage_entries_from(log_.last_index());
}

void Raft::forward(std::vector<std::string> commands) {
  const NodeId to = leader();
  if (!to || to == self_) return;
  send(to, Forward{next_call(), std::move(commands)});
}

void Raft::on_forward(Now now, ConnectionId connection, const Message& from, const Forward& forward) {
  if (!is_leader() || from.term < term()) {
    answer(connection, from.from, NotLeader{forward.number, leader()});
    return;
  }
  for (const std::string& command : forward.commands) {
    if (propose(now, command) == Proposed::kBusy) {
      answer(connection, from.from, Busy{forward.number});
      return;
    }
  }
}

Append Raft::next_broadcast(LogIndex after, std::vector<Entry> entries) const {
  const auto& leader = std::get<Leader>(role_);
  return {after, log_.term_at(after), std::move(entries), commit_, leader.round, CallNumber(), state_hash_};
}

// Publishes what is new, or, when it is time or something must be heard of, that nothing is. An Append
// always begins where the last one ended, so whatever was lost between shows in the next (R7).
void Raft::broadcast(Time now) {
  start_round_if_wanted();
  auto& leader = std::get<Leader>(role_);
  leader.published = std::max(leader.published, log_.base().index);
  bool published = false;
  while (leader.published < log_.last_index() && leader.frames.size() < options_.bounds.unacknowledged_frames) {
    std::vector<Entry> entries = log_.slice(leader.published, options_.bounds.published_bytes);
    const LogIndex after = leader.published;
    leader.published = after + entries.size();
    // What followers fetched and a quorum has needs no acknowledgement any more: counted, it would hold up
    // the rest for ever, since only a later commit takes frames out.
    if (leader.published > commit_) leader.frames.push_back(leader.published);
    publish(next_broadcast(after, std::move(entries)));
    published = true;
  }
  if (!published && (leader.announce || now >= leader.next_heartbeat)) {
    publish(next_broadcast(leader.published, {}));
    published = true;
  }
  if (published) {
    leader.announce = false;
    leader.next_heartbeat = now + options_.timing.heartbeat;
  }
}

void Raft::on_ack(Time now, const Message& from, const Ack& ack) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || ack.match > log_.last_index() || ack.round > leader->round) return;
  Progress& peer = leader->peers.at(from.from);
  if (peer.lost) {
    peer.lost = false;
    notice(name_of(from.from) + " is back");
  }
  peer.heard = now;
  // Acks may overtake each other; what was durable once stays so.
  peer.match = std::max(peer.match, ack.match);
  peer.round = std::max(peer.round, ack.round);
  advance_commit_of_leader();
  confirm_rounds();
}

// "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and log[N].term ==
// currentTerm: set commitIndex = N" (Raft figure 2; the last condition is section 5.4.2's and R6). The
// leader counts itself by what its own disk has, like everyone.
void Raft::advance_commit_of_leader() {
  const auto& leader = std::get<Leader>(role_);
  std::vector<LogIndex> reached{durability_.index()};
  for (const auto& [id, peer] : leader.peers) reached.push_back(peer.match);
  const LogIndex index = reached_by_quorum(std::move(reached));
  if (index <= commit_ || log_.term_at(index) != term()) return;
  advance_commit(index);
}

void Raft::advance_commit(LogIndex commit) {
  if (commit <= commit_) return;
  INVARIANT(commit <= log_.last_index(), "only what the log holds can be committed");
  if (auto* leader = std::get_if<Leader>(&role_)) {
    for (LogIndex index = commit_.next(); index <= commit; index = index.next()) {
      leader->uncommitted_bytes -= size_of(log_.at(index));
    }
    while (!leader->frames.empty() && leader->frames.front() <= commit) leader->frames.pop_front();
    leader->announce = true;  // R15: followers wait for it to answer their clients
  }
  commit_ = commit;
  if (is_leader()) release_barriers();
}

Duration Raft::quorum_silence(Time now) const {
  std::vector<Time> heard{now};
  for (const auto& [id, peer] : std::get<Leader>(role_).peers) heard.push_back(peer.heard);
  return now - reached_by_quorum(std::move(heard));
}

// "a leader steps down if an election timeout elapses without a successful round of heartbeats to a
// majority of its cluster" (thesis section 6.2; R10). For availability: no safety argument rests on it.
void Raft::check_quorum(Time now) {
  auto& leader = std::get<Leader>(role_);
  for (auto& [id, peer] : leader.peers) {
    if (!peer.lost && now - peer.heard > options_.timing.election_timeout_max) {
      peer.lost = true;
      notice("hears nothing from " + name_of(id), Notice::Level::kWarning);
    }
  }
  if (quorum_silence(now) > options_.timing.election_timeout_max) {
    step_down(now, "no quorum answers (R10)");
  }
}

// --- the follower's side ---

void Raft::on_append(Time now, const Message& from, const Append& append) {
  INVARIANT(!is_leader(), "a term has one leader");
  if (!std::holds_alternative<Follower>(role_)) become_follower(now, term(), NodeId());
  adopt_leader(from.from);
  INVARIANT(leader() == from.from, "a term has one leader");

  heard_leader(now);
  if (!first_commit_heard_) first_commit_heard_ = append.commit;
  if (append.state_hash) consequences_.leader_hashes.push_back(*append.state_hash);
  auto& follower = std::get<Follower>(role_);
  follower.leader_last = std::max(follower.leader_last, append.previous_index + append.entries.size());

  if (append.fetch) {
    on_fetch_answer(now, append);
  } else if (log_.matches(append.previous_index, append.previous_term)) {
    accept(append);
    drain_ahead();
  } else {
    keep_for_later(append);
    if (!follower.fetch) start_fetch(now, where_to_fetch());
  }
  advance_commit(std::min(append.commit, verified_));
  finish_repair_if_reached();
  note_ack_due(append);
}

// "If an existing entry conflicts with a new one (same index but different terms), delete the existing
// entry and all that follow it. Append any new entries not already in the log" (Raft figure 2). An Append
// that is merely short deletes nothing (R5).
void Raft::accept(const Append& append) {
  LogIndex index = append.previous_index;
  for (const Entry& entry : append.entries) {
    index = index.next();
    if (index < log_.base().index) continue;  // committed, and dropped since
    if (index <= log_.last_index()) {
      if (log_.term_at(index) == entry.term) continue;
      INVARIANT(index > commit_, "a committed entry is never replaced (R5)");
      INVARIANT(index > verified_, "what this term's leader has is never replaced in this term");
      log_.truncate_from(index);
      durability_.truncated_from(index);
    }
    log_.append(entry);
    stage_entries_from(index);
  }
  verified_ = std::max(verified_, index);
}

// A follower acks every round it hears, matched or not (L2), and everything that became durable. While
// entries are on their way to the disk, hearing the same round again is not worth a message.
void Raft::note_ack_due(const Append& append) {
  auto& follower = std::get<Follower>(role_);
  follower.round = std::max(follower.round, append.round);
  const bool nothing_to_wait_for = durability_.index() >= verified_;
  if (append.entries.empty() || follower.round > follower.acked_round || nothing_to_wait_for) follower.ack_due = true;
}

void Raft::send_ack_if_due() {
  auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || !follower->ack_due || !follower->leader || is_repairing()) return;
  follower->ack_due = false;
  follower->acked_round = follower->round;
  // Never the log's last index: only what this term's leader is proved to have, and the disk too (R3).
  send(follower->leader, Ack{std::min(verified_, durability_.index()), follower->round});
}

}  // namespace lockstep::raft

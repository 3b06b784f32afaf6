// Repair by pulling: a follower that misses something asks for it (R7, R8).
//
// It keeps one Fetch outstanding. Its question is "my entry at this index is of this term"; the leader
// sends what follows if it has the same, else names an earlier point where they may agree. Only the
// answer to the outstanding question moves the next one, so late answers cannot make it jump about.

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

// --- the follower's side ---

// An Append that begins beyond what we can check. Bounded: what does not fit is fetched later.
void Raft::keep_for_later(const Append& append) {
  auto& follower = std::get<Follower>(role_);
  if (append.entries.empty() || append.previous_index <= verified_) return;
  std::size_t bytes = 0;
  for (const Entry& entry : append.entries) bytes += size_of(entry);
  if (follower.ahead_bytes + bytes > options_.bounds.ahead_bytes) return;
  if (follower.ahead.emplace(append.previous_index, append).second) follower.ahead_bytes += bytes;
}

void Raft::drain_ahead() {
  auto& follower = std::get<Follower>(role_);
  while (!follower.ahead.empty() && follower.ahead.begin()->first <= verified_) {
    const Append append = std::move(follower.ahead.begin()->second);
    follower.ahead.erase(follower.ahead.begin());
    for (const Entry& entry : append.entries) follower.ahead_bytes -= size_of(entry);
    // Both come from this term's one leader, so its log up to `verified_` is ours.
    INVARIANT(log_.matches(append.previous_index, append.previous_term), "one leader's Appends agree");
    accept(append);
  }
}

// What this term has proved is the best place to go on from; without it, probe from the end of the log.
LogIndex Raft::where_to_fetch() const { return verified_ ? verified_ : log_.last_index(); }

void Raft::start_fetch(Time now, LogIndex index) {
  const auto& follower = std::get<Follower>(role_);
  send_fetch(now, index, follower.fetch ? follower.fetch->patience : 2 * options_.timing.heartbeat);
}

// The answer is late or lost. On a path that is slower than our patience every answer would be late, so the
// same question is asked again, more patiently each time: from the end of the log the probe would never end.
void Raft::repeat_fetch(Time now) {
  const OutstandingFetch late = *std::get<Follower>(role_).fetch;
  const LogIndex index = verified_ ? verified_ : std::min(late.index, log_.last_index());
  send_fetch(now, index, std::min(2 * late.patience, options_.timing.election_timeout_max));
}

void Raft::send_fetch(Time now, LogIndex index, Duration patience) {
  auto& follower = std::get<Follower>(role_);
  if (!follower.leader) return;
  index = std::max(index, log_.base().index);  // what a snapshot stands for is committed: no need to ask below it
  // One is outstanding: an earlier one that still waits to leave (R1) asks for nothing any more.
  std::erase_if(messages_, [](const Outgoing& waiting) { return std::holds_alternative<Fetch>(waiting.message.body); });
  follower.fetch = OutstandingFetch{next_call(), index, patience, now + random_.between(patience, 2 * patience)};
  follower.silence_probe = now + options_.timing.election_timeout_min / 3;
  Fetch fetch{follower.fetch->number, index, log_.term_at(index)};
  if (incoming_) {
    fetch.snapshot = incoming_->head.index;
    fetch.offset = incoming_->state.size();
  }
  send(follower.leader, fetch);
}

void Raft::on_fetch_answer(Time now, const Append& append) {
  auto& follower = std::get<Follower>(role_);
  const bool matches = log_.matches(append.previous_index, append.previous_term);
  if (matches) {
    incoming_.reset();
    accept(append);
    drain_ahead();
  }
  if (!follower.fetch || follower.fetch->number != append.fetch) return;  // late: proves things, moves nothing
  if (!matches) {
    // "at our own last index at or below that one whose term is not above that one's" (R7)
    start_fetch(now, log_.last_not_above(append.previous_index, append.previous_term));
  } else if (verified_ < follower.leader_last) {
    start_fetch(now, verified_);
  } else {
    follower.fetch.reset();
  }
}

void Raft::on_not_leader(Time now, const Message& from, const NotLeader& answer) {
  if (is_leader()) return;
  if (const auto* follower = std::get_if<Follower>(&role_); follower && follower->leader == from.from) {
    role_ = Follower{};  // it led once, in this term, or was thought to
  }
  hint_leader(now, answer.leader);
}

// --- the leader's side ---

void Raft::on_fetch(ConnectionId connection, const Message& from, const Fetch& fetch) {
  if (!is_leader() || from.term < term()) {
    answer(connection, from.from, NotLeader{fetch.number, leader()});
    return;
  }
  const LogIndex probe = log_.last_not_above(fetch.index, fetch.term);
  // Where we may agree lies before all that this log still has.
  if (fetch.index < log_.base().index || log_.term_at(probe) > fetch.term) {
    read_snapshot_for(connection, from.from, fetch);
    return;
  }
  Append append;
  if (log_.matches(fetch.index, fetch.term)) {
    append = next_broadcast(fetch.index, log_.slice(fetch.index, options_.bounds.fetched_bytes));
  } else {
    append = next_broadcast(probe, {});
  }
  append.fetch = fetch.number;
  answer(connection, from.from, std::move(append));
}

}  // namespace lockstep::raft

// The order of disk and wire: what becomes one write, and which messages wait for it (R1, S2).

#include "protocol/raft/outbox.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

void Outbox::enter_term(Term term, NodeId vote) {
  INVARIANT(term > hard_state_.term, "a term never falls");
  hard_state_.term = term;
  hard_state_.vote = vote;
  hard_state_staged_ = true;
  messages_.clear();  // of an older term: as if lost on the way
}

void Outbox::vote_for(NodeId candidate) {
  if (hard_state_.vote == candidate) return;
  INVARIANT(!hard_state_.vote, "a vote never changes within its term (Raft section 5.2)");
  hard_state_.vote = candidate;
  hard_state_staged_ = true;
}

void Outbox::end_repair() {
  INVARIANT(hard_state_.repair_until, "only a node under repair can be repaired (S2)");
  hard_state_.repair_until = LogIndex();
  hard_state_staged_ = true;
}

void Outbox::stage_entries_from(LogIndex first) {
  staged_from_ = staged_from_ ? std::min(*staged_from_, first) : first;
}

void Outbox::stage_snapshot(SharedSnapshot snapshot) {
  staged_from_.reset();
  installing_ = StagedSnapshot{std::move(snapshot), std::nullopt};
}

// Entries go from the lowest index that changed since the last write: what one write replaces.
std::optional<Write> Outbox::take_write(const Log& log) {
  const bool snapshot_staged = installing_ && !installing_->write;
  if (!staged_from_ && !hard_state_staged_ && !snapshot_staged) return std::nullopt;
  last_write_ = last_write_.next();
  Write write{last_write_, LogIndex(), {}, std::nullopt};
  if (snapshot_staged) {
    installing_->write = write.id;
    write.snapshot = installing_->snapshot;
  }
  if (staged_from_) {
    write.first = *staged_from_;
    write.entries = log.slice(staged_from_->previous(), SIZE_MAX);
  }
  if (hard_state_staged_) {
    write.hard_state = hard_state_;
    hard_state_write_ = write.id;
  }
  staged_from_.reset();
  hard_state_staged_ = false;
  return write;
}

SharedSnapshot Outbox::persisted(WriteId write) {
  if (hard_state_write_ && write >= *hard_state_write_) hard_state_write_.reset();
  if (!installing_ || !installing_->write || write < *installing_->write) return nullptr;
  return std::exchange(installing_, std::nullopt)->snapshot;
}

void Outbox::add(Outgoing outgoing) { messages_.push_back(std::move(outgoing)); }

void Outbox::withdraw_fetches() {
  std::erase_if(messages_, [](const Outgoing& waiting) { return std::holds_alternative<Fetch>(waiting.message.body); });
}

std::vector<Outgoing> Outbox::take_messages() {
  INVARIANT(may_speak(), "no message leaves before its term and vote are durable (R1)");
  return std::exchange(messages_, {});
}

void Outbox::check_message(const Message& message) const {
  INVARIANT(message.term == hard_state_.term, "only messages of the current term wait to leave (R1)");
  const bool is_repairing = static_cast<bool>(hard_state_.repair_until);
  if (const auto* vote = std::get_if<Vote>(&message.body); vote != nullptr && vote->granted && !vote->pre_vote) {
    INVARIANT(message.to == hard_state_.vote, "a vote that waits to leave is the node's own (R1)");
    INVARIANT(!is_repairing, "a node under repair does not vote (S2)");
  } else if (const auto* request = std::get_if<VoteRequest>(&message.body); request != nullptr && !request->pre_vote) {
    INVARIANT(message.from == hard_state_.vote, "a candidate votes for itself (Raft section 5.2)");
    INVARIANT(!is_repairing, "a node under repair does not campaign (S2)");
  } else if (std::holds_alternative<Ack>(message.body)) {
    INVARIANT(!is_repairing, "a node under repair acknowledges nothing (S2)");
  }
}

void Outbox::check_invariants(const Log& log) const {
  for (const Outgoing& waiting : messages_) check_message(waiting.message);
  INVARIANT(!staged_from_ || log.contains(*staged_from_), "only entries that the log holds are to be written");
  INVARIANT(!hard_state_write_ || *hard_state_write_ <= last_write_, "only a write that was asked is waited for");
  if (!installing_) return;
  INVARIANT(!installing_->write || *installing_->write <= last_write_, "only a write that was asked is waited for");
  INVARIANT(log.base().index >= installing_->snapshot->head.index, "the log goes on after an installed snapshot (S3)");
}

}  // namespace lockstep::raft

// What changes the replicated log, and what it may never do to what is committed, verified or durable (R2 to R5, S3).

#include "protocol/raft/replicated_log.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

// The time of the base matters only where nothing follows it, and then it is the snapshot's last entry.
WallTime base_time(const Restored& restored) { return restored.snapshot ? restored.snapshot->head.time : WallTime(); }

}  // namespace

ReplicatedLog::ReplicatedLog(const Restored& restored)
    : log_(restored.entries, restored.base, base_time(restored)), durability_(log_.last_index()) {
  if (!restored.snapshot) return;
  const SnapshotHead& head = restored.snapshot->head;
  INVARIANT(log_.base().index <= head.index && log_.matches(head.index, head.term),
            "the log goes on from the snapshot");
  commit_ = head.index;
}

void ReplicatedLog::append(Entry entry) { log_.append(std::move(entry)); }

// "If an existing entry conflicts with a new one (same index but different terms), delete the existing
// entry and all that follow it. Append any new entries not already in the log" (Raft figure 2). An Append
// that is merely short deletes nothing (R5).
std::optional<LogIndex> ReplicatedLog::accept(const Append& append) {
  INVARIANT(log_.matches(append.previous_index, append.previous_term), "an Append goes on from what this log has");
  std::optional<LogIndex> first_changed;
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
    if (!first_changed) first_changed = index;
  }
  verified_ = std::max(verified_, index);
  return first_changed;
}

void ReplicatedLog::verify_through(LogIndex index) {
  INVARIANT(index <= log_.last_index(), "only what the log holds can be verified (R2)");
  verified_ = std::max(verified_, index);
}

void ReplicatedLog::commit_through(LogIndex index) {
  if (index <= commit_) return;
  INVARIANT(index <= log_.last_index(), "only what the log holds can be committed (R4)");
  commit_ = index;
}

void ReplicatedLog::install(const SnapshotHead& head) {
  INVARIANT(head.index > commit_, "a snapshot never takes the place of newer state (S3)");
  INVARIANT(head.index > verified_, "what this term's leader has is never replaced in this term");
  // What is committed here is part of the snapshot, so it is as durable as it was. The rest must not count: it may
  // differ from what the snapshot stands for.
  durability_.truncated_from(commit_.next());
  log_ = Log({}, {head.index, head.term}, head.time);
  commit_ = head.index;
  verified_ = head.index;
}

void ReplicatedLog::drop_through(LogIndex last) {
  INVARIANT(last <= applicable_index(), "only what is committed and durable is dropped (S6)");
  log_.drop_through(last);
}

// A snapshot counts as the entries that it stands for, of which its last is the only one that this log still names.
void ReplicatedLog::started(const Write& write, Time now) {
  LogIndex first = write.first;
  LogIndex last;
  if (write.snapshot) first = last = write.snapshot->head.index;
  if (!write.entries.empty()) {
    last = write.first.previous() + write.entries.size();
    INVARIANT(last == log_.last_index(), "a write of entries reaches to the end of the log");
  }
  durability_.started(write.id, first, last, now);
}

void ReplicatedLog::check_positions() const {
  const LogIndex last = log_.last_index();
  INVARIANT(commit_ <= last, "only what the log holds can be committed (R4)");
  INVARIANT(verified_ <= last, "only what the log holds can be verified (R2)");
  INVARIANT(durability_.index() <= last, "nothing that the log does not hold counts as durable (R3)");
  INVARIANT(log_.base().index <= commit_, "only what is committed is dropped from the log's front (S3)");
}

void ReplicatedLog::check_invariants() const {
  check_positions();
  durability_.check_invariants(log_.last_index());
  Term before = log_.base().term;
  for (LogIndex index = log_.base().index.next(); index <= log_.last_index(); index = index.next()) {
    const Entry& entry = log_.at(index);
    INVARIANT(entry.term >= before, "terms never fall along a log");
    INVARIANT(index == LogIndex(1) || !std::holds_alternative<Configuration>(entry.body),
              "only entry 1 is a configuration (R17)");
    before = entry.term;
  }
}

}  // namespace lockstep::raft

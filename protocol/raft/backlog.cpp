// Counts what a leader has appended and published but not committed (R14).

#include "protocol/raft/backlog.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

std::size_t bytes_of(const Log& log, LogIndex after, LogIndex last) {
  std::size_t bytes = 0;
  for (LogIndex index = after.next(); index <= last; index = index.next()) bytes += size_of(log.at(index));
  return bytes;
}

}  // namespace

Backlog::Backlog(const Log& log, LogIndex commit)
    : published_(log.last_index()), bytes_(bytes_of(log, commit, log.last_index())) {}

void Backlog::appended(const Entry& entry) { bytes_ += size_of(entry); }

// What followers fetched and a quorum has needs no acknowledgement. If it were counted, it would hold up the rest for
// ever, since only a later commit takes frames out.
void Backlog::published_through(LogIndex last, LogIndex commit) {
  INVARIANT(last > published_, "a broadcast of entries goes on from the one before");
  published_ = last;
  if (published_ > commit) frames_.push_back(published_);
}

void Backlog::skip_through(LogIndex base) { published_ = std::max(published_, base); }

void Backlog::committed(const Log& log, LogIndex from, LogIndex to) {
  const std::size_t bytes = bytes_of(log, from, to);
  INVARIANT(bytes <= bytes_, "what is committed was counted when it was appended (R14)");
  bytes_ -= bytes;
  while (!frames_.empty() && frames_.front() <= to) frames_.pop_front();
}

void Backlog::check_invariants(const Log& log, LogIndex commit) const {
  INVARIANT(published_ <= log.last_index(), "only what the log holds was published");
  INVARIANT(bytes_ == bytes_of(log, commit, log.last_index()), "every uncommitted entry is counted, and only those");
  LogIndex before = commit;
  for (const LogIndex frame : frames_) {
    INVARIANT(frame > before, "frames end after the commit index, each after the one before");
    before = frame;
  }
  INVARIANT(frames_.empty() || frames_.back() <= published_, "a frame was published");
}

}  // namespace lockstep::raft

// Keeps Appends ahead of a gap, and gives them back in their order when it is filled (R7).

#include "protocol/raft/ahead_buffer.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

std::size_t bytes_of(const Append& append) {
  std::size_t bytes = 0;
  for (const Entry& entry : append.entries) bytes += size_of(entry);
  return bytes;
}

}  // namespace

void AheadBuffer::keep(const Append& append, LogIndex verified, std::size_t bound) {
  if (append.entries.empty() || append.previous_index <= verified) return;
  const std::size_t bytes = bytes_of(append);
  if (bytes_ + bytes > bound) return;
  if (appends_.emplace(append.previous_index, append).second) bytes_ += bytes;
}

std::optional<Append> AheadBuffer::take_next(LogIndex verified) {
  if (appends_.empty() || appends_.begin()->first > verified) return std::nullopt;
  Append next = std::move(appends_.begin()->second);
  appends_.erase(appends_.begin());
  bytes_ -= bytes_of(next);
  return next;
}

void AheadBuffer::check_invariants() const {
  std::size_t bytes = 0;
  for (const auto& [after, append] : appends_) {
    INVARIANT(append.previous_index == after && !append.entries.empty(), "an Append is kept where it begins (R7)");
    bytes += bytes_of(append);
  }
  INVARIANT(bytes == bytes_, "the weight of what is kept is known (R7)");
}

}  // namespace lockstep::raft

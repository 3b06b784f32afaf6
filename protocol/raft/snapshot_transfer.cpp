// How the parts of a snapshot come together, and which part answers a Fetch (S3).

#include "protocol/raft/snapshot_transfer.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

// --- the follower's end ---

bool IncomingSnapshot::is_next(const SnapshotPart& part) const {
  if (!transfer_) return part.offset == 0;
  return transfer_->head == part.head && part.offset == transfer_->state.size();
}

bool IncomingSnapshot::add(const SnapshotPart& part) {
  if (part.offset == 0) transfer_ = Transfer{part.head, {}};
  if (!is_next(part) || part.bytes.empty() || part.bytes.size() > part.head.state_bytes - part.offset) {
    transfer_.reset();
    return false;
  }
  transfer_->state += part.bytes;
  return true;
}

SharedSnapshot IncomingSnapshot::take_if_whole() {
  if (!transfer_ || transfer_->state.size() < transfer_->head.state_bytes) return nullptr;
  Transfer whole = *std::exchange(transfer_, std::nullopt);
  return std::make_shared<const Snapshot>(Snapshot{std::move(whole.head), std::move(whole.state)});
}

// --- the leader's end ---

const SnapshotHead* DurableSnapshots::find(LogIndex index) const {
  const auto found = std::find_if(heads_.begin(), heads_.end(), [&](const auto& head) { return head.index == index; });
  return found == heads_.end() ? nullptr : &*found;
}

void DurableSnapshots::add(const SnapshotHead& head) {
  if (heads_.empty() || head.index > heads_.back().index) {
    heads_.push_back(head);
    if (heads_.size() > 2) heads_.erase(heads_.begin());
  } else if (head.index < heads_.back().index) {
    heads_ = {head, heads_.back()};  // a newer one was installed meanwhile; the disk keeps these two
  }
}

std::optional<SnapshotRead> DurableSnapshots::part_for(NodeId asker, ConnectionId connection, const Fetch& fetch,
                                                       std::uint64_t max_bytes) const {
  if (heads_.empty()) return std::nullopt;
  const SnapshotHead* head = find(fetch.snapshot);
  const bool goes_on = head != nullptr && head->index != unreadable_ && fetch.offset < head->state_bytes;
  if (!goes_on) head = heads_.back().index == unreadable_ ? &heads_.front() : &heads_.back();
  const std::uint64_t offset = goes_on ? fetch.offset : 0;
  return SnapshotRead{asker, connection, fetch.number, head->index, offset, max_bytes};
}

// The older one does as well, if the log reaches back to it, as it does unless the newest was installed. If neither
// can be read, or there is no other, the newest is tried again.
void DurableSnapshots::could_not_read(LogIndex index, LogIndex base) {
  const bool has_another = heads_.size() > 1 && heads_.front().index >= base;
  const bool was_last_hope = unreadable_ && unreadable_ != index;
  unreadable_ = was_last_hope || !has_another ? LogIndex() : index;
}

void DurableSnapshots::check_invariants() const {
  INVARIANT(heads_.size() <= 2, "two snapshots are kept (S3)");
  INVARIANT(heads_.empty() || heads_.front().index, "a snapshot stands for an entry at least");
  INVARIANT(heads_.size() < 2 || heads_.front().index < heads_.back().index, "the older snapshot comes first");
}

}  // namespace lockstep::raft

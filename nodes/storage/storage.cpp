#include "nodes/storage/storage.hpp"

#include <utility>

#include "nodes/storage/recovery.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/base/random.hpp"

namespace lockstep {
namespace {

// A group that has grown to this takes no further write: larger ones delay completions and gain nothing.
constexpr std::size_t kGoodBatchBytes = 1024 * 1024;

}  // namespace

StorageResult<Storage> Storage::open(Disk& disk, const StorageOptions& options) {
  INVARIANT(options.fresh_node_id && options.segment_bytes > kFirstBatchOffset + kSectorBytes,
            "options are checked by who sets them");
  if (auto locked = disk.lock_folder(options.folder); !locked) return storage_error(locked.error());
  Random random(options.seed);
  const RecoveryOptions recovery{options.folder, options.fresh_node_id, random.next(), options.segment_bytes,
                                 options.cluster_of_one};
  auto recovered = recover(disk, recovery);
  if (!recovered) return tl::unexpected(recovered.error());

  const LogWriterOptions writer{options.segment_bytes, random.next(), options.background_segments};
  Storage storage(options, std::move(recovered->meta),
                  LogWriter(disk, writer, std::move(recovered->current), recovered->position),
                  LogIndex(recovered->entries.size()));
  storage.restored_entries_ = std::move(recovered->entries);
  storage.notices_ = std::move(recovered->notices);
  return storage;
}

Storage::Storage(const StorageOptions& options, MetaFile meta, LogWriter log, LogIndex last_index)
    : folder_(options.folder),
      max_batch_bytes_(LogWriter::max_batch_bytes(options.segment_bytes)),
      meta_(std::move(meta)),
      log_(std::move(log)),
      last_index_(last_index) {}

raft::Restored Storage::take_restored() {
  return raft::Restored{meta_.get().node, meta_.get().hard_state, std::exchange(restored_entries_, {})};
}

StorageResult<Storage::Applied> Storage::apply(std::span<const raft::Write> writes) {
  if (failed_) return tl::unexpected(*failed_);
  Group group;
  const auto outcome = write_entries(writes, group);
  if (!outcome) return fail(outcome.error());
  const bool out_of_space = *outcome == LogWriter::Outcome::kNoSpace;
  note_space(log_.space_is_short(), out_of_space);
  if (out_of_space) return Applied{0, true};
  last_index_ = group.last_index;
  // Only now: a hard state may rest on the entries of its write, never the other way round.
  if (group.hard_state) {
    if (auto done = write_meta(*group.hard_state); !done) return fail(done.error());
  }
  return Applied{group.writes, false};
}

DiskResult<LogWriter::Outcome> Storage::write_entries(std::span<const raft::Write> writes, Group& group) {
  batch_.clear();
  group.last_index = last_index_;
  for (const raft::Write& write : writes) {
    if (batch_.bytes_on_disk() >= kGoodBatchBytes) break;
    INVARIANT(write.entries.empty() || (write.first && write.first <= group.last_index.next()),
              "entries follow what the log holds, or replace some of it");
    LogIndex index = write.first;
    for (const raft::Entry& entry : write.entries) {
      if (!batch_.add(index, entry, max_batch_bytes_)) {
        if (auto outcome = flush_batch(); !outcome || *outcome == LogWriter::Outcome::kNoSpace) return outcome;
        batch_.add(index, entry, max_batch_bytes_);
      }
      group.last_index = index;
      index = index.next();
    }
    if (write.hard_state) group.hard_state = write.hard_state;
    ++group.writes;
  }
  return batch_.empty() ? LogWriter::Outcome::kDurable : flush_batch();
}

DiskResult<LogWriter::Outcome> Storage::flush_batch() {
  auto outcome = log_.append(batch_);
  batch_.clear();
  return outcome;
}

DiskResult<void> Storage::write_meta(const raft::HardState& hard_state) {
  Meta meta = meta_.get();
  meta.hard_state = hard_state;
  meta.synced_sequence = log_.position().next_sequence - 1;
  meta.highest_index = log_.position().highest_index;
  return meta_.write(meta);
}

StorageResult<void> Storage::close_cleanly() {
  if (failed_) return tl::unexpected(*failed_);
  if (auto done = write_meta(meta_.get().hard_state); !done) return fail(done.error());
  return {};
}

tl::unexpected<StorageError> Storage::fail(const DiskError& error) {
  failed_ = StorageError{error.text +
                         ". What is on the disk is uncertain now, so the node stops; it recovers when started again"};
  return tl::unexpected(*failed_);
}

void Storage::note_space(bool is_short, bool waiting) {
  using Level = Notice::Level;
  if (is_short && !warned_of_space_) {
    notices_.push_back({Level::kWarning, folder_ + ": no space on the disk for the log's next segment"});
  }
  if (waiting && !warned_of_waiting_) {
    notices_.push_back({Level::kWarning, folder_ + ": the disk is full; nothing is acknowledged until there is space"});
  }
  if (!is_short && warned_of_space_) {
    notices_.push_back({Level::kInfo, folder_ + ": there is space again for the log's next segment"});
  }
  warned_of_space_ = is_short;
  warned_of_waiting_ = waiting;
}

std::vector<Notice> Storage::take_notices() { return std::exchange(notices_, {}); }

}  // namespace lockstep

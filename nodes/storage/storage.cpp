// Locks the folder, and hands each call to meta, log or snapshots.
#include "nodes/storage/storage.hpp"

#include <utility>

#include "nodes/storage/aside.hpp"
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
  const std::optional<raft::EntryId> restart = recovered->restart ? std::optional(recovered->log.base) : std::nullopt;
  Storage storage(disk, options, random.next(), *std::move(recovered));
  if (restart) {
    // First what is not needed any more: without it there may be room for the record that follows.
    if (auto done = storage.drop_what_snapshots_replace(); !done) return storage_error(done.error());
    if (auto done = storage.restart_log(*restart); !done) return tl::unexpected(done.error());
  }
  if (auto done = storage.drop_what_snapshots_replace(); !done) return storage_error(done.error());
  return storage;
}

Storage::Storage(Disk& disk, const StorageOptions& options, std::uint64_t seed, Recovered recovered)
    : disk_(&disk),
      folder_(options.folder),
      max_batch_bytes_(LogWriter::max_batch_bytes(options.segment_bytes)),
      background_(options.background),
      restored_log_(std::move(recovered.log)),
      restored_snapshot_(std::move(recovered.snapshot)),
      meta_(std::move(recovered.meta)),
      snapshots_(disk, std::move(recovered.snapshots)),
      log_(disk, LogWriterOptions{options.segment_bytes, seed, options.background}, std::move(recovered.current),
           recovered.position, std::move(recovered.segments)),
      last_index_(restored_log_.last()),
      notices_(std::move(recovered.notices)) {}

// S3: what an interrupted install left of the log before it must not come back once the node has spoken.
StorageResult<void> Storage::restart_log(raft::EntryId after) {
  batch_.clear();
  batch_.add_restart(after);
  const auto outcome = flush_batch();
  if (!outcome) return storage_error(outcome.error());
  if (*outcome == LogWriter::Appended::kNoSpace) {
    return passing_storage_error(folder_ + ": the disk is full, and the node cannot start without some space on it");
  }
  return {};
}

raft::Restored Storage::take_restored() {
  LogContents log = std::exchange(restored_log_, {});
  return raft::Restored{meta_.get().node, meta_.get().hard_state, std::move(log.entries), log.base,
                        std::exchange(restored_snapshot_, nullptr)};
}

StorageResult<Storage::PersistedWrites> Storage::persist(std::span<const raft::Write> writes) {
  if (failed_) return tl::unexpected(*failed_);
  Group group;
  const auto outcome = write_entries(writes, group);
  if (!outcome) return fail(outcome.error());
  const bool out_of_space = *outcome == LogWriter::Appended::kNoSpace;
  note_space(log_.space_is_short(), out_of_space);
  if (out_of_space) return PersistedWrites{0, true};
  last_index_ = group.last_index;
  // Only now: a hard state may rest on the entries of its write, never the other way round.
  if (group.hard_state || group.has_snapshot) {
    if (auto done = write_meta(group.hard_state.value_or(meta_.get().hard_state)); !done) return fail(done.error());
  }
  if (group.has_snapshot) {
    if (auto done = drop_what_snapshots_replace(); !done) return fail(done.error());
  }
  return PersistedWrites{group.writes, false};
}

DiskResult<LogWriter::Appended> Storage::write_entries(std::span<const raft::Write> writes, Group& group) {
  batch_.clear();
  group.last_index = last_index_;
  for (const raft::Write& write : writes) {
    if (batch_.bytes_on_disk() >= kGoodBatchBytes) break;
    if (write.snapshot) {
      if (group.writes > 0) break;  // it begins a group of its own
      if (auto outcome = install(*write.snapshot); !outcome || *outcome == LogWriter::Appended::kNoSpace)
        return outcome;
      group.has_snapshot = true;
      group.last_index = write.snapshot->head.index;
    }
    INVARIANT(write.entries.empty() || (write.first && write.first <= group.last_index.next()),
              "entries follow what the log holds, or replace some of it");
    INVARIANT(write.entries.empty() || write.first > snapshots_.newest(), "a snapshot's entries are never replaced");
    LogIndex index = write.first;
    for (const raft::Entry& entry : write.entries) {
      if (!batch_.add(index, entry, max_batch_bytes_)) {
        if (auto outcome = flush_batch(); !outcome || *outcome == LogWriter::Appended::kNoSpace) return outcome;
        batch_.add(index, entry, max_batch_bytes_);
      }
      group.last_index = index;
      index = index.next();
    }
    if (write.hard_state) group.hard_state = write.hard_state;
    ++group.writes;
  }
  return batch_.empty() ? LogWriter::Appended::kDurable : flush_batch();
}

// S3: the file first, and then the record that makes the log before it void.
DiskResult<LogWriter::Appended> Storage::install(const raft::Snapshot& snapshot) {
  const raft::SnapshotHead& head = snapshot.head;
  INVARIANT(head.index >= snapshots_.newest(), "a snapshot is never installed over a newer one");
  // It is there already if the log's next segment found no room the time before.
  if (head.index != snapshots_.newest()) {
    auto written = write_snapshot(*disk_, snapshot);
    if (!written && means_full(written.error())) return LogWriter::Appended::kNoSpace;
    if (!written) return tl::unexpected(written.error());
    snapshots_.add(*std::move(written));
    // At once, not after the record below: on a full disk this makes room for it.
    if (auto dropped = drop_what_snapshots_replace(); !dropped) return tl::unexpected(dropped.error());
    notices_.push_back({Notice::Level::kInfo, folder_ + ": stored the leader's snapshot up to entry " +
                                                  std::to_string(head.index.value()) + ", " +
                                                  std::to_string(head.state_bytes) + " bytes"});
  }
  batch_.add_restart({head.index, head.term});
  return LogWriter::Appended::kDurable;
}

DiskResult<LogWriter::Appended> Storage::flush_batch() {
  auto outcome = log_.append(batch_);
  batch_.clear();
  return outcome;
}

Meta Storage::meta_now() const {
  Meta meta = meta_.get();
  meta.synced_sequence = log_.position().next_sequence - 1;
  meta.highest_index = log_.position().highest_index;
  meta.snapshot = snapshots_.newest();
  return meta;
}

DiskResult<void> Storage::write_meta(const raft::HardState& hard_state) {
  Meta meta = meta_now();
  meta.hard_state = hard_state;
  return meta_.write(meta);
}

// What is deleted is not needed before `meta` says so, and not looked for afterwards.
DiskResult<void> Storage::drop_what_snapshots_replace() {
  if (compacting_.valid()) return {};  // it reads them; its end comes here too
  const LogStart start = log_.start_above(snapshots_.log_is_needed_above());
  Meta meta = meta_now();
  if (start.segment > log_.segments().front().number) meta.log_start = start;
  if (meta != meta_.get()) {
    if (auto done = meta_.write(meta); !done) return done;
  }
  return snapshots_.drop_surplus().and_then([&] { return log_.drop_before(start); });
}

void Storage::start_compaction(LogIndex index, Fold fold, std::function<void()> when_done) {
  INVARIANT(!compacting_.valid(), "one compaction at a time");
  // A snapshot may have been installed since it was asked for; then there is nothing left to do.
  std::optional<SnapshotFile> done;
  if (snapshots_.newest() >= index) done = *snapshots_.find(snapshots_.newest());
  // Only what follows the snapshot is read: rot in what is kept for an older one must not stop a node that is well.
  std::vector<SegmentExtent> segments = log_.segments();
  const std::uint64_t first = log_.start_above(snapshots_.newest()).segment;
  std::erase_if(segments, [&](const SegmentExtent& segment) { return segment.number < first; });
  const bool is_cut = meta_.get().log_start.segment > 1 || segments.size() < log_.segments().size();
  CompactionJob job{folder_, snapshots_.newest(), std::move(segments), log_.position().next_sequence - 1,
                    is_cut,  std::move(fold)};
  compacting_ = run_aside(background_, [disk = disk_, job = std::move(job), done, when_done = std::move(when_done)] {
    Compacting result = done ? Compacting(done) : compact(*disk, job);
    when_done();
    return result;
  });
}

StorageResult<raft::Compacted> Storage::finish_compaction() {
  INVARIANT(compacting_.valid(), "a compaction was started");
  Compacting made = compacting_.get();
  if (failed_) return tl::unexpected(*failed_);
  if (!made) {
    failed_ = made.error();
    return tl::unexpected(*failed_);
  }
  if (!*made) {
    notices_.push_back({Notice::Level::kWarning, folder_ + ": no space on the disk for a snapshot"});
    return raft::Compacted{};
  }
  const raft::SnapshotHead head = (*made)->head;
  snapshots_.add(**std::move(made));
  if (auto done = drop_what_snapshots_replace(); !done) return fail(done.error());
  notices_.push_back({Notice::Level::kInfo, folder_ + ": a snapshot stands for the log up to entry " +
                                                std::to_string(head.index.value()) + ", " +
                                                std::to_string(head.state_bytes) + " bytes"});
  return raft::Compacted{head};
}

std::string Storage::read_snapshot(const raft::SnapshotRead& read) {
  auto bytes = snapshots_.read(read);
  if (bytes) return *std::move(bytes);
  notices_.push_back({Notice::Level::kWarning, bytes.error().detail + ": another node asked for a part of it"});
  return {};
}

StorageResult<void> Storage::close_cleanly() {
  if (failed_) return tl::unexpected(*failed_);
  if (auto done = write_meta(meta_.get().hard_state); !done) return fail(done.error());
  return {};
}

tl::unexpected<StorageError> Storage::fail(const DiskError& error) {
  failed_ = StorageError{
      error.detail + ". What is on the disk is uncertain now, so the node stops; it recovers when started again", true};
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

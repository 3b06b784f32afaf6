// Reads the older snapshot and the log in steps, folds them, and writes the new snapshot file.
#include "nodes/storage/compaction.hpp"

#include <utility>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_replay.hpp"

namespace lockstep {
namespace {

class LogReader {
 public:
  LogReader(Disk& disk, const CompactionJob& job) : disk_(disk), job_(job), replay_(job.log_is_cut) {}

  StorageResult<LogContents> run() {
    next_sequence_ = job_.segments.front().first_sequence;
    for (const SegmentExtent& segment : job_.segments) {
      if (auto read = read_segment(segment_name(segment.number)); !read) return tl::unexpected(read.error());
    }
    if (next_sequence_ <= job_.last_sequence) {
      return storage_error(job_.folder + ": batch " + std::to_string(next_sequence_) +
                           " of the log was written and cannot be read back. Start the node again: it then repairs "
                           "what can be repaired");
    }
    return replay_.take_contents();
  }

 private:
  StorageResult<void> read_segment(const std::string& name) {
    auto file = disk_.open(name);
    if (!file) return storage_error(file.error());
    const OpenFile open(disk_, *std::move(file));
    const auto bytes = disk_.read(*open, 0, kWholeFile);
    if (!bytes) return storage_error(bytes.error());
    const auto salt = salt_of(*bytes);
    if (!salt) return {};  // then its batches are missed
    std::size_t offset = kFirstBatchOffset;
    while (next_sequence_ <= job_.last_sequence) {
      const auto batch = whole_batch_at(*bytes, offset, *salt, next_sequence_);
      if (!batch) break;
      if (auto taken = replay_.take(*batch); !taken) {
        return storage_error(job_.folder + "/" + name + " at offset " + std::to_string(offset) +
                             ": a batch whose checksum is right makes no sense: " + taken.error());
      }
      offset += batch_bytes_on_disk(batch->header);
      ++next_sequence_;
    }
    return {};
  }

  static std::optional<std::uint32_t> salt_of(std::string_view segment) {
    for (const std::size_t copy : {0U, 1U}) {
      if (segment.size() < (copy + 1) * kBlockBytes) continue;
      if (const auto header = decode_segment_header(segment.substr(copy * kBlockBytes, kBlockBytes))) {
        return header->salt;
      }
    }
    return std::nullopt;
  }

  Disk& disk_;
  const CompactionJob& job_;
  LogReplay replay_;
  std::uint64_t next_sequence_ = 0;
};

StorageResult<raft::SharedSnapshot> read_older(Disk& disk, const CompactionJob& job) {
  if (!job.older) return nullptr;
  auto snapshot = read_snapshot(disk, job.older);
  if (!snapshot) return storage_error(snapshot.error());
  if (!*snapshot) {
    return storage_error(job.folder + "/" + snapshot_name(job.older) +
                         " is damaged. Start the node again: it then continues from the snapshot before it");
  }
  return *std::move(snapshot);
}

}  // namespace

StorageResult<std::optional<SnapshotFile>> compact(Disk& disk, const CompactionJob& job) {
  auto older = read_older(disk, job);
  if (!older) return tl::unexpected(older.error());
  auto log = LogReader(disk, job).run();
  if (!log) return tl::unexpected(log.error());
  const auto folded = job.fold(older->get(), log->base.index.next(), log->entries);
  if (!folded) return storage_error(job.folder + ": " + folded.error());
  *older = nullptr;
  *log = {};
  auto written = write_snapshot(disk, *folded);
  if (written) return *std::move(written);
  if (means_full(written.error())) return std::nullopt;
  return storage_error(written.error());
}

}  // namespace lockstep

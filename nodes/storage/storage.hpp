// The durable part of a node: `meta`, the log and the snapshots in one locked data folder.
//
// open() recovers what is there (S2, S3, S4) or formats an empty folder; persist() makes writes durable. What
// persist() reports survives every crash: a snapshot was synced first, then the entries, then the hard state that goes
// with them. One batch is under way at a time (S1). After an error nothing more is accepted: a
// failed write or sync is never tried again (S4); the process must end with the error's detail.
//
// A compaction (S6) makes a snapshot of the log, after which the log's front is dropped: two snapshots are kept, and
// the log back to the older one.
//
// Synchronous and without a thread of its own, apart from those that make the next segment and a compaction where the
// options ask for it. DiskThread runs it beside a node's loop; tests and the simulator call it directly.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nodes/storage/compaction.hpp"
#include "nodes/storage/disk.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/log_writer.hpp"
#include "nodes/storage/meta_file.hpp"
#include "nodes/storage/recovery.hpp"
#include "nodes/storage/snapshot_store.hpp"
#include "nodes/storage/storage_error.hpp"
#include "protocol/base/notice.hpp"
#include "protocol/raft/disk_events.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

struct StorageOptions {
  std::string folder;
  NodeId fresh_node_id;    // from the system's random device; used only if the folder is formatted now
  std::uint64_t seed = 0;  // from the system's random device: salts of segments
  std::uint64_t segment_bytes = 16 * 1024 * 1024;  // kMinSegmentBytes or more; less where no entry is large
  bool cluster_of_one = false;                     // no other node has a copy: refuse to start on damaged data (S2)
  bool background = false;  // make segments and compactions on threads of their own; needs a PosixDisk
};

inline constexpr std::uint64_t kMinSegmentBytes = 64 * 1024;  // holds the largest entry

class Storage {
 public:
  // `disk` must outlive the result and is used by it alone.
  static StorageResult<Storage> open(Disk& disk, const StorageOptions& options);

  // What the folder held when it was opened. To be taken once: it is moved out. The term of the last entry, or of the
  // snapshot, may be above the hard state's, if a crash came between the two.
  raft::Restored take_restored();

  struct PersistedWrites {
    std::size_t count = 0;      // of the writes given, from the first on
    bool out_of_space = false;  // the next segment does not fit on the disk (S5); try the rest again later
  };
  // Makes writes durable, in order: as many as make one batch of a good size, at least one unless out of
  // space. Call again with the rest. A write that is larger than a batch may be found in part after a
  // crash, as a prefix of its entries; one that is not is found whole or not at all. Of one with a snapshot the
  // snapshot may be found alone.
  StorageResult<PersistedWrites> persist(std::span<const raft::Write> writes);

  // S6, one at a time: a snapshot up to `index`, which is applied, so that the log up to it is durable. `when_done` is
  // called once finish_compaction() will not wait for long, by any thread. It may be called before this returns.
  void start_compaction(LogIndex index, Fold fold, std::function<void()> when_done);
  // Waits for its end. What it made is durable, and what is not needed any more is deleted. The snapshot is up to the
  // index that was asked for, or above it.
  StorageResult<raft::Compacted> finish_compaction();

  // A part of a snapshot, for another node. Empty if there is no such snapshot any more, or it cannot be read; of its
  // first part also if any of the snapshot is damaged.
  std::string read_snapshot(const raft::SnapshotRead& read);

  // Notes in `meta` how far the log goes, so that rot at its very end is found at the next start.
  StorageResult<void> close_cleanly();

  std::vector<Notice> take_notices();

 private:
  Storage(Disk& disk, const StorageOptions& options, std::uint64_t seed, Recovered recovered);

  // One turn of persist(): what was taken on, and how it went.
  struct Group {
    std::size_t writes = 0;
    LogIndex last_index;
    std::optional<raft::HardState> hard_state;
    bool has_snapshot = false;
  };
  StorageResult<void> restart_log(raft::EntryId after);
  DiskResult<LogWriter::Appended> write_entries(std::span<const raft::Write> writes, Group& group);
  DiskResult<LogWriter::Appended> install(const raft::Snapshot& snapshot);
  DiskResult<LogWriter::Appended> flush_batch();
  Meta meta_now() const;  // with the hard state that it has
  DiskResult<void> write_meta(const raft::HardState& hard_state);
  DiskResult<void> drop_what_snapshots_replace();
  tl::unexpected<StorageError> fail(const DiskError& error);
  void note_space(bool is_short, bool waiting);

  using Compacting = StorageResult<std::optional<SnapshotFile>>;

  Disk* disk_;
  std::string folder_;
  std::size_t max_batch_bytes_;
  bool background_;
  LogContents restored_log_;
  raft::SharedSnapshot restored_snapshot_;
  MetaFile meta_;
  SnapshotStore snapshots_;
  LogWriter log_;
  BatchBuilder batch_;
  LogIndex last_index_;
  bool warned_of_space_ = false;
  bool warned_of_waiting_ = false;
  std::optional<StorageError> failed_;
  std::vector<Notice> notices_;
  std::future<Compacting> compacting_;  // last: it uses the disk
};

}  // namespace lockstep

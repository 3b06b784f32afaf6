// A simulated disk in bytes: the production storage on a disk in memory that loses, tears and reorders sectors, fails,
// is full, rots, and has sectors written to the wrong place. What it must keep of all that is SimDisk's to say.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nodes/storage/storage.hpp"
#include "protocol/base/random.hpp"
#include "protocol/replica/fold.hpp"
#include "tests/support/memory_disk.hpp"

namespace lockstep::simulation {

class ByteDisk {
 public:
  // Blank; whoever opens it first gives it this id.
  ByteDisk(NodeId node, std::uint64_t seed, bool cluster_of_one);
  ByteDisk(const ByteDisk&) = delete;  // the storage points to the disk
  ByteDisk& operator=(const ByteDisk&) = delete;

  // What a process finds. An error: the node does not start.
  StorageResult<raft::Restored> open();
  StorageResult<Storage::PersistedWrites> persist(std::span<const raft::Write> writes) {
    return storage_->persist(writes);
  }
  StorageResult<raft::Compacted> compact(const Compaction& wanted);
  std::string read(const raft::SnapshotRead& read) { return storage_->read_snapshot(read); }

  // Of the snapshots that lie there.
  std::vector<LogIndex> snapshot_files() const;

  // One of the next operations that change something fails.
  void fail_soon(Random& random);
  void fill();
  void make_room();
  void heal();  // no failure is to come any more
  // Whether an operation has failed since the process began, so that it may end; and whether it must: it may go on if
  // it only failed to remove what a full disk had no room for.
  bool has_failed() const;
  bool has_failed_to_write() const;
  bool is_full() const { return is_full_; }

  // The process ends. What it had written is in the page cache still.
  void end_process();
  // The power fails while these writes are under way, and perhaps a compaction: whatever was not synced survives
  // sector by sector and name by name, or does not.
  void fail_power(Random& random, std::span<const raft::Write> writes, const std::optional<Compaction>& compaction);
  // The power fails while a process starts.
  void fail_power_at_start(Random& random);
  // While nothing runs: something of what is on it is damaged, but never the last batch alone. Of that one nobody can
  // tell rot from a write that the power's end cut short (S2). None: there is nothing to damage.
  struct Rot {
    enum class Where { kMeta, kSegmentHeader, kLog, kSnapshot };
    Where where{};
    LogIndex snapshot = {};           // which
    bool other_copy_is_whole = true;  // of `meta`
    std::string what;                 // for a trace
  };
  std::optional<Rot> rot(Random& random);

 private:
  struct Extent {
    std::string file;
    std::uint64_t bytes = 0;  // that may rot, from the first on
  };
  std::optional<Extent> draw_extent(Random& random) const;
  Rot at(const std::string& file, std::uint64_t offset) const;
  std::uint64_t begin_of_last_batch(const std::string& segment) const;
  StorageOptions options() const;
  void crash(Random& random);

  NodeId node_;
  std::uint64_t seed_;
  bool cluster_of_one_;
  MemoryDisk memory_;
  bool is_full_ = false;
  struct Planned {
    MemoryDisk::Operation operation{};
    std::uint64_t skip = 0;  // so many of its kind since the disk is in use, and the next one fails
  };
  bool has_come(const Planned& planned) const { return memory_.count(planned.operation) > planned.skip; }

  std::vector<Planned> planned_;    // failures, of this process
  std::optional<Storage> storage_;  // none: no process runs
};

}  // namespace lockstep::simulation

// The thread that waits for the disk so that a node's loop never does.
//
// The loop submits writes and goes on; the thread persists whatever has queued up meanwhile, as one batch (S1: group
// commit without a timer). Beside that it reads parts of snapshots for other nodes, and has the log compacted on a
// thread that gives way to all others. The descriptor report_fd() becomes readable when there is something to tell;
// take_report() then tells all of it.
//
// A full disk leaves writes waiting and is tried again every `retry_interval` (S5). Any other error is a failure:
// nothing becomes durable any more, and the process must end with the failure's sentence (S4).
// All calls are for one thread, the loop's.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "nodes/storage/storage.hpp"
#include "nodes/system/checked_mutex.hpp"
#include "nodes/system/wake_up.hpp"
#include "protocol/raft/disk_events.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

struct DiskThreadOptions {
  std::chrono::milliseconds retry_interval{1000};
};

// All that the disk has to tell.
struct DiskReport {
  std::vector<raft::DiskEvent> events;  // in the order in which they happened; writes in the order of submission
  std::vector<Notice> notices;
  std::optional<std::string> failure;  // for good: every later report has it too
};

class DiskThread {
 public:
  static StorageResult<std::unique_ptr<DiskThread>> start(Storage storage, DiskThreadOptions options = {});
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  void submit(std::vector<raft::Write> writes);
  // As Storage::start_compaction. One at a time: the next one only after a report had the Compacted of this one.
  void compact(LogIndex index, Fold fold);
  // A node that asks again has given up on its earlier read, which is not done unless it has begun.
  void read_snapshots(std::vector<raft::SnapshotRead> reads);

  int report_fd() const { return news_.fd(); }
  // Everything since the last call. report_fd() is quiet afterwards, until there is more.
  DiskReport take_report();

  // Finishes what is queued, unless the disk is full, and a compaction under way, and closes the storage cleanly.
  // Afterwards a last report can be taken, and nothing may be submitted.
  void stop();

 private:
  struct CompactionRequest {
    LogIndex index;
    Fold fold;
  };
  // All that there is to do.
  struct Work {
    std::vector<raft::Write> writes;
    std::vector<raft::SnapshotRead> reads;
    std::optional<CompactionRequest> compaction;
    bool compaction_is_done = false;
  };

  DiskThread(Storage storage, DiskThreadOptions options, WakeUp news);
  void run();
  // Adds to `work`. Waits until there is some; false when there is nothing left to do.
  bool fill(Work& work);
  bool has_other_work() const REQUIRES(mutex_);  // than writes
  // These are false once the disk has failed.
  bool do_all(Work& work);
  bool persist_all(std::vector<raft::Write>& queue);
  bool finish_compaction();
  void read_all(std::vector<raft::SnapshotRead> reads);
  void start_compaction(CompactionRequest request);
  void report(std::vector<raft::DiskEvent> events);
  bool report_failure(const StorageError& error);  // false

  const DiskThreadOptions options_;
  const WakeUp news_;
  Storage storage_;          // the thread's own
  bool compacting_ = false;  // the thread's own

  CheckedMutex mutex_;
  CheckedCondition changed_;
  Work submitted_ GUARDED_BY(mutex_);
  DiskReport report_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace lockstep

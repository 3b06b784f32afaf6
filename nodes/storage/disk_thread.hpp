// The thread that waits for the disk so that a node's loop never does.
//
// The loop submits writes and goes on; the thread makes durable whatever has queued up meanwhile, as one
// batch (S1: group commit without a timer), and lists completions in the order of submission. Beside that it reads
// pieces of snapshots for other nodes, and has the log compacted on a thread that gives way to all others. The
// descriptor completion_fd() becomes readable when there is anything to take: completions, what was read, the end of
// a compaction, notices or the fatal error. All calls are for one thread, the loop's.
//
// A full disk leaves writes incomplete and is tried again every `retry_interval` (S5). Any other error is
// fatal: nothing completes any more, and the process must end with the message (S4).
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "nodes/storage/storage.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

struct DiskThreadOptions {
  std::chrono::milliseconds retry_interval{1000};
};

// What came of a SnapshotRead. Empty: there is no such snapshot any more, or nothing of it there.
struct SnapshotPiece {
  raft::SnapshotRead read;
  std::string bytes;
};

class DiskThread {
 public:
  static StorageResult<std::unique_ptr<DiskThread>> start(Storage storage, DiskThreadOptions options = {});
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  void submit(std::vector<raft::Write> writes);
  // As Storage::start_compaction. One at a time: the next one only after take_compacted() gave the end of this one.
  void compact(LogIndex index, Fold fold);
  // A node that asks again has given up on its earlier read, which is not done unless it has begun.
  void read_snapshots(std::vector<raft::SnapshotRead> reads);

  int completion_fd() const { return event_fd_; }
  // Everything completed since the last call; makes completion_fd() quiet until there is news, so it comes first.
  std::vector<WriteId> take_completed();
  std::optional<CompactionEnd> take_compacted();
  std::vector<SnapshotPiece> take_snapshot_pieces();
  std::vector<Notice> take_notices();
  std::optional<std::string> fatal() const;

  // Finishes what is queued, unless the disk is full, and a compaction under way, and closes the storage cleanly.
  // Afterwards completions can still be taken, and nothing may be submitted.
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
    bool compaction_is_over = false;
  };

  DiskThread(Storage storage, DiskThreadOptions options, int event_fd);
  void run();
  // Adds to `work`. Waits until there is some; false when there is nothing left to do.
  bool fill(Work& work);
  bool has_other_work() const;  // than writes
  // These are false once the disk has failed.
  bool do_all(Work& work);
  bool write_all(std::vector<raft::Write>& queue);
  bool finish_compaction();
  void read_all(std::vector<raft::SnapshotRead> reads);
  void start_compaction(CompactionRequest request);
  void report(std::span<const raft::Write> completed);
  bool report_fatal(const StorageError& error);  // false
  void collect_notices();                        // under the mutex
  void wake_loop() const;

  const DiskThreadOptions options_;
  const int event_fd_;
  Storage storage_;          // the thread's own
  bool compacting_ = false;  // the thread's own

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Work submitted_;
  std::vector<WriteId> completed_;
  std::optional<CompactionEnd> compacted_;
  std::vector<SnapshotPiece> pieces_;
  std::vector<Notice> notices_;
  std::optional<std::string> fatal_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace lockstep

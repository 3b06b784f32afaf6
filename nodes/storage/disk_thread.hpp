// The thread that waits for the disk so that a node's loop never does.
//
// The loop submits writes and goes on; the thread makes durable whatever has queued up meanwhile, as one
// batch (S1: group commit without a timer), and lists completions in the order of submission. The
// descriptor completion_fd() becomes readable when there is anything to take: completions, notices or
// the fatal error. All calls are for one thread, the loop's.
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

class DiskThread {
 public:
  static StorageResult<std::unique_ptr<DiskThread>> start(Storage storage, DiskThreadOptions options = {});
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  void submit(std::vector<raft::Write> writes);

  int completion_fd() const { return event_fd_; }
  // Everything completed since the last call; makes completion_fd() quiet until there is news.
  std::vector<WriteId> take_completed();
  std::vector<Notice> take_notices();
  std::optional<std::string> fatal() const;

  // Finishes what is queued, unless the disk is full, and closes the storage cleanly. Afterwards
  // completions can still be taken, and nothing may be submitted.
  void stop();

 private:
  DiskThread(Storage storage, DiskThreadOptions options, int event_fd);
  void run();
  enum class Outcome { kDone, kDiskFull, kFailed };
  // Waits until there is something in `queue` to write; false when there is nothing left to do.
  bool fill(std::vector<raft::Write>& queue);
  Outcome write_all(std::vector<raft::Write>& queue);
  void report(std::span<const raft::Write> completed);
  void report_fatal(const StorageError& error);
  void wake_loop() const;

  const DiskThreadOptions options_;
  const int event_fd_;
  Storage storage_;  // the thread's own

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<raft::Write> submitted_;
  std::vector<WriteId> completed_;
  std::vector<Notice> notices_;
  std::optional<std::string> fatal_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace lockstep

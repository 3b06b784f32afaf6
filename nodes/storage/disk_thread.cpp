#include "nodes/storage/disk_thread.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "protocol/base/move_to_end.hpp"

namespace lockstep {

StorageResult<std::unique_ptr<DiskThread>> DiskThread::start(Storage storage, DiskThreadOptions options) {
  const int event_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd < 0) return storage_error("cannot make an eventfd: " + std::generic_category().message(errno));
  std::unique_ptr<DiskThread> result(new DiskThread(std::move(storage), options, event_fd));
  try {
    result->thread_ = std::thread([thread = result.get()] { thread->run(); });
  } catch (const std::system_error& error) {
    return storage_error(std::string("cannot start the disk thread: ") + error.what());
  }
  return result;
}

DiskThread::DiskThread(Storage storage, DiskThreadOptions options, int event_fd)
    : options_(options), event_fd_(event_fd), storage_(std::move(storage)), notices_(storage_.take_notices()) {
  if (!notices_.empty()) wake_loop();
}

DiskThread::~DiskThread() {
  stop();
  ::close(event_fd_);
}

void DiskThread::submit(std::vector<raft::Write> writes) {
  if (writes.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    move_to_end(writes, submitted_.writes);
  }
  changed_.notify_one();
}

void DiskThread::compact(LogIndex index, Fold fold) {
  {
    const std::lock_guard lock(mutex_);
    submitted_.compaction = CompactionRequest{index, std::move(fold)};
  }
  changed_.notify_one();
}

void DiskThread::read_snapshots(std::vector<raft::SnapshotRead> reads) {
  if (reads.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (raft::SnapshotRead& read : reads) {
      std::erase_if(submitted_.reads, [&](const raft::SnapshotRead& earlier) { return earlier.to == read.to; });
      submitted_.reads.push_back(std::move(read));
    }
  }
  changed_.notify_one();
}

std::vector<WriteId> DiskThread::take_completed() {
  // Quiet first: what completes between the two calls wakes the loop once more than needed, never too little.
  std::uint64_t count = 0;
  (void)!::read(event_fd_, &count, sizeof(count));
  const std::lock_guard lock(mutex_);
  return std::exchange(completed_, {});
}

std::optional<CompactionEnd> DiskThread::take_compacted() {
  const std::lock_guard lock(mutex_);
  return std::exchange(compacted_, std::nullopt);
}

std::vector<SnapshotPiece> DiskThread::take_snapshot_pieces() {
  const std::lock_guard lock(mutex_);
  return std::exchange(pieces_, {});
}

std::vector<Notice> DiskThread::take_notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

std::optional<std::string> DiskThread::fatal() const {
  const std::lock_guard lock(mutex_);
  return fatal_;
}

void DiskThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void DiskThread::run() {
  Work work;
  bool disk_works = true;
  while (disk_works && fill(work)) disk_works = do_all(work);
  // The other thread ends before this one, whatever came of it.
  if (compacting_) disk_works = finish_compaction() && disk_works;
  if (!disk_works) return;
  if (auto closed = storage_.close_cleanly(); !closed) report_fatal(closed.error());
}

bool DiskThread::fill(Work& work) {
  std::unique_lock lock(mutex_);
  if (work.writes.empty()) {
    changed_.wait(lock, [this] { return stopping_ || !submitted_.writes.empty() || has_other_work(); });
  } else {
    // The disk was full. More writes change nothing about that, only time or the end does.
    changed_.wait_for(lock, options_.retry_interval, [this] { return stopping_ || has_other_work(); });
    if (stopping_) return false;
  }
  move_to_end(submitted_.writes, work.writes);
  work.reads = std::exchange(submitted_.reads, {});
  work.compaction = std::exchange(submitted_.compaction, std::nullopt);
  work.compaction_is_over = std::exchange(submitted_.compaction_is_over, false);
  return !work.writes.empty() || !work.reads.empty() || work.compaction || work.compaction_is_over;
}

bool DiskThread::has_other_work() const {
  return !submitted_.reads.empty() || submitted_.compaction || submitted_.compaction_is_over;
}

bool DiskThread::do_all(Work& work) {
  if (!write_all(work.writes)) return false;
  read_all(std::exchange(work.reads, {}));
  if (work.compaction_is_over && !finish_compaction()) return false;
  if (work.compaction) start_compaction(*std::exchange(work.compaction, std::nullopt));
  return true;
}

// What finds no room stays in the queue.
bool DiskThread::write_all(std::vector<raft::Write>& queue) {
  const std::span<const raft::Write> writes = queue;
  std::size_t done = 0;
  bool has_room = true;
  while (done < writes.size() && has_room) {
    const auto applied = storage_.apply(writes.subspan(done));
    if (!applied) return report_fatal(applied.error());
    report(writes.subspan(done, applied->completed));
    done += applied->completed;
    has_room = !applied->out_of_space;
  }
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(done));
  return true;
}

void DiskThread::read_all(std::vector<raft::SnapshotRead> reads) {
  if (reads.empty()) return;
  std::vector<SnapshotPiece> pieces;
  for (raft::SnapshotRead& read : reads) {
    std::string bytes = storage_.read_snapshot(read);
    pieces.push_back({std::move(read), std::move(bytes)});
  }
  {
    const std::lock_guard lock(mutex_);
    move_to_end(pieces, pieces_);
    collect_notices();
  }
  wake_loop();
}

void DiskThread::start_compaction(CompactionRequest request) {
  compacting_ = true;
  storage_.start_compaction(request.index, std::move(request.fold), [this] {
    {
      const std::lock_guard lock(mutex_);
      submitted_.compaction_is_over = true;
    }
    changed_.notify_one();
  });
}

bool DiskThread::finish_compaction() {
  compacting_ = false;
  auto end = storage_.finish_compaction();
  if (!end) return report_fatal(end.error());
  {
    const std::lock_guard lock(mutex_);
    compacted_ = *std::move(end);
    collect_notices();
  }
  wake_loop();
  return true;
}

void DiskThread::report(std::span<const raft::Write> completed) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t known = notices_.size();
    collect_notices();
    if (completed.empty() && notices_.size() == known) return;
    for (const raft::Write& write : completed) completed_.push_back(write.id);
  }
  wake_loop();
}

bool DiskThread::report_fatal(const StorageError& error) {
  {
    const std::lock_guard lock(mutex_);
    fatal_ = error.message;
  }
  wake_loop();
  return false;
}

void DiskThread::collect_notices() {
  std::vector<Notice> notices = storage_.take_notices();
  move_to_end(notices, notices_);
}

void DiskThread::wake_loop() const {
  const std::uint64_t one = 1;
  (void)!::write(event_fd_, &one, sizeof(one));
}

}  // namespace lockstep

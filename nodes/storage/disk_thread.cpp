#include "nodes/storage/disk_thread.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

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
    std::move(writes.begin(), writes.end(), std::back_inserter(submitted_));
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
  std::vector<raft::Write> queue;
  while (fill(queue)) {
    if (write_all(queue) == Outcome::kFailed) return;
  }
  if (auto closed = storage_.close_cleanly(); !closed) report_fatal(closed.error());
}

bool DiskThread::fill(std::vector<raft::Write>& queue) {
  std::unique_lock lock(mutex_);
  if (queue.empty()) {
    changed_.wait(lock, [this] { return stopping_ || !submitted_.empty(); });
  } else {
    // The disk was full. More writes change nothing about that, only time or the end does.
    changed_.wait_for(lock, options_.retry_interval, [this] { return stopping_; });
    if (stopping_) return false;
  }
  std::move(submitted_.begin(), submitted_.end(), std::back_inserter(queue));
  submitted_.clear();
  return !queue.empty();
}

DiskThread::Outcome DiskThread::write_all(std::vector<raft::Write>& queue) {
  const std::span<const raft::Write> writes = queue;
  std::size_t done = 0;
  Outcome outcome = Outcome::kDone;
  while (done < writes.size() && outcome == Outcome::kDone) {
    const auto applied = storage_.apply(writes.subspan(done));
    if (!applied) {
      report_fatal(applied.error());
      return Outcome::kFailed;
    }
    report(writes.subspan(done, applied->completed));
    done += applied->completed;
    if (applied->out_of_space) outcome = Outcome::kDiskFull;
  }
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(done));
  return outcome;
}

void DiskThread::report(std::span<const raft::Write> completed) {
  std::vector<Notice> notices = storage_.take_notices();
  if (completed.empty() && notices.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const raft::Write& write : completed) completed_.push_back(write.id);
    std::move(notices.begin(), notices.end(), std::back_inserter(notices_));
  }
  wake_loop();
}

void DiskThread::report_fatal(const StorageError& error) {
  {
    const std::lock_guard lock(mutex_);
    fatal_ = error.message;
  }
  wake_loop();
}

void DiskThread::wake_loop() const {
  const std::uint64_t one = 1;
  (void)!::write(event_fd_, &one, sizeof(one));
}

}  // namespace lockstep

// The queue between a node's loop and its storage, and the thread that works it off.
#include "nodes/storage/disk_thread.hpp"

#include <system_error>
#include <utility>

#include "protocol/base/move_to_end.hpp"

namespace lockstep {

StorageResult<std::unique_ptr<DiskThread>> DiskThread::start(Storage storage, DiskThreadOptions options) {
  auto news = WakeUp::create();
  if (!news) return passing_storage_error("cannot make an eventfd: " + std::generic_category().message(news.error()));
  std::unique_ptr<DiskThread> result(new DiskThread(std::move(storage), options, *std::move(news)));
  try {
    result->thread_ = std::thread([thread = result.get()] { thread->run(); });
  } catch (const std::system_error& error) {
    return passing_storage_error(std::string("cannot start the disk thread: ") + error.what());
  }
  return result;
}

DiskThread::DiskThread(Storage storage, DiskThreadOptions options, WakeUp news)
    : options_(options), news_(std::move(news)), storage_(std::move(storage)) {
  const CheckedLock lock(mutex_);
  report_.notices = storage_.take_notices();
  if (!report_.notices.empty()) news_.wake();
}

DiskThread::~DiskThread() { stop(); }

// ---- The loop's side

void DiskThread::submit(std::vector<raft::Write> writes) {
  if (writes.empty()) return;
  {
    const CheckedLock lock(mutex_);
    move_to_end(writes, submitted_.writes);
  }
  changed_.notify_one();
}

void DiskThread::compact(LogIndex index, Fold fold) {
  {
    const CheckedLock lock(mutex_);
    submitted_.compaction = CompactionRequest{index, std::move(fold)};
  }
  changed_.notify_one();
}

void DiskThread::read_snapshots(std::vector<raft::SnapshotRead> reads) {
  if (reads.empty()) return;
  {
    const CheckedLock lock(mutex_);
    for (raft::SnapshotRead& read : reads) {
      std::erase_if(submitted_.reads, [&](const raft::SnapshotRead& earlier) { return earlier.to == read.to; });
      submitted_.reads.push_back(std::move(read));
    }
  }
  changed_.notify_one();
}

// Quiet first: what happens between the two wakes the loop once more than needed, never too little.
DiskReport DiskThread::take_report() {
  news_.quiet();
  const CheckedLock lock(mutex_);
  DiskReport report = std::exchange(report_, {});
  report_.failure = report.failure;
  return report;
}

void DiskThread::stop() {
  {
    const CheckedLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// ---- The thread's side

void DiskThread::run() {
  Work work;
  bool disk_works = true;
  while (disk_works && fill(work)) disk_works = do_all(work);
  // The compaction's thread ends before this one, whatever came of it.
  if (compacting_) disk_works = finish_compaction() && disk_works;
  if (!disk_works) return;
  if (auto closed = storage_.close_cleanly(); !closed) report_failure(closed.error());
}

bool DiskThread::fill(Work& work) {
  const CheckedLock lock(mutex_);
  if (work.writes.empty()) {
    while (!stopping_ && submitted_.writes.empty() && !has_other_work()) changed_.wait(mutex_);
  } else {
    // The disk was full. More writes change nothing about that, only time or the end does.
    const auto again = std::chrono::steady_clock::now() + options_.retry_interval;
    while (!stopping_ && !has_other_work() && changed_.wait_until(mutex_, again)) {
    }
    if (stopping_) return false;
  }
  move_to_end(submitted_.writes, work.writes);
  work.reads = std::exchange(submitted_.reads, {});
  work.compaction = std::exchange(submitted_.compaction, std::nullopt);
  work.compaction_is_done = std::exchange(submitted_.compaction_is_done, false);
  return !work.writes.empty() || !work.reads.empty() || work.compaction || work.compaction_is_done;
}

bool DiskThread::has_other_work() const {
  return !submitted_.reads.empty() || submitted_.compaction || submitted_.compaction_is_done;
}

bool DiskThread::do_all(Work& work) {
  if (!persist_all(work.writes)) return false;
  read_all(std::exchange(work.reads, {}));
  if (work.compaction_is_done && !finish_compaction()) return false;
  if (work.compaction) start_compaction(*std::exchange(work.compaction, std::nullopt));
  return true;
}

// What finds no room stays in the queue.
bool DiskThread::persist_all(std::vector<raft::Write>& queue) {
  const std::span<const raft::Write> writes = queue;
  std::size_t done = 0;
  bool has_room = true;
  while (done < writes.size() && has_room) {
    const auto persisted = storage_.persist(writes.subspan(done));
    if (!persisted) return report_failure(persisted.error());
    std::vector<raft::DiskEvent> events;
    for (const raft::Write& write : writes.subspan(done, persisted->count))
      events.emplace_back(raft::Persisted{write.id});
    report(std::move(events));
    done += persisted->count;
    has_room = !persisted->out_of_space;
  }
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(done));
  return true;
}

void DiskThread::read_all(std::vector<raft::SnapshotRead> reads) {
  std::vector<raft::DiskEvent> events;
  for (raft::SnapshotRead& read : reads) {
    std::string bytes = storage_.read_snapshot(read);
    events.emplace_back(raft::SnapshotPartRead{std::move(read), std::move(bytes)});
  }
  report(std::move(events));
}

void DiskThread::start_compaction(CompactionRequest request) {
  compacting_ = true;
  storage_.start_compaction(request.index, std::move(request.fold), [this] {
    {
      const CheckedLock lock(mutex_);
      submitted_.compaction_is_done = true;
    }
    changed_.notify_one();
  });
}

bool DiskThread::finish_compaction() {
  compacting_ = false;
  auto compacted = storage_.finish_compaction();
  if (!compacted) return report_failure(compacted.error());
  report({*std::move(compacted)});
  return true;
}

// With the storage's notices; nothing happens if there is nothing to tell.
void DiskThread::report(std::vector<raft::DiskEvent> events) {
  std::vector<Notice> notices = storage_.take_notices();
  if (events.empty() && notices.empty()) return;
  {
    const CheckedLock lock(mutex_);
    move_to_end(events, report_.events);
    move_to_end(notices, report_.notices);
  }
  news_.wake();
}

bool DiskThread::report_failure(const StorageError& error) {
  {
    const CheckedLock lock(mutex_);
    report_.failure = error.detail;
  }
  news_.wake();
  return false;
}

}  // namespace lockstep

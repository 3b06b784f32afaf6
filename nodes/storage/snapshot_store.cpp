// Keeps two snapshots, and removes a file only when nothing needs it any more.
#include "nodes/storage/snapshot_store.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "nodes/storage/file_names.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kKept = 2;

DiskResult<std::vector<LogIndex>> indexes_of_snapshots(Disk& disk) {
  const auto names = disk.list();
  if (!names) return tl::unexpected(names.error());
  std::vector<LogIndex> result;
  for (const std::string& name : *names) {
    if (const auto index = snapshot_index_from(name)) result.push_back(*index);
  }
  std::sort(result.begin(), result.end(), std::greater<>());
  return result;
}

// A sector that the disk cannot read is damage like any other.
template <typename T>
DiskResult<T> damaged_if_unreadable(DiskResult<T> result) {
  if (!result && result.error().code == EIO) return T();
  return result;
}

}  // namespace

DiskResult<SnapshotsFound> find_snapshots(Disk& disk) {
  const auto indexes = indexes_of_snapshots(disk);
  if (!indexes) return tl::unexpected(indexes.error());
  SnapshotsFound found;
  for (const LogIndex index : *indexes) {
    auto file = damaged_if_unreadable(read_snapshot_head(disk, index));
    if (!file) return tl::unexpected(file.error());
    bool is_whole = file->has_value();
    // Only the newest is read as a whole: nobody needs more, unless that one is damaged.
    if (is_whole && !found.newest) {
      auto snapshot = damaged_if_unreadable(read_snapshot(disk, index));
      if (!snapshot) return tl::unexpected(snapshot.error());
      found.newest = *std::move(snapshot);
      is_whole = found.newest != nullptr;
    }
    if (is_whole) {
      found.files.push_back(**std::move(file));
    } else {
      found.damaged.push_back(snapshot_name(index));
    }
  }
  return found;
}

const SnapshotFile* SnapshotStore::find(LogIndex index) const {
  const SnapshotFile* file = newest_up_to(index);
  return file != nullptr && file->head.index == index ? file : nullptr;
}

const SnapshotFile* SnapshotStore::newest_up_to(LogIndex index) const {
  const auto is_it = [&](const SnapshotFile& file) { return file.head.index <= index; };
  const auto found = std::find_if(files_.begin(), files_.end(), is_it);
  return found == files_.end() ? nullptr : &*found;
}

void SnapshotStore::add(SnapshotFile file) {
  const LogIndex index = file.head.index;
  std::erase_if(files_, [&](const SnapshotFile& other) { return other.head.index == index; });
  const auto place =
      std::find_if(files_.begin(), files_.end(), [&](const SnapshotFile& other) { return other.head.index < index; });
  files_.insert(place, std::move(file));
}

DiskResult<void> SnapshotStore::drop_surplus() {
  if (files_.size() <= kKept) return {};
  while (files_.size() > kKept) {
    if (auto removed = disk_->remove(snapshot_name(files_.back().head.index)); !removed) return removed;
    files_.pop_back();
  }
  return disk_->sync_folder();
}

DiskResult<std::string> SnapshotStore::read(const raft::SnapshotRead& read) const {
  const SnapshotFile* file = find(read.snapshot);
  if (file == nullptr) return std::string();
  if (read.offset == 0) {
    const auto whole = read_snapshot(*disk_, read.snapshot);
    if (!whole) return tl::unexpected(whole.error());
    if (*whole == nullptr) return tl::unexpected(DiskError{EIO, snapshot_name(read.snapshot) + " is damaged"});
    return (*whole)->state.substr(0, read.bytes);
  }
  return read_state(*disk_, *file, read.offset, read.bytes);
}

}  // namespace lockstep

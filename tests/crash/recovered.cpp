#include "tests/crash/recovered.hpp"

#include <stdexcept>
#include <utility>

#include "protocol/wire/codec.hpp"
#include "tests/support/memory_disk.hpp"

namespace lockstep::crash {
namespace {

void must(const DiskResult<void>& done) {
  if (!done) throw std::runtime_error(done.error().detail);
}

MemoryDisk disk_with(const Image& image) {
  MemoryDisk disk;
  for (const auto& [name, bytes] : image) {
    const auto file = disk.create(name);
    if (!file) throw std::runtime_error(file.error().detail);
    must(disk.write(*file, 0, bytes));
    must(disk.sync(*file));
  }
  must(disk.sync_folder());
  disk.kill_process();
  return disk;
}

}  // namespace

Recovered Recovered::from(Disk& disk, const std::string& folder) {
  StorageOptions options;
  options.folder = folder;
  options.fresh_node_id = NodeId(77);
  options.segment_bytes = kSegmentBytes;
  options.cluster_of_one = true;
  Recovered result;
  auto storage = Storage::open(disk, options);
  if (!storage) {
    result.refusal_ = storage.error().detail;
    return result;
  }
  result.restored_ = storage->take_restored();
  for (const raft::Entry& entry : result.restored_.entries) result.bodies_.push_back(wire::encode(entry.body));
  return result;
}

Recovered Recovered::from(const Image& image) {
  MemoryDisk disk = disk_with(image);
  return from(disk, "data");
}

bool Recovered::has(const Acknowledged& one) const {
  const std::string key = key_of(one.operation);
  const LogIndex base = restored_.base.index;
  const auto& snapshot = restored_.snapshot;
  if (snapshot && one.index <= snapshot->head.index && snapshot->state.find(key) == std::string::npos) return false;
  if (one.index <= base) return snapshot != nullptr;
  if (one.index > base + bodies_.size()) return false;
  return bodies_[one.index - base.next()].find(key) != std::string::npos;
}

std::string Recovered::what_is_lost(const std::vector<Acknowledged>& acknowledged) const {
  if (!refusal_.empty()) return "the node refuses to start: " + refusal_;
  for (const Acknowledged& one : acknowledged) {
    if (!has(one)) {
      return "operation " + std::to_string(one.operation) + ", acknowledged at index " +
             std::to_string(one.index.value()) + ", is lost";
    }
  }
  if (!acknowledged.empty() && !restored_.hard_state.cluster) return "the cluster's id is lost";
  return {};
}

}  // namespace lockstep::crash

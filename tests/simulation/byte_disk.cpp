#include "tests/simulation/byte_disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"

namespace lockstep::simulation {
namespace {

// So small that a log has many segments; the largest entry fits.
constexpr std::uint64_t kSegmentBytes = 24 * 1024;
constexpr std::uint64_t kMostOperations = 12;  // of a write and a compaction, before the power fails
constexpr std::array<MemoryDisk::Operation, 6> kMayFail{
    MemoryDisk::Operation::kWrite,  MemoryDisk::Operation::kSync,   MemoryDisk::Operation::kCreate,
    MemoryDisk::Operation::kRename, MemoryDisk::Operation::kRemove, MemoryDisk::Operation::kSyncFolder};

}  // namespace

ByteDisk::ByteDisk(NodeId node, std::uint64_t seed, bool cluster_of_one)
    : node_(node), seed_(seed), cluster_of_one_(cluster_of_one) {}

StorageOptions ByteDisk::options() const {
  StorageOptions options;
  options.folder = "data";
  options.fresh_node_id = node_;
  options.seed = seed_;
  options.segment_bytes = kSegmentBytes;
  options.cluster_of_one = cluster_of_one_;
  return options;
}

StorageResult<raft::Restored> ByteDisk::open() {
  ++seed_;
  auto storage = Storage::open(memory_, options());
  if (!storage) return tl::unexpected(storage.error());
  storage_.emplace(*std::move(storage));
  return storage_->take_restored();
}

StorageResult<raft::Compacted> ByteDisk::compact(const Compaction& wanted) {
  const auto fold_it = [wanted](const raft::Snapshot* older, LogIndex first, std::span<const raft::Entry> entries) {
    return fold(older, first, entries, wanted);
  };
  storage_->start_compaction(wanted.index, fold_it, [] {});
  return storage_->finish_compaction();
}

std::vector<LogIndex> ByteDisk::snapshot_files() const {
  std::vector<LogIndex> result;
  for (const std::string& name : memory_.names()) {
    if (const auto index = snapshot_index_from(name)) result.push_back(*index);
  }
  return result;
}

void ByteDisk::fail_soon(Random& random) {
  const MemoryDisk::Operation operation = kMayFail[random.below(kMayFail.size())];
  const std::uint64_t skip = random.below(3);
  memory_.fail(operation, EIO, skip);
  planned_.push_back({operation, memory_.count(operation) + skip});
}

bool ByteDisk::has_failed() const {
  return std::any_of(planned_.begin(), planned_.end(), [&](const Planned& planned) { return has_come(planned); });
}

bool ByteDisk::has_failed_to_write() const {
  return std::any_of(planned_.begin(), planned_.end(), [&](const Planned& planned) {
    return planned.operation != MemoryDisk::Operation::kRemove && has_come(planned);
  });
}

void ByteDisk::fill() {
  memory_.set_capacity(memory_.used());
  is_full_ = true;
}

void ByteDisk::make_room() {
  memory_.set_capacity(UINT64_MAX);
  is_full_ = false;
}

void ByteDisk::heal() {
  memory_.clear_faults();
  planned_.clear();
  make_room();
}

void ByteDisk::end_process() {
  storage_.reset();
  memory_.kill_process();
  planned_.clear();
}

void ByteDisk::fail_power(Random& random, std::span<const raft::Write> writes,
                          const std::optional<Compaction>& compaction) {
  memory_.stop_after(random.below(kMostOperations));
  const bool compacts_first = random.one_in(2);
  if (compaction && compacts_first) (void)compact(*compaction);
  while (!writes.empty()) {
    const auto persisted = storage_->persist(writes);
    if (!persisted || persisted->out_of_space) break;
    writes = writes.subspan(persisted->count);
  }
  if (compaction && !compacts_first && !memory_.power_is_off()) (void)compact(*compaction);
  crash(random);
}

void ByteDisk::fail_power_at_start(Random& random) {
  memory_.stop_after(random.below(kMostOperations));
  (void)open();
  crash(random);
}

void ByteDisk::crash(Random& random) {
  storage_.reset();
  const std::uint64_t one_in = 1 + random.below(4);
  memory_.crash([&](std::size_t) { return random.one_in(one_in); });
  planned_.clear();
}

std::optional<ByteDisk::Rot> ByteDisk::rot(Random& random) {
  const auto extent = draw_extent(random);
  if (!extent || extent->bytes == 0) return std::nullopt;
  if (random.one_in(2)) {
    const std::uint64_t bit = random.below(8 * extent->bytes);
    Rot rot = at(extent->file, bit / 8);
    memory_.flip_bit(extent->file, bit);
    rot.what = "a bit of byte " + std::to_string(bit / 8) + " of " + extent->file + " is flipped";
    return rot;
  }
  // A sector that was lost, or written over by what belongs elsewhere.
  const auto source = draw_extent(random);
  const std::uint64_t target = random.below(extent->bytes) / kSectorBytes * kSectorBytes;
  std::string what = "has zeros";
  std::string sector(std::min<std::uint64_t>(kSectorBytes, extent->bytes - target), '\0');
  if (source && source->bytes >= kSectorBytes && random.one_in(2)) {
    const std::uint64_t from = random.below(source->bytes / kSectorBytes) * kSectorBytes;
    sector = memory_.contents(source->file).substr(from, sector.size());
    what = "has what belongs to " + std::to_string(from) + " of " + source->file;
  }
  Rot rot = at(extent->file, target);
  memory_.overwrite(extent->file, target, sector);
  rot.what = "the sector at " + std::to_string(target) + " of " + extent->file + " " + what;
  return rot;
}

ByteDisk::Rot ByteDisk::at(const std::string& file, std::uint64_t offset) const {
  Rot rot;
  if (const auto index = snapshot_index_from(file)) {
    rot.where = Rot::Where::kSnapshot;
    rot.snapshot = *index;
  } else if (segment_number_from(file)) {
    rot.where = offset < kFirstBatchOffset ? Rot::Where::kSegmentHeader : Rot::Where::kLog;
  } else {
    rot.where = Rot::Where::kMeta;
    const std::uint64_t other_copy = offset < kBlockBytes ? kBlockBytes : 0;
    rot.other_copy_is_whole = is_sealed_block(std::string_view(memory_.contents(file)).substr(other_copy, kBlockBytes));
  }
  return rot;
}

std::optional<ByteDisk::Extent> ByteDisk::draw_extent(Random& random) const {
  std::vector<std::string> files;
  std::string last_segment;  // that is in use: the next one may be prepared
  for (const std::string& name : memory_.names()) {
    if (segment_number_from(name)) {
      if (begin_of_last_batch(name) == 0) continue;
      last_segment = name;
    }
    const bool is_read = name.starts_with("meta") || name.starts_with("log-") || name.starts_with("snapshot-");
    if (is_read && !name.ends_with(kTemporarySuffix)) files.push_back(name);
  }
  if (files.empty()) return std::nullopt;
  const std::string& file = files[random.below(files.size())];
  const bool ends_early = file == last_segment;
  return Extent{file, ends_early ? begin_of_last_batch(file) : memory_.contents(file).size()};
}

// 0: there is none.
std::uint64_t ByteDisk::begin_of_last_batch(const std::string& segment) const {
  const std::string& bytes = memory_.contents(segment);
  if (bytes.size() < kFirstBatchOffset) return 0;
  const auto header = decode_segment_header(std::string_view(bytes).substr(0, kBlockBytes));
  std::uint64_t begin = 0;
  for (std::size_t offset = kFirstBatchOffset; header && offset < bytes.size(); offset += kSectorBytes) {
    if (batch_header_at(bytes, offset, header->salt)) begin = offset;
  }
  return begin;
}

}  // namespace lockstep::simulation

// Whatever a data folder holds, a node starts on it or says in a sentence why it does not; and what it started with is
// what it finds again after the next crash.
//
// Checksums refuse nearly every change made at random, so the changes are made to a real folder, and the checksums of
// what was changed are put right again, unless the input says not to.
#include <algorithm>
#include <map>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/storage.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/node.hpp"
#include "tests/support/memory_disk.hpp"

namespace lockstep::fuzz {
namespace {

using Folder = std::map<std::string, std::string>;  // contents by name

StorageOptions options() {
  StorageOptions options;
  options.folder = "data";
  options.fresh_node_id = NodeId(1);
  options.seed = 1;
  options.segment_bytes = 12 * 1024;
  return options;
}

Folder contents_of(const MemoryDisk& disk) {
  Folder folder;
  for (const std::string& name : disk.names()) folder[name] = disk.contents(name);
  return folder;
}

MemoryDisk disk_with(const Folder& folder) {
  MemoryDisk disk;
  for (const auto& [name, bytes] : folder) {
    const auto file = disk.create(name);
    INVARIANT(file && disk.write(*file, 0, bytes) && disk.sync(*file), "a disk in memory has room");
  }
  INVARIANT(disk.sync_folder(), "a disk in memory has room");
  disk.kill_process();
  return disk;
}

void must_apply(Storage& storage, const raft::Write& write) {
  const auto persisted = storage.persist(std::span(&write, 1));
  INVARIANT(persisted && persisted->count == 1, "a disk without faults takes every write");
}

const Node& source() {
  static const std::vector<Node> kCluster = busy_cluster(1);
  return kCluster.front();
}

// Several segments, each write of which replaces the end of the one before.
void write_log(Storage& storage) {
  const std::vector<raft::Entry>& entries = source().disk().durable().entries;
  raft::HardState hard_state;
  hard_state.cluster = ClusterId(77);
  for (std::uint64_t write = 0; write < 8; ++write) {
    hard_state.term = Term(write + 1);
    const LogIndex first(1 + 8 * write);
    std::vector<raft::Entry> next;
    for (std::size_t i = 0; i < 9; ++i) {
      next.push_back(entries[(first.value() + i) % entries.size()]);
      next.back().term = hard_state.term;
    }
    must_apply(storage, {WriteId(write + 1), first, std::move(next), hard_state, nullptr});
  }
}

// One snapshot that another node made, entries, and one that this node makes.
void write_snapshots(Storage& storage) {
  const raft::Restored& durable = source().disk().durable();
  const LogIndex first = durable.snapshot->head.index.next();
  must_apply(storage, {WriteId(1), LogIndex(), {}, durable.hard_state, durable.snapshot});
  const auto begin = durable.entries.begin() + static_cast<std::ptrdiff_t>(first - durable.base.index - 1);
  must_apply(storage, {WriteId(2), first, {begin, durable.entries.end()}, {}, nullptr});
  const Compaction wanted{source().replica().applied_index(), source().replica().state().hash()};
  storage.start_compaction(
      wanted.index,
      [&](const raft::Snapshot* older, LogIndex from, std::span<const raft::Entry> entries) {
        return fold(older, from, entries, wanted);
      },
      [] {});
  INVARIANT(storage.finish_compaction(), "what was applied can be folded");
}

Folder folder_written_by(void (*write)(Storage&)) {
  MemoryDisk disk;
  {
    auto storage = Storage::open(disk, options());
    INVARIANT(storage.has_value(), "an empty folder is formatted");
    write(*storage);
  }
  disk.crash_losing_all();
  return contents_of(disk);
}

bool is_segment(const std::string& name) { return segment_number_from(name).has_value(); }
bool is_snapshot(const std::string& name) { return snapshot_index_from(name).has_value(); }

std::uint32_t salt_of(const std::string& segment) {
  const auto header = decode_segment_header(std::string_view(segment).substr(0, kBlockBytes));
  return header ? header->salt : 0;
}

// ---- Checksums. Offsets as docs/storage-format.md has them.

constexpr std::uint32_t kBatchMagic = 0x42504b4cU;

void seal(std::string& file, std::size_t offset) {
  if (file.size() < offset + kBlockBytes) return;
  file.replace(offset, kBlockBytes, seal_block(file.substr(offset, kBlockBytes - sizeof(std::uint32_t))));
}

void fix_batch(std::string& file, std::size_t offset, std::uint32_t salt) {
  if (file.size() - offset < kBatchHeaderBytes || get<std::uint32_t>(file, offset) != kBatchMagic) return;
  const std::size_t payload = offset + kBatchHeaderBytes;
  const std::size_t bytes = get<std::uint32_t>(file, offset + 24);
  if (bytes <= file.size() - payload) {
    put(file, offset + 32, crc32c(std::string_view(file).substr(payload, bytes), salt));
  }
  put(file, offset + 4, crc32c(std::string_view(file).substr(offset + 8, kBatchHeaderBytes - 8), salt));
}

void fix_snapshot(std::string& file) {
  if (file.size() < kBlockBytes) return;
  const std::size_t head_bytes = get<std::uint32_t>(file, 8);
  const std::string_view rest = std::string_view(file).substr(kBlockBytes);
  if (head_bytes <= rest.size()) {
    put(file, 12, crc32c(rest.substr(0, head_bytes)));
    put(file, 16, crc32c(rest.substr(head_bytes)));
  }
  seal(file, 0);
}

void fix_checksums(Folder& folder) {
  for (auto& [name, file] : folder) {
    if (name == kMetaName || is_segment(name)) {
      seal(file, 0);
      seal(file, kBlockBytes);
    }
    if (is_snapshot(name)) fix_snapshot(file);
    if (!is_segment(name)) continue;
    const std::uint32_t salt = salt_of(file);
    for (std::size_t offset = kFirstBatchOffset; offset < file.size(); offset += kSectorBytes) {
      fix_batch(file, offset, salt);
    }
  }
}

// ---- Changes.

// Where something begins that has fields.
std::vector<std::size_t> places_in(const std::string& name, const std::string& file) {
  std::vector<std::size_t> places = {0, kBlockBytes};
  if (!is_segment(name)) return places;
  for (std::size_t offset = kFirstBatchOffset; offset < file.size(); offset += kSectorBytes) {
    if (file.size() - offset < kBatchHeaderBytes || get<std::uint32_t>(file, offset) != kBatchMagic) continue;
    places.push_back(offset);
    places.push_back(offset + kBatchHeaderBytes);
  }
  return places;
}

// A place in the file: some bytes after something that has fields.
std::size_t place_from(Input& input, const std::string& name, const std::string& file) {
  const std::vector<std::size_t> places = places_in(name, file);
  const std::size_t place = places[input.byte() % places.size()] + input.byte();
  return std::min(place, file.size());
}

void overwrite(std::string& file, std::size_t place, std::string_view bytes) {
  bytes = bytes.substr(0, file.size() - place);
  file.replace(place, bytes.size(), bytes);
}

void change(Input& input, Folder& folder) {
  if (folder.empty()) return;
  const std::uint8_t what = input.byte();
  auto chosen = folder.begin();
  std::advance(chosen, what / 16 % folder.size());
  const std::string& name = chosen->first;
  std::string& file = chosen->second;
  switch (what % 16) {
    case 8: file.resize(place_from(input, name, file)); break;
    case 9: file.resize(std::min<std::size_t>(file.size() + kSectorBytes * input.byte(), 64 * 1024)); break;
    case 10: folder.erase(chosen); break;
    case 11: folder[segment_name(input.number(input.byte() % 8))] = std::string(file); break;
    case 12: file = std::string(as_text(input.chunk())); break;
    case 13: {  // a whole piece of it, to somewhere else
      const std::size_t from = place_from(input, name, file);
      const std::string piece = file.substr(from, kSectorBytes * (1 + input.byte() % 8));
      overwrite(file, place_from(input, name, file), piece);
      break;
    }
    case 14: folder[name + ".tmp"] = std::string(file); break;
    case 15: {
      const std::size_t place = place_from(input, name, file);
      const std::vector<char> bytes = input.chunk();
      overwrite(file, place, as_text(bytes));
      break;
    }
    default: {  // a number of 1, 2, 4 or 8 bytes
      const std::size_t place = place_from(input, name, file);
      const std::size_t bytes = std::size_t{1} << (what % 4);
      std::string number(bytes, '\0');
      for (char& one : number) one = static_cast<char>(input.byte());
      overwrite(file, place, number);
    }
  }
}

// ---- What must hold.

std::optional<raft::Restored> open_and_look(MemoryDisk& disk) {
  auto storage = Storage::open(disk, options());
  if (!storage) {
    INVARIANT(!storage.error().detail.empty(), "a node that does not start says why");
    return std::nullopt;
  }
  for (const Notice& notice : storage->take_notices()) INVARIANT(!notice.text.empty(), "a notice says something");
  return storage->take_restored();
}

bool are_equal(const raft::Restored& one, const raft::Restored& other) {
  const bool same_snapshot = one.snapshot == nullptr ? other.snapshot == nullptr
                                                     : other.snapshot != nullptr && *one.snapshot == *other.snapshot;
  return one.node == other.node && one.hard_state == other.hard_state && one.entries == other.entries &&
         one.base == other.base && same_snapshot;
}

}  // namespace

// Which folder, and whether its checksums are put right; and then changes.
void log_recovery(Bytes bytes) {
  static const Folder kFolders[] = {folder_written_by(write_log), folder_written_by(write_snapshots)};
  Input input(bytes);
  const std::uint8_t choice = input.byte();
  Folder folder = kFolders[choice % 2];
  const bool fixes_checksums = choice / 2 % 8 != 0;
  for (int i = 0; i < 16 && !input.empty(); ++i) change(input, folder);
  if (fixes_checksums) fix_checksums(folder);

  MemoryDisk disk = disk_with(folder);
  const auto first = open_and_look(disk);
  if (!first) return;
  disk.crash_losing_all();
  const auto second = open_and_look(disk);
  INVARIANT(second && are_equal(*first, *second), "what a node started with is found again");
}

}  // namespace lockstep::fuzz

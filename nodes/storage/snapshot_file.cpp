// Writes a snapshot in parts beside its final name, and reads it back in parts.
#include "nodes/storage/snapshot_file.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

constexpr std::uint64_t kSnapshotMagic = 0x50414e535054534cULL;  // "LSTPSNAP" as it stands in the file
constexpr std::size_t kFixedHeadBytes = 6 * sizeof(std::uint64_t);
constexpr std::size_t kPartBytes = 4 * 1024 * 1024;

std::uint64_t milliseconds(WallTime time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

WallTime wall_time(std::uint64_t milliseconds) {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds)));
}

std::string encode_head(const raft::SnapshotHead& head) {
  std::string bytes;
  append(bytes, head.index.value());
  append(bytes, head.term.value());
  append(bytes, milliseconds(head.time));
  append(bytes, milliseconds(head.formed));
  append(bytes, head.state_hash);
  append(bytes, head.state_bytes);
  return bytes + wire::encode(raft::EntryBody(head.configuration));
}

std::optional<raft::SnapshotHead> decode_head(std::string_view bytes) {
  if (bytes.size() < kFixedHeadBytes) return std::nullopt;
  auto body = wire::decode_entry_body(bytes.substr(kFixedHeadBytes));
  if (!body) return std::nullopt;
  auto* configuration = std::get_if<raft::Configuration>(&*body);
  if (configuration == nullptr) return std::nullopt;
  raft::SnapshotHead head;
  head.index = LogIndex(get<std::uint64_t>(bytes, 0));
  head.term = Term(get<std::uint64_t>(bytes, 8));
  head.time = wall_time(get<std::uint64_t>(bytes, 16));
  head.formed = wall_time(get<std::uint64_t>(bytes, 24));
  head.state_hash = get<std::uint64_t>(bytes, 32);
  head.state_bytes = get<std::uint64_t>(bytes, 40);
  head.configuration = std::move(*configuration);
  if (!head.index || !head.term) return std::nullopt;
  return head;
}

// Offsets as docs/storage-format.md has them.
std::string encode_first_block(std::string_view head, std::uint32_t state_crc) {
  std::string content;
  append(content, kSnapshotMagic);
  append(content, static_cast<std::uint32_t>(head.size()));
  append(content, crc32c(head));
  append(content, state_crc);
  return seal_block(std::move(content));
}

// All but the last part are synced too.
DiskResult<void> write_in_pieces(Disk& disk, const File& file, std::uint64_t offset, std::string_view bytes) {
  for (;;) {
    const std::string_view part = bytes.substr(0, kPartBytes);
    if (auto done = disk.write(file, offset, part); !done) return done;
    offset += part.size();
    bytes.remove_prefix(part.size());
    if (bytes.empty()) return {};
    if (auto done = disk.sync(file); !done) return done;
  }
}

DiskResult<std::optional<SnapshotFile>> read_head(Disk& disk, const File& file, LogIndex index) {
  const auto block = disk.read(file, 0, kBlockBytes);
  if (!block) return tl::unexpected(block.error());
  if (!is_sealed_block(*block) || get<std::uint64_t>(*block, 0) != kSnapshotMagic) return std::nullopt;
  const std::uint32_t head_bytes = get<std::uint32_t>(*block, 8);
  const auto bytes = disk.read(file, kBlockBytes, head_bytes);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() != head_bytes || crc32c(*bytes) != get<std::uint32_t>(*block, 12)) return std::nullopt;
  auto head = decode_head(*bytes);
  if (!head || head->index != index) return std::nullopt;
  return SnapshotFile{*std::move(head), kBlockBytes + head_bytes, get<std::uint32_t>(*block, 16)};
}

DiskResult<OpenFile> open_snapshot(Disk& disk, LogIndex index) {
  auto file = disk.open(snapshot_name(index));
  if (!file) return tl::unexpected(file.error());
  return OpenFile(disk, *std::move(file));
}

}  // namespace

DiskResult<SnapshotFile> write_snapshot(Disk& disk, const raft::Snapshot& snapshot) {
  const std::string name = snapshot_name(snapshot.head.index);
  const std::string temporary = name + std::string(kTemporarySuffix);
  const std::string head = encode_head(snapshot.head);
  const SnapshotFile result{snapshot.head, kBlockBytes + head.size(), crc32c(snapshot.state)};
  auto created = disk.create(temporary);
  if (!created) return tl::unexpected(created.error());
  const OpenFile file(disk, *std::move(created));
  const auto done = disk.write(*file, 0, encode_first_block(head, result.state_crc) + head)
                        .and_then([&] { return write_in_pieces(disk, *file, result.state_offset, snapshot.state); })
                        .and_then([&] { return disk.sync(*file); })
                        .and_then([&] { return disk.rename(temporary, name); })
                        .and_then([&] { return disk.sync_folder(); });
  if (!done) {
    // Gives a full disk its space back. The error that counts is the first one.
    (void)disk.remove(temporary);
    return tl::unexpected(done.error());
  }
  return result;
}

DiskResult<std::optional<SnapshotFile>> read_snapshot_head(Disk& disk, LogIndex index) {
  const auto file = open_snapshot(disk, index);
  if (!file) return tl::unexpected(file.error());
  return read_head(disk, **file, index);
}

DiskResult<raft::SharedSnapshot> read_snapshot(Disk& disk, LogIndex index) {
  const auto file = open_snapshot(disk, index);
  if (!file) return tl::unexpected(file.error());
  auto found = read_head(disk, **file, index);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return nullptr;
  SnapshotFile& whole = **found;
  auto state = disk.read(**file, whole.state_offset, whole.head.state_bytes);
  if (!state) return tl::unexpected(state.error());
  if (state->size() != whole.head.state_bytes || crc32c(*state) != whole.state_crc) return nullptr;
  return std::make_shared<const raft::Snapshot>(raft::Snapshot{std::move(whole.head), *std::move(state)});
}

DiskResult<std::string> read_state(Disk& disk, const SnapshotFile& file, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t from = std::min(offset, file.head.state_bytes);
  const std::uint64_t length = std::min(bytes, file.head.state_bytes - from);
  const auto open = open_snapshot(disk, file.head.index);
  if (!open) return tl::unexpected(open.error());
  return disk.read(**open, file.state_offset + from, length);
}

}  // namespace lockstep

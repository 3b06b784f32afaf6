// Writes the two copies in turn, and reads the newer whole one.
#include "nodes/storage/meta_file.hpp"

#include <string_view>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/way_out.hpp"

namespace lockstep {
namespace {

constexpr std::uint64_t kMetaMagic = 0x4154454d5054534cULL;  // "LSTPMETA" as it stands in the file
constexpr std::uint32_t kFolderFormat = 3;
constexpr const char* kTemporaryName = "meta.tmp";

struct Copy {
  std::uint32_t format = 0;
  std::uint64_t sequence = 0;
  Meta meta;
};

// Offsets as encode_meta lays them out; docs/storage-format.md has the table.
std::optional<Copy> decode_copy(std::string_view file, std::size_t copy) {
  if (file.size() < (copy + 1) * kBlockBytes) return std::nullopt;
  const std::string_view block = file.substr(copy * kBlockBytes, kBlockBytes);
  if (!is_sealed_block(block) || get<std::uint64_t>(block, 0) != kMetaMagic) return std::nullopt;
  Copy result;
  result.format = get<std::uint32_t>(block, 8);
  result.sequence = get<std::uint64_t>(block, 12);
  result.meta.node = NodeId(get<std::uint64_t>(block, 20));
  result.meta.hard_state.cluster = ClusterId(get<std::uint64_t>(block, 28));
  result.meta.hard_state.term = Term(get<std::uint64_t>(block, 36));
  result.meta.hard_state.vote = NodeId(get<std::uint64_t>(block, 44));
  result.meta.hard_state.repair_until = LogIndex(get<std::uint64_t>(block, 52));
  result.meta.synced_sequence = get<std::uint64_t>(block, 60);
  result.meta.highest_index = LogIndex(get<std::uint64_t>(block, 68));
  result.meta.snapshot = LogIndex(get<std::uint64_t>(block, 76));
  result.meta.log_start.segment = get<std::uint64_t>(block, 84);
  result.meta.log_start.sequence = get<std::uint64_t>(block, 92);
  return result;
}

}  // namespace

std::string encode_meta(const Meta& meta, std::uint64_t sequence) {
  std::string content;
  append(content, kMetaMagic);
  append(content, kFolderFormat);
  append(content, sequence);
  append(content, meta.node.value());
  append(content, meta.hard_state.cluster.value());
  append(content, meta.hard_state.term.value());
  append(content, meta.hard_state.vote.value());
  append(content, meta.hard_state.repair_until.value());
  append(content, meta.synced_sequence);
  append(content, meta.highest_index.value());
  append(content, meta.snapshot.value());
  append(content, meta.log_start.segment);
  append(content, meta.log_start.sequence);
  return seal_block(std::move(content));
}

StorageResult<MetaFile> MetaFile::format(Disk& disk, const Meta& meta) {
  auto file = disk.create(kTemporaryName);
  if (!file) return storage_error(file.error());
  MetaFile result(disk, OpenFile(disk, *std::move(file)));
  auto done = disk.preallocate(*result.file_, 2 * kBlockBytes)
                  .and_then([&] { return result.write(meta); })
                  .and_then([&] { return disk.rename(kTemporaryName, kMetaName); })
                  .and_then([&] { return disk.sync_folder(); });
  if (!done) return storage_error(done.error());
  result.file_.renamed(kMetaName);
  return result;
}

StorageResult<MetaFile> MetaFile::load(Disk& disk, const std::string& folder, std::vector<Notice>& notices) {
  auto file = disk.open(kMetaName);
  if (!file) return storage_error(file.error());
  MetaFile result(disk, OpenFile(disk, *std::move(file)));
  const auto bytes = disk.read(*result.file_, 0, 2 * kBlockBytes);
  if (!bytes) return storage_error(bytes.error());

  const std::string path = folder + "/" + kMetaName;
  const std::array<std::optional<Copy>, 2> copies = {decode_copy(*bytes, 0), decode_copy(*bytes, 1)};
  if (!copies[0] && !copies[1]) {
    return storage_error(path + ": both copies are damaged, so the node no longer knows whom it voted for. " +
                         way_out_of_lost_data(folder));
  }
  const bool second_counts = !copies[0] || (copies[1] && copies[1]->sequence > copies[0]->sequence);
  const Copy& newest = second_counts ? *copies[1] : *copies[0];
  if (newest.format != kFolderFormat) {
    return storage_error(path + ": format " + std::to_string(newest.format) + ", but this program reads only format " +
                         std::to_string(kFolderFormat) + ". Start the program that wrote it");
  }
  if (!copies[0] || !copies[1]) {
    notices.push_back({Notice::Level::kWarning, path + ": one of its two copies is not whole (a crash cut its "
                                                       "writing short, or damage); rewritten from the other"});
  }
  result.meta_ = newest.meta;
  result.sequence_ = newest.sequence;
  result.newest_copy_ = second_counts ? 1 : 0;
  return result;
}

DiskResult<void> MetaFile::settle() { return write_copies(meta_, newest_copy_); }

DiskResult<void> MetaFile::write(const Meta& meta) {
  ++sequence_;
  meta_ = meta;
  return write_copies(meta, 0);
}

DiskResult<void> MetaFile::write_copies(const Meta& meta, std::size_t first_copy) {
  const std::string block = encode_meta(meta, sequence_);
  for (const std::size_t copy : {first_copy, 1 - first_copy}) {
    auto done = disk_->write(*file_, copy * kBlockBytes, block).and_then([&] { return disk_->sync(*file_); });
    if (!done) return done;
  }
  return {};
}

}  // namespace lockstep

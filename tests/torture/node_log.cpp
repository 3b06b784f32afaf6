#include "tests/torture/node_log.hpp"

#include "nodes/storage/log_scan.hpp"
#include "nodes/storage/posix_disk.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep::torture {
namespace {

using Read = tl::expected<Entry, std::string>;

Read decoded(std::uint64_t index, const raft::Entry& raw) {
  Entry entry{index, raw.term.value(), {}};
  if (const auto* configuration = std::get_if<raft::Configuration>(&raw.body)) {
    const auto limits = wire::decode_state_limits(configuration->state_limits);
    if (!limits) return tl::unexpected("entry " + std::to_string(index) + " has limits that do not decode");
    entry.body = *limits;
  } else if (const auto* bytes = std::get_if<raft::Command>(&raw.body)) {
    const auto command = wire::decode_command(bytes->bytes);
    if (!command) return tl::unexpected("entry " + std::to_string(index) + " has a command that does not decode");
    entry.body = *command;
  }
  return entry;
}

}  // namespace

tl::expected<std::vector<Entry>, std::string> read_log(const std::filesystem::path& data_folder) {
  PosixDisk disk;
  if (const auto locked = disk.lock_folder(data_folder.string()); !locked) return tl::unexpected(locked.error().text);
  std::vector<Notice> notices;
  const auto meta = MetaFile::load(disk, data_folder.string(), notices);
  if (!meta) return tl::unexpected(meta.error().message);
  const auto scan = scan_log(disk, data_folder.string(), meta->get());
  if (!scan) return tl::unexpected(scan.error().message);
  if (scan->damage) return tl::unexpected(data_folder.string() + ": the log is damaged");
  if (scan->log.base.index) {
    return tl::unexpected(data_folder.string() + ": the log begins after index " +
                          std::to_string(scan->log.base.index.value()) + ", so it cannot be replayed");
  }
  std::vector<Entry> entries;
  for (const raft::Entry& raw : scan->log.entries) {
    auto entry = decoded(entries.size() + 1, raw);
    if (!entry) return tl::unexpected(entry.error());
    entries.push_back(*std::move(entry));
  }
  return entries;
}

}  // namespace lockstep::torture

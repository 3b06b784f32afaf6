#include "tests/torture/written_entries.hpp"

#include <algorithm>
#include <iterator>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/support/process.hpp"

namespace lockstep::torture {
namespace {

tl::expected<Entry, std::string> decoded(std::uint64_t index, const raft::Entry& raw) {
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

std::optional<SegmentHeader> header_of(std::string_view segment) {
  if (segment.size() < kFirstBatchOffset) return std::nullopt;
  return decode_segment_header(segment.substr(0, kBlockBytes));
}

// Of the batch that a segment begins with; 0: it was prepared and not used, or its first write was cut short, and the
// node began anew in another file.
std::uint64_t first_sequence_of(std::string_view segment) {
  const auto header = header_of(segment);
  const auto first = header ? batch_header_at(segment, kFirstBatchOffset, header->salt) : std::nullopt;
  const bool is_whole = first && whole_batch_at(segment, kFirstBatchOffset, header->salt, first->sequence);
  return is_whole ? first->sequence : 0;
}

// In the order in which they were written. A file that a node has in its folder still and that is kept as well counts
// once.
std::map<std::uint64_t, std::filesystem::path> segments_in(const std::vector<std::filesystem::path>& folders) {
  std::map<std::uint64_t, std::filesystem::path> segments;
  for (const auto& folder : folders) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
      if (!segment_number_from(file.path().filename().string())) continue;
      if (const auto first = first_sequence_of(testing::read_file(file.path()))) segments[first] = file.path();
    }
  }
  return segments;
}

std::string name_of(LogIndex index, Term term) {
  return "entry " + std::to_string(index.value()) + " of term " + std::to_string(term.value());
}

}  // namespace

std::optional<Term> WrittenEntries::NodeLog::term_at(LogIndex index) const {
  if (index == base.index && base.term) return base.term;
  if (index <= base.index || index - base.index > terms.size()) return std::nullopt;
  return terms[index - base.index.next()];
}

// One node's batches in order.
class WrittenEntries::Reader {
 public:
  Reader(WrittenEntries& all, const std::string& node) : all_(all), node_(node) {}

  tl::expected<void, std::string> take_segment(std::string_view segment) {
    const auto header = header_of(segment);
    const std::uint64_t first = first_sequence_of(segment);
    if (first != next_sequence_) log_.base = {}, log_.terms.clear(), begun_ = false;
    next_sequence_ = first;
    std::size_t offset = kFirstBatchOffset;
    while (const auto batch = whole_batch_at(segment, offset, header->salt, next_sequence_)) {
      if (auto taken = take_batch(*batch); !taken) return taken;
      offset += batch_bytes_on_disk(batch->header);
      ++next_sequence_;
    }
    return {};
  }

  NodeLog take_log() { return std::move(log_); }

 private:
  tl::expected<void, std::string> take_batch(const Batch& batch) {
    std::string_view payload = batch.payload;
    for (std::uint32_t i = 0; i < batch.header.records; ++i) {
      const auto record = take_record(payload);
      if (!record) return tl::unexpected(record.error());
      if (record->entry) {
        take_entry(record->index, *record->entry);
      } else {
        log_.base = {record->index, record->term};
        log_.terms.clear();
      }
      begun_ = true;
    }
    return {};
  }

  void take_entry(LogIndex index, const raft::Entry& entry) {
    const LogIndex end = log_.base.index + log_.terms.size();
    if (begun_ && index > end.next()) contradicts(index, entry, "was written where the log ended with", end);
    if (!begun_ || index <= log_.base.index || index > end.next()) {
      log_.base = {index.previous(), Term()};
      log_.terms.clear();
    }
    log_.terms.resize(index - log_.base.index.next());
    const LogIndex before = index.previous();
    const auto after = before ? log_.term_at(before) : Term();
    if (after && *after > entry.term) contradicts(index, entry, "has a lower term than", before);
    all_.write(node_, index, entry, after);
    log_.terms.push_back(entry.term);
  }

  void contradicts(LogIndex index, const raft::Entry& entry, const std::string& how, LogIndex other) {
    all_.contradictions_.push_back(name_of(index, entry.term) + " on " + node_ + " " + how + " entry " +
                                   std::to_string(other.value()));
  }

  WrittenEntries& all_;
  const std::string& node_;
  NodeLog log_;
  bool begun_ = false;
  std::uint64_t next_sequence_ = 0;
};

tl::expected<WrittenEntries::NodeLog, std::string> WrittenEntries::read(
    const std::string& node, const std::vector<std::filesystem::path>& folders) {
  Reader reader(*this, node);
  for (const auto& [first, file] : segments_in(folders)) {
    if (auto taken = reader.take_segment(testing::read_file(file)); !taken) {
      return tl::unexpected(file.string() + ": " + taken.error());
    }
  }
  return reader.take_log();
}

void WrittenEntries::write(const std::string& node, LogIndex index, const raft::Entry& entry,
                           std::optional<Term> after) {
  const auto [place, is_new] = written_.try_emplace({index, entry.term}, Written{entry, after, node});
  Written& written = place->second;
  if (is_new) return;
  if (written.entry != entry) {
    contradictions_.push_back(name_of(index, entry.term) + " is another one on " + written.node + " and on " + node);
  }
  if (!written.after) written.after = after;
  if (after && written.after != after) {
    contradictions_.push_back(name_of(index, entry.term) + " follows other entries on " + written.node + " and on " +
                              node);
  }
}

tl::expected<std::vector<Entry>, std::string> WrittenEntries::log_up_to(raft::EntryId last) const {
  std::vector<Entry> entries;
  while (last.index) {
    const auto found = written_.find({last.index, last.term});
    if (found == written_.end()) return tl::unexpected("nobody has " + name_of(last.index, last.term));
    auto entry = decoded(last.index.value(), found->second.entry);
    if (!entry) return tl::unexpected(entry.error());
    entries.push_back(*std::move(entry));
    if (!found->second.after) return tl::unexpected("nobody has what came before " + name_of(last.index, last.term));
    last = {last.index.previous(), *found->second.after};
  }
  std::reverse(entries.begin(), entries.end());
  return entries;
}

}  // namespace lockstep::torture

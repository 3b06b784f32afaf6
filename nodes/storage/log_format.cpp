// Writes and reads the headers and records of the log.
#include "nodes/storage/log_format.hpp"

#include <algorithm>

#include "nodes/storage/encoding.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

constexpr std::uint64_t kSegmentMagic = 0x474f4c504554534cULL;  // "LSTEPLOG" as it stands in the file
constexpr std::uint32_t kBatchMagic = 0x42504b4cU;              // "LKPB"
static_assert(kFirstBatchOffset == 2 * kBlockBytes);

// Offsets within a batch header. The header's checksum covers all of the header after itself.
constexpr std::size_t kHeaderCrcAt = 4;
constexpr std::size_t kSequenceAt = 8;
constexpr std::size_t kHighestIndexAt = 16;
constexpr std::size_t kPayloadBytesAt = 24;
constexpr std::size_t kRecordsAt = 28;
constexpr std::size_t kPayloadCrcAt = 32;

std::uint32_t header_crc(std::string_view header, std::uint32_t salt) {
  return crc32c(header.substr(kSequenceAt, kBatchHeaderBytes - kSequenceAt), salt);
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string content;
  append(content, kSegmentMagic);
  append(content, header.number);
  append(content, header.start_segment);
  append(content, header.start_sequence);
  append(content, header.salt);
  return seal_block(std::move(content));
}

std::optional<SegmentHeader> decode_segment_header(std::string_view block) {
  if (!is_sealed_block(block) || get<std::uint64_t>(block, 0) != kSegmentMagic) return std::nullopt;
  SegmentHeader header;
  header.number = get<std::uint64_t>(block, 8);
  header.start_segment = get<std::uint64_t>(block, 16);
  header.start_sequence = get<std::uint64_t>(block, 24);
  header.salt = get<std::uint32_t>(block, 32);
  return header;
}

std::optional<BatchHeader> batch_header_at(std::string_view segment, std::size_t offset, std::uint32_t salt) {
  if (offset > segment.size() || segment.size() - offset < kBatchHeaderBytes) return std::nullopt;
  const std::string_view bytes = segment.substr(offset, kBatchHeaderBytes);
  if (get<std::uint32_t>(bytes, 0) != kBatchMagic) return std::nullopt;
  if (get<std::uint32_t>(bytes, kHeaderCrcAt) != header_crc(bytes, salt)) return std::nullopt;
  BatchHeader header;
  header.sequence = get<std::uint64_t>(bytes, kSequenceAt);
  header.highest_index = LogIndex(get<std::uint64_t>(bytes, kHighestIndexAt));
  header.payload_bytes = get<std::uint32_t>(bytes, kPayloadBytesAt);
  header.records = get<std::uint32_t>(bytes, kRecordsAt);
  header.payload_crc = get<std::uint32_t>(bytes, kPayloadCrcAt);
  return header;
}

std::optional<std::string_view> batch_payload_at(std::string_view segment, std::size_t offset,
                                                 const BatchHeader& header, std::uint32_t salt) {
  const std::size_t start = offset + kBatchHeaderBytes;
  if (start > segment.size() || segment.size() - start < header.payload_bytes) return std::nullopt;
  const std::string_view payload = segment.substr(start, header.payload_bytes);
  if (crc32c(payload, salt) != header.payload_crc) return std::nullopt;
  return payload;
}

std::optional<Batch> whole_batch_at(std::string_view segment, std::size_t offset, std::uint32_t salt,
                                    std::uint64_t sequence) {
  const auto header = batch_header_at(segment, offset, salt);
  if (!header || header->sequence != sequence) return std::nullopt;
  const auto payload = batch_payload_at(segment, offset, *header, salt);
  if (!payload) return std::nullopt;
  return Batch{*header, *payload};
}

tl::expected<Record, std::string> take_record(std::string_view& payload) {
  if (payload.size() < kRecordHeaderBytes) return tl::unexpected(std::string("a record ends early"));
  Record record;
  record.index = LogIndex(get<std::uint64_t>(payload, 0));
  record.term = Term(get<std::uint64_t>(payload, 8));
  const WallTime time(std::chrono::milliseconds(static_cast<std::int64_t>(get<std::uint64_t>(payload, 16))));
  const std::size_t body_bytes = get<std::uint32_t>(payload, 24);
  payload.remove_prefix(kRecordHeaderBytes);
  if (payload.size() < body_bytes) return tl::unexpected(std::string("a record's body ends early"));
  if (body_bytes == 0) return record;
  auto body = wire::decode_entry_body(payload.substr(0, body_bytes));
  if (!body) return tl::unexpected("entry " + std::to_string(record.index.value()) + ": " + to_string(body.error()));
  record.entry = raft::Entry{record.term, time, *std::move(body)};
  payload.remove_prefix(body_bytes);
  return record;
}

void BatchBuilder::clear() {
  bytes_.assign(kBatchHeaderBytes, '\0');
  records_ = 0;
  highest_index_ = LogIndex();
}

bool BatchBuilder::add(LogIndex index, const raft::Entry& entry, std::size_t max_bytes) {
  const std::string body = wire::encode(entry.body);
  const std::size_t bytes = bytes_.size() + kRecordHeaderBytes + body.size();
  if (round_up_to_sector(bytes) > max_bytes) {
    INVARIANT(!empty(), "a segment holds at least one entry of the largest size");
    return false;
  }
  append_record({index, entry.term}, entry.time, body);
  return true;
}

void BatchBuilder::add_restart(raft::EntryId after) {
  INVARIANT(empty(), "what comes before a restart is void");
  append_record(after, WallTime(), {});
}

void BatchBuilder::append_record(raft::EntryId id, WallTime time, std::string_view body) {
  append(bytes_, id.index.value());
  append(bytes_, id.term.value());
  append(bytes_, static_cast<std::uint64_t>(time.time_since_epoch().count()));
  append(bytes_, static_cast<std::uint32_t>(body.size()));
  bytes_ += body;
  ++records_;
  highest_index_ = std::max(highest_index_, id.index);
}

std::string_view BatchBuilder::finish(std::uint64_t sequence, LogIndex highest_index, std::uint32_t salt) {
  INVARIANT(!empty() && highest_index >= highest_index_, "a batch has records, and the highest index never falls");
  const std::string_view payload = std::string_view(bytes_).substr(kBatchHeaderBytes);
  const auto payload_bytes = static_cast<std::uint32_t>(payload.size());
  const std::uint32_t payload_crc = crc32c(payload, salt);
  put(bytes_, 0, kBatchMagic);
  put(bytes_, kSequenceAt, sequence);
  put(bytes_, kHighestIndexAt, highest_index.value());
  put(bytes_, kPayloadBytesAt, payload_bytes);
  put(bytes_, kRecordsAt, records_);
  put(bytes_, kPayloadCrcAt, payload_crc);
  put(bytes_, kHeaderCrcAt, header_crc(bytes_, salt));
  bytes_.resize(round_up_to_sector(bytes_.size()), '\0');
  return bytes_;
}

}  // namespace lockstep

// The bytes of the log: segment headers, batches, records. docs/storage-format.md shows them.
//
// Pure functions over bytes: no disk. A batch is valid only in the segment it was written to, since its
// checksums are seeded with that segment's random salt. Its header has a checksum of its own: a valid
// header proves that the batch before it was synced (S1), even if its own payload is torn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/raft/entry.hpp"

namespace lockstep {

inline constexpr std::size_t kSectorBytes = 512;
inline constexpr std::size_t kFirstBatchOffset = 2 * 4096;  // after the two copies of the segment header
inline constexpr std::size_t kBatchHeaderBytes = 40;
inline constexpr std::size_t kRecordHeaderBytes = 28;
// No batch is larger than this, or than what an empty segment holds.
inline constexpr std::size_t kMaxBatchBytes = 4 * 1024 * 1024;

constexpr std::size_t round_up_to_sector(std::size_t bytes) {
  return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

struct SegmentHeader {
  std::uint64_t number = 0;
  std::uint32_t salt = 0;
  // Where the log began when this segment was made (`meta` may say that it begins later): segments with a lower
  // number were replaced by a repair, and the first batch of this segment has this sequence.
  std::uint64_t start_segment = 0;
  std::uint64_t start_sequence = 0;
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

std::string encode_segment_header(const SegmentHeader& header);              // one sealed block
std::optional<SegmentHeader> decode_segment_header(std::string_view block);  // none: damaged

struct BatchHeader {
  std::uint64_t sequence = 0;
  LogIndex highest_index;  // the highest index ever written to this log, in this batch or before; never falls
  std::uint32_t payload_bytes = 0;
  std::uint32_t records = 0;
  std::uint32_t payload_crc = 0;
  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

// The header at `offset` of a segment, if one is there whole; its payload may be damaged.
std::optional<BatchHeader> batch_header_at(std::string_view segment, std::size_t offset, std::uint32_t salt);
// The payload that belongs to it, if it is whole too.
std::optional<std::string_view> batch_payload_at(std::string_view segment, std::size_t offset,
                                                 const BatchHeader& header, std::uint32_t salt);
constexpr std::size_t batch_bytes_on_disk(const BatchHeader& header) {
  return round_up_to_sector(kBatchHeaderBytes + header.payload_bytes);
}

// A batch whose header and payload are whole.
struct Batch {
  BatchHeader header;
  std::string_view payload;
};
// The batch at `offset`, if it is whole and has this sequence.
std::optional<Batch> whole_batch_at(std::string_view segment, std::size_t offset, std::uint32_t salt,
                                    std::uint64_t sequence);

struct Record {
  LogIndex index;
  Term term;
  // None: the log restarts after this index (S3). What came before this record is void.
  std::optional<raft::Entry> entry;
};

// Takes the first record off a payload whose checksum is right. An error is then no damage but a file
// that some other program wrote; it says what is wrong.
tl::expected<Record, std::string> take_record(std::string_view& payload);

// Builds one batch in one piece of memory, which is reused for the next.
class BatchBuilder {
 public:
  BatchBuilder() { clear(); }

  void clear();
  // False, and nothing added, if the batch would become larger than `max_bytes` on disk. A first record always fits.
  bool add(LogIndex index, const raft::Entry& entry, std::size_t max_bytes);
  // The log restarts after this entry. Only as the first record.
  void add_restart(raft::EntryId after);
  bool empty() const { return records_ == 0; }
  std::size_t bytes_on_disk() const { return round_up_to_sector(bytes_.size()); }
  LogIndex highest_index() const { return highest_index_; }
  // The bytes to write, padded with zeros to a whole sector. Valid until clear().
  std::string_view finish(std::uint64_t sequence, LogIndex highest_index, std::uint32_t salt);

 private:
  void append_record(raft::EntryId id, WallTime time, std::string_view body);

  std::string bytes_;
  std::uint32_t records_ = 0;
  LogIndex highest_index_;
};

}  // namespace lockstep

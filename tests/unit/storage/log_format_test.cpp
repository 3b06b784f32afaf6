// The bytes on the disk. The example is the one of docs/storage-format.md: if it changes, so does the format.
#include "nodes/storage/log_format.hpp"

#include <doctest/doctest.h>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_replay.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace lockstep::log_format_test {
namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    result += kDigits[byte >> 4U];
    result += kDigits[byte & 15U];
  }
  return result;
}

TEST_CASE("CRC32C gives the check value of the catalogue, and another one under another seed") {
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c("123456789", 1) != crc32c("123456789"));
}

TEST_CASE("segment names sort by number and read back; nothing else is a segment") {
  CHECK(segment_name(7) == "log-0000000000000007");
  CHECK(segment_number_from("log-0000000000000007") == 7);
  for (const char* name :
       {"log-7", "log-000000000000000x", "log-0000000000000007.tmp", "damaged-log-0000000000000007", "meta", "log-"}) {
    CHECK_FALSE(segment_number_from(name));
  }
}

TEST_CASE("a segment header reads back, and not with any bit flipped") {
  const SegmentHeader header{3, 0x12345678, 2, 99};
  const std::string block = encode_segment_header(header);
  CHECK(block.size() == kBlockBytes);
  CHECK(decode_segment_header(block) == header);
  for (std::size_t i = 0; i < block.size(); ++i) {
    std::string damaged = block;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    REQUIRE_FALSE(decode_segment_header(damaged));
  }
}

TEST_CASE("a batch reads back in its own segment, and in no other") {
  BatchBuilder builder;
  REQUIRE(builder.add(LogIndex(4), test::entry(2, "one"), kMaxBatchBytes));
  REQUIRE(builder.add(LogIndex(5), test::entry(3, std::string(255, 'x')), kMaxBatchBytes));
  const std::string batch(builder.finish(11, LogIndex(9), 77));
  CHECK(batch.size() == 1 * kSectorBytes);
  const auto header = batch_header_at(batch, 0, 77);
  REQUIRE(header);
  CHECK(header->sequence == 11);
  CHECK(header->highest_index == LogIndex(9));
  CHECK(header->records == 2);
  auto payload = batch_payload_at(batch, 0, *header, 77);
  REQUIRE(payload);
  const auto first = take_record(*payload);
  REQUIRE(first);
  CHECK(first->index == LogIndex(4));
  CHECK(first->entry == test::entry(2, "one"));
  const auto second = take_record(*payload);
  REQUIRE(second);
  CHECK(second->entry == test::entry(3, std::string(255, 'x')));
  CHECK(payload->empty());

  CHECK_FALSE(batch_header_at(batch, 0, 78));
  CHECK_FALSE(batch_payload_at(batch, 0, *header, 78));
}

TEST_CASE("a record of no index or no term makes no sense, neither an entry nor the place where a log restarts") {
  const auto is_taken = [](std::uint64_t index, std::uint64_t term, bool restarts) {
    BatchBuilder builder;
    if (restarts) {
      builder.add_restart({LogIndex(index), Term(term)});
    } else {
      REQUIRE(builder.add(LogIndex(index), test::entry(term, "x"), kMaxBatchBytes));
    }
    const std::string bytes(builder.finish(1, LogIndex(9), 77));
    const auto batch = whole_batch_at(bytes, 0, 77, 1);
    REQUIRE(batch);
    return LogReplay(false).take(*batch).has_value();
  };
  for (const bool restarts : {false, true}) {
    CHECK(is_taken(1, 1, restarts));
    CHECK_FALSE(is_taken(0, 1, restarts));
    CHECK_FALSE(is_taken(1, 0, restarts));
  }
}

TEST_CASE("a payload that was cut short anywhere has no whole record, and one that was not has it") {
  BatchBuilder builder;
  REQUIRE(builder.add(LogIndex(4), test::entry(2, "one"), kMaxBatchBytes));
  const std::string bytes(builder.finish(11, LogIndex(4), 77));
  const auto batch = whole_batch_at(bytes, 0, 77, 11);
  REQUIRE(batch);
  std::string_view rest = batch->payload;
  REQUIRE(take_record(rest));
  const std::size_t record = batch->payload.size() - rest.size();
  for (std::size_t size = 0; size < record; ++size) {
    std::string cut(batch->payload.substr(0, size));  // a copy of its own, so that reading beyond it is seen
    std::string_view payload = cut;
    CHECK_FALSE(take_record(payload));
  }
}

TEST_CASE("every flipped bit of a batch is found, and one of the payload leaves the header valid") {
  BatchBuilder builder;
  REQUIRE(builder.add(LogIndex(1), test::entry(1, "hello"), kMaxBatchBytes));
  const std::string batch(builder.finish(1, LogIndex(1), 5));
  const auto whole = batch_header_at(batch, 0, 5);
  REQUIRE(whole);
  for (std::size_t bit = 0; bit < 8 * (kBatchHeaderBytes + whole->payload_bytes); ++bit) {
    std::string damaged = batch;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto header = batch_header_at(damaged, 0, 5);
    const bool in_header = bit < 8 * kBatchHeaderBytes;
    REQUIRE(header.has_value() != in_header);
    if (header) REQUIRE_FALSE(batch_payload_at(damaged, 0, *header, 5));
  }
}

TEST_CASE("a batch takes no more than it is allowed, but always one record") {
  BatchBuilder builder;
  const raft::Entry large = test::entry(1, std::string(255, 'x'));
  CHECK(builder.add(LogIndex(1), large, kSectorBytes));
  CHECK_FALSE(builder.add(LogIndex(2), large, kSectorBytes));
  CHECK(builder.bytes_on_disk() == kSectorBytes);
  CHECK(builder.highest_index() == LogIndex(1));
}

TEST_CASE("the worked example of docs/storage-format.md") {
  BatchBuilder builder;
  const raft::Entry noop{Term(3), WallTime(std::chrono::milliseconds(1'700'000'000'000)), raft::Noop{}};
  REQUIRE(builder.add(LogIndex(2), noop, kMaxBatchBytes));
  const std::string batch(builder.finish(5, LogIndex(4), 0x01020304));
  CHECK(hex(batch.substr(0, 40)) == "4c4b5042462bbaf4050000000000000004000000000000001e00000001000000351ed12d00000000");
  CHECK(hex(batch.substr(40, 30)) == "020000000000000003000000000000000068e5cf8b010000020000009101");
  CHECK(batch.size() == kSectorBytes);
  CHECK(batch.find_first_not_of('\0', 70) == std::string::npos);
}

}  // namespace
}  // namespace lockstep::log_format_test

#include "tests/crash/folder_fields.hpp"

#include <string_view>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/meta_file.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::crash {
namespace {

struct Named {
  const char* name;
  std::uint64_t offset;
};

constexpr std::uint64_t kLastOfBlock = kBlockBytes - 4;
constexpr Named kMeta[] = {{"magic", 0},           {"format", 8},        {"sequence", 12},
                           {"node", 20},           {"cluster", 28},      {"term", 36},
                           {"vote", 44},           {"repair until", 52}, {"synced sequence", 60},
                           {"highest index", 68},  {"snapshot", 76},     {"start segment", 84},
                           {"start sequence", 92}, {"padding", 100},     {"checksum", kLastOfBlock}};
constexpr Named kSegment[] = {{"magic", 0}, {"number", 8},   {"start segment", 16},     {"start sequence", 24},
                              {"salt", 32}, {"padding", 36}, {"checksum", kLastOfBlock}};
constexpr Named kBatch[] = {
    {"magic", 0},          {"header checksum", 4}, {"sequence", 8},         {"highest index", 16},
    {"payload bytes", 24}, {"records", 28},        {"payload checksum", 32}};
constexpr Named kRecord[] = {{"index", 0}, {"term", 8}, {"time", 16}, {"body bytes", 24}, {"body", 28}};
constexpr Named kSnapshot[] = {{"magic", 0},           {"head bytes", 8}, {"head checksum", 12},
                               {"state checksum", 16}, {"padding", 20},   {"checksum", kLastOfBlock}};
constexpr Named kSnapshotHead[] = {{"index", 0}, {"term", 8},         {"time", 16},         {"formed", 24},
                                   {"hash", 32}, {"state bytes", 40}, {"configuration", 48}};

class Walk {
 public:
  explicit Walk(const MemoryDisk& disk) {
    for (const std::string& name : disk.names()) {
      file_ = name;
      const std::string& bytes = disk.contents(name);
      if (name == kMetaName) copies(kMeta);
      if (segment_number_from(name)) segment(bytes);
      if (snapshot_index_from(name)) snapshot(bytes);
    }
    for (Field& field : fields_) field.in_last_batch = field.file == last_file_ && field.bytes.front() >= last_batch_;
  }
  std::vector<Field> take() { return std::move(fields_); }

 private:
  void add(const std::string& what, std::vector<std::uint64_t> bytes) {
    fields_.push_back({file_, what, std::move(bytes), false});
  }
  template <std::size_t N>
  void all(const std::string& of, const Named (&names)[N], std::uint64_t base) {
    for (const Named& field : names) add(of + field.name, {base + field.offset});
  }
  // One, the other, and both.
  template <std::size_t N>
  void copies(const Named (&names)[N]) {
    all("first copy, ", names, 0);
    all("second copy, ", names, kBlockBytes);
    for (const Named& field : names) {
      add(std::string("both copies, ") + field.name, {field.offset, kBlockBytes + field.offset});
    }
  }

  void segment(const std::string& bytes) {
    copies(kSegment);
    const auto header = decode_segment_header(std::string_view(bytes).substr(0, kBlockBytes));
    REQUIRE_SAFE(header.has_value(), "a whole segment has a header");
    std::uint64_t offset = kFirstBatchOffset;
    for (int number = 0;; ++number) {
      const auto batch = batch_header_at(bytes, offset, header->salt);
      if (!batch) break;
      last_file_ = file_;
      last_batch_ = offset;
      const std::string of = "batch " + std::to_string(number) + ", ";
      all(of, kBatch, offset);
      records(of, bytes, offset, *batch);
      offset += batch_bytes_on_disk(*batch);
    }
    if (offset < bytes.size()) add("unused space", {offset});
  }
  void records(const std::string& of, const std::string& bytes, std::uint64_t offset, const BatchHeader& batch) {
    std::uint64_t at = offset + kBatchHeaderBytes;
    const std::uint64_t end = at + batch.payload_bytes;
    for (int number = 0; at < end; ++number) {
      all(of + "record " + std::to_string(number) + ", ", kRecord, at);
      at += kRecordHeaderBytes + get<std::uint32_t>(bytes, at + 24);
    }
    if (end < offset + batch_bytes_on_disk(batch)) add(of + "padding", {end});
  }

  void snapshot(const std::string& bytes) {
    all("", kSnapshot, 0);
    all("head, ", kSnapshotHead, kBlockBytes);
    for (std::uint64_t at = kBlockBytes + get<std::uint32_t>(bytes, 8); at < bytes.size(); at += 256) {
      add("state at " + std::to_string(at), {at});
    }
    add("last byte", {bytes.size() - 1});
  }

  std::string file_;
  std::string last_file_;  // with a batch: segments come in order
  std::uint64_t last_batch_ = 0;
  std::vector<Field> fields_;
};

}  // namespace

std::vector<Field> fields_of(const MemoryDisk& disk) { return Walk(disk).take(); }

}  // namespace lockstep::crash

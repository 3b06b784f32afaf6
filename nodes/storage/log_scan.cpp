// Walks the segments in order, and tells a torn end from damage (S2).
#include "nodes/storage/log_scan.hpp"

#include <algorithm>
#include <utility>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/way_out.hpp"

namespace lockstep {
namespace {

std::string way_out(const std::string& folder) {
  return ". How much was lost cannot be known, so the node must not go on with it. " + way_out_of_lost_data(folder);
}

class Scanner {
 public:
  Scanner(Disk& disk, const std::string& folder, const Meta& meta)
      : disk_(disk), folder_(folder), meta_(meta), replay_(meta.log_start.segment > 1) {
    scan_.highest_sequence = meta.synced_sequence;
    scan_.highest_index = meta.highest_index;
  }

  StorageResult<LogScan> run() {
    if (auto found = find_segments(); !found) return tl::unexpected(found.error());
    for (const SegmentFile& segment : scan_.live) {
      if (auto read = read_segment(segment); !read) return tl::unexpected(read.error());
    }
    return conclude();
  }

 private:
  // A place where the next batch was expected and is not.
  struct Stop {
    std::string file;
    std::uint64_t offset = 0;
  };

  StorageResult<void> find_segments() {
    const auto names = disk_.list();
    if (!names) return storage_error(names.error());
    std::vector<SegmentFile> all;
    SegmentHeader start;
    for (const std::string& name : *names) {
      const auto number = segment_number_from(name);
      if (!number) continue;
      auto segment = read_header(name, *number);
      if (!segment) return storage_error(segment.error());
      if (segment->header && segment->header->start_segment >= start.start_segment) start = *segment->header;
      scan_.highest_number = std::max(scan_.highest_number, *number);
      all.push_back(*std::move(segment));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    if (meta_.log_start.segment > std::max<std::uint64_t>(1, start.start_segment)) {
      start.start_segment = meta_.log_start.segment;
      start.start_sequence = meta_.log_start.sequence;
    }
    for (SegmentFile& segment : all) {
      if (segment.number < meta_.log_start.segment) {
        scan_.cut_off.push_back(segment.name);
      } else if (segment.number < start.start_segment) {
        scan_.superseded.push_back(segment.name);
      } else {
        scan_.live.push_back(std::move(segment));
      }
    }
    if (!scan_.live.empty()) {
      next_number_ = start.start_segment != 0 ? start.start_segment : scan_.live.front().number;
    }
    scan_.position.next_sequence = std::max<std::uint64_t>(1, start.start_sequence);
    return {};
  }

  DiskResult<SegmentFile> read_header(const std::string& name, std::uint64_t number) {
    auto file = disk_.open(name);
    if (!file) return tl::unexpected(file.error());
    const OpenFile open(disk_, *std::move(file));
    const auto bytes = disk_.read(*open, 0, kFirstBatchOffset);
    if (!bytes) return tl::unexpected(bytes.error());
    SegmentFile segment{name, number, std::nullopt, false};
    int good_copies = 0;
    for (std::size_t copy = 0; copy < 2; ++copy) {
      if (bytes->size() < (copy + 1) * kBlockBytes) continue;
      const auto header = decode_segment_header(std::string_view(*bytes).substr(copy * kBlockBytes, kBlockBytes));
      if (!header || header->number != number) continue;
      segment.header = header;
      ++good_copies;
    }
    segment.one_header_damaged = good_copies == 1;
    return segment;
  }

  StorageResult<void> read_segment(const SegmentFile& segment) {
    if (segment.number != next_number_) {
      lose_the_thread({segment_name(next_number_), 0}, "is missing");
    }
    next_number_ = segment.number + 1;
    if (!segment.header) {
      lose_the_thread({segment.name, 0}, "has a damaged header");
      return {};
    }
    auto file = disk_.open(segment.name);
    if (!file) return storage_error(file.error());
    const OpenFile open(disk_, *std::move(file));
    const auto bytes = disk_.read(*open, 0, kWholeFile);
    if (!bytes) return storage_error(bytes.error());

    if (lost_thread_ || proven_) {
      look_for_proof(segment, *bytes, kFirstBatchOffset);
      return {};
    }
    const auto end = replay(segment, *bytes);
    if (!end) return tl::unexpected(end.error());
    look_for_proof(segment, *bytes, *end);
    note_stop(segment, *bytes, *end);
    return {};
  }

  // The place where the sequence stops is in the segment before, unless this segment shows that it went on here.
  void note_stop(const SegmentFile& segment, std::string_view bytes, std::size_t end) {
    const auto first = batch_header_at(bytes, kFirstBatchOffset, segment.header->salt);
    const bool begins_later = first && first->sequence > scan_.position.next_sequence;
    const bool went_on_here = end != kFirstBatchOffset || (proven_ && !begins_later);
    if (!stop_ || went_on_here) stop_ = Stop{segment.name, end};
  }

  // Follows the sequence of batches as far as it goes, and returns where it stops.
  StorageResult<std::size_t> replay(const SegmentFile& segment, std::string_view bytes) {
    const std::uint32_t salt = segment.header->salt;
    std::size_t offset = kFirstBatchOffset;
    if (!scan_.current) go_on_in(segment, offset, bytes.size());
    while (const auto batch = whole_batch_at(bytes, offset, salt, scan_.position.next_sequence)) {
      if (auto taken = replay_.take(*batch); !taken) {
        return storage_error(folder_ + "/" + segment.name + " at offset " + std::to_string(offset) +
                             ": a batch whose checksum is right makes no sense: " + taken.error());
      }
      const std::size_t length = std::min(batch_bytes_on_disk(batch->header), bytes.size() - offset);
      scan_.last_batch = LastBatch{segment.name, offset, std::string(bytes.substr(offset, length))};
      offset += length;
      note_extent(segment, batch->header);
      scan_.position.next_sequence = batch->header.sequence + 1;
      note_header(batch->header);
      go_on_in(segment, offset, bytes.size());
    }
    return offset;
  }

  void note_extent(const SegmentFile& segment, const BatchHeader& header) {
    std::vector<SegmentExtent>& segments = scan_.segments;
    if (segments.empty() || segments.back().number != segment.number) {
      segments.push_back({segment.number, header.sequence});
    }
    segments.back().highest_index = header.highest_index;
  }

  void go_on_in(const SegmentFile& segment, std::size_t offset, std::uint64_t segment_bytes) {
    scan_.current = segment.header;
    scan_.current_bytes = segment_bytes;
    scan_.position.offset = offset;
  }

  void look_for_proof(const SegmentFile& segment, std::string_view bytes, std::size_t from) {
    const std::uint64_t expected = scan_.position.next_sequence;
    for (std::size_t offset = from; offset < bytes.size(); offset += kSectorBytes) {
      const auto header = batch_header_at(bytes, offset, segment.header->salt);
      if (!header) continue;
      // At the place where it was expected, the expected batch itself may be torn: that proves nothing.
      if (header->sequence < expected || (header->sequence == expected && !lost_thread_)) continue;
      proven_ = true;
      note_header(*header);
    }
  }

  void note_header(const BatchHeader& header) {
    scan_.highest_sequence = std::max(scan_.highest_sequence, header.sequence);
    scan_.highest_index = std::max(scan_.highest_index, header.highest_index);
  }

  // Whatever comes after this place cannot be told to follow what came before it.
  void lose_the_thread(Stop place, const char* why) {
    if (lost_thread_) return;
    lost_thread_ = why;
    if (!proven_) stop_ = std::move(place);
  }

  StorageResult<LogScan> conclude() {
    const bool was_used = meta_.synced_sequence != 0 || meta_.hard_state.cluster;
    if (scan_.live.empty() && was_used) {
      return storage_error(folder_ + ": the log's files are missing" + way_out(folder_));
    }
    if (lost_thread_ && !proven_) {
      return storage_error(folder_ + "/" + stop_->file + " " + lost_thread_ + way_out(folder_));
    }
    const bool synced_batch_is_missing = scan_.position.next_sequence <= meta_.synced_sequence;
    if (proven_ || synced_batch_is_missing) {
      scan_.damage = LogDamage{stop_->file, stop_->offset};
    }
    scan_.position.highest_index = scan_.highest_index;
    scan_.log = replay_.take_contents();
    return std::move(scan_);
  }

  Disk& disk_;
  const std::string& folder_;
  const Meta& meta_;
  LogReplay replay_;
  LogScan scan_;
  std::uint64_t next_number_ = 0;
  std::optional<Stop> stop_;
  const char* lost_thread_ = nullptr;  // why the sequence cannot be followed any further
  bool proven_ = false;                // that a batch at stop_ was synced once
};

}  // namespace

StorageResult<LogScan> scan_log(Disk& disk, const std::string& folder, const Meta& meta) {
  return Scanner(disk, folder, meta).run();
}

}  // namespace lockstep

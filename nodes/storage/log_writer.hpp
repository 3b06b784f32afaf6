// The end of the log: where the next batch goes, and the segment after this one.
//
// Batches are written one after the other, each only after the one before is synced (S1), into blocks
// that exist already: the next segment is made in the background once the current one is half full. If
// there is no room for that (S5), append says so and changes nothing; it can be called again later.
// After any other error the log must not be used again (S4). The log's front is dropped by whole segments.
#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <optional>
#include <vector>

#include "nodes/storage/disk.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/meta_file.hpp"
#include "nodes/storage/segment_file.hpp"
#include "protocol/base/random.hpp"

namespace lockstep {

// Where the log goes on.
struct LogPosition {
  std::uint64_t offset = kFirstBatchOffset;  // in the current segment
  std::uint64_t next_sequence = 1;
  LogIndex highest_index;  // ever written
};

// What a segment of the log holds.
struct SegmentExtent {
  std::uint64_t number = 0;
  std::uint64_t first_sequence = 0;
  LogIndex highest_index = {};  // ever written to the log up to this segment's end; of the last segment: not yet known
};

struct LogWriterOptions {
  std::uint64_t segment_bytes = 0;
  std::uint64_t seed = 0;   // of the segments' salts
  bool background = false;  // make the next segment on a thread of its own, or at once
};

class LogWriter {
 public:
  enum class Appended { kDurable, kNoSpace };

  // `segments`: in order; the current one may be missing if nothing was written to it yet.
  LogWriter(Disk& disk, LogWriterOptions options, Segment current, LogPosition position,
            std::vector<SegmentExtent> segments);

  // The largest batch that any segment can take.
  static std::size_t max_batch_bytes(std::uint64_t segment_bytes);

  // Writes and syncs one batch.
  DiskResult<Appended> append(BatchBuilder& batch);

  const LogPosition& position() const { return position_; }
  const std::vector<SegmentExtent>& segments() const { return segments_; }
  // Where the log begins once all segments are dropped that hold nothing above `index`.
  LogStart start_above(LogIndex index) const;
  // Deletes what lies before it. `meta` has noted that durably (else a scan would miss the segments).
  DiskResult<void> drop_before(LogStart start);
  // The last attempt to make the next segment found the disk full. Known long before append must wait.
  bool space_is_short() const { return space_is_short_; }

 private:
  DiskResult<Appended> go_to_next_segment();
  void start_next_segment();
  DiskResult<void> collect_next_segment();
  DiskResult<void> take_next_segment(DiskResult<Segment> made);
  SegmentPlan next_plan();

  Disk* disk_;
  LogWriterOptions options_;
  Random random_;
  Segment current_;
  LogPosition position_;
  std::vector<SegmentExtent> segments_;           // the last is the current one
  std::optional<Segment> next_;                   // made, not yet in use
  std::future<DiskResult<Segment>> making_next_;  // under way in the background
  bool space_is_short_ = false;                   // then the next segment is made only when it is needed
};

}  // namespace lockstep

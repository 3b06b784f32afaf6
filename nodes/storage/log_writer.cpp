// Appends batches to the segment at the end, and prepares the next segment ahead.
#include "nodes/storage/log_writer.hpp"

#include <algorithm>
#include <utility>

#include "nodes/storage/aside.hpp"
#include "nodes/storage/file_names.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {

LogWriter::LogWriter(Disk& disk, LogWriterOptions options, Segment current, LogPosition position,
                     std::vector<SegmentExtent> segments)
    : disk_(&disk),
      options_(options),
      random_(options.seed),
      current_(std::move(current)),
      position_(position),
      segments_(std::move(segments)) {
  const std::uint64_t number = current_.header.number;
  if (segments_.empty() || segments_.back().number != number) segments_.push_back({number, position_.next_sequence});
}

std::size_t LogWriter::max_batch_bytes(std::uint64_t segment_bytes) {
  const std::uint64_t room = (segment_bytes - kFirstBatchOffset) / kSectorBytes * kSectorBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(kMaxBatchBytes, room));
}

DiskResult<LogWriter::Appended> LogWriter::append(BatchBuilder& batch) {
  const std::size_t bytes = batch.bytes_on_disk();
  INVARIANT(bytes <= max_batch_bytes(options_.segment_bytes), "a batch fits into an empty segment");
  if (position_.offset + bytes > current_.bytes) {
    if (auto outcome = go_to_next_segment(); !outcome || *outcome == Appended::kNoSpace) return outcome;
  }
  const LogIndex highest_index = std::max(position_.highest_index, batch.highest_index());
  const std::string_view content = batch.finish(position_.next_sequence, highest_index, current_.header.salt);
  auto done =
      disk_->write(*current_.file, position_.offset, content).and_then([&] { return disk_->sync(*current_.file); });
  if (!done) return tl::unexpected(done.error());
  position_.offset += bytes;
  position_.next_sequence += 1;
  position_.highest_index = highest_index;

  start_next_segment();
  if (auto collected = collect_next_segment(); !collected) return tl::unexpected(collected.error());
  return Appended::kDurable;
}

SegmentPlan LogWriter::next_plan() {
  SegmentPlan plan;
  plan.header = current_.header;
  plan.header.number += 1;
  plan.header.salt = static_cast<std::uint32_t>(random_.next());
  plan.bytes = options_.segment_bytes;
  return plan;
}

void LogWriter::start_next_segment() {
  const bool half_full = position_.offset - kFirstBatchOffset >= (current_.bytes - kFirstBatchOffset) / 2;
  if (!half_full || next_ || making_next_.valid() || space_is_short_) return;
  making_next_ =
      run_aside(options_.background, [disk = disk_, plan = next_plan()] { return make_segment(*disk, plan); });
}

DiskResult<void> LogWriter::collect_next_segment() {
  const auto at_once = std::chrono::seconds(0);
  if (!making_next_.valid() || making_next_.wait_for(at_once) == std::future_status::timeout) return {};
  return take_next_segment(making_next_.get());
}

DiskResult<void> LogWriter::take_next_segment(DiskResult<Segment> made) {
  if (made) {
    space_is_short_ = false;
    next_ = *std::move(made);
    return {};
  }
  space_is_short_ = means_full(made.error());
  if (!space_is_short_) return tl::unexpected(made.error());
  return {};
}

DiskResult<LogWriter::Appended> LogWriter::go_to_next_segment() {
  if (!next_) {
    auto taken = take_next_segment(making_next_.valid() ? making_next_.get() : make_segment(*disk_, next_plan()));
    if (!taken) return tl::unexpected(taken.error());
  }
  if (!next_) return Appended::kNoSpace;
  current_ = *std::exchange(next_, std::nullopt);
  segments_.back().highest_index = position_.highest_index;
  segments_.push_back({current_.header.number, position_.next_sequence});
  position_.offset = kFirstBatchOffset;
  return Appended::kDurable;
}

LogStart LogWriter::start_above(LogIndex index) const {
  const auto is_needed = [&](const SegmentExtent& segment) {
    return segment.number == current_.header.number || segment.highest_index > index;
  };
  const auto first = std::find_if(segments_.begin(), segments_.end(), is_needed);
  return {first->number, first->first_sequence};
}

DiskResult<void> LogWriter::drop_before(LogStart start) {
  if (segments_.front().number >= start.segment) return {};
  while (segments_.front().number < start.segment) {
    if (auto removed = disk_->remove(segment_name(segments_.front().number)); !removed) return removed;
    segments_.erase(segments_.begin());
  }
  return disk_->sync_folder();
}

}  // namespace lockstep

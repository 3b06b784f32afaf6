#include "nodes/storage/log_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep {

LogWriter::LogWriter(Disk& disk, LogWriterOptions options, Segment current, LogPosition position)
    : disk_(&disk), options_(options), random_(options.seed), current_(std::move(current)), position_(position) {}

std::size_t LogWriter::max_batch_bytes(std::uint64_t segment_bytes) {
  const std::uint64_t room = (segment_bytes - kFirstBatchOffset) / kSectorBytes * kSectorBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(kMaxBatchBytes, room));
}

DiskResult<LogWriter::Outcome> LogWriter::append(BatchBuilder& batch) {
  const std::size_t bytes = batch.bytes_on_disk();
  INVARIANT(bytes <= max_batch_bytes(options_.segment_bytes), "a batch fits into an empty segment");
  if (position_.offset + bytes > current_.bytes) {
    if (auto outcome = go_to_next_segment(); !outcome || *outcome == Outcome::kNoSpace) return outcome;
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
  return Outcome::kDurable;
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
  const auto make = [disk = disk_, plan = next_plan()] { return make_segment(*disk, plan); };
  if (options_.background) {
    try {
      making_next_ = std::async(std::launch::async, make);
      return;
    } catch (const std::system_error&) {
      // No thread to be had: then it is made here and now.
    }
  }
  making_next_ = std::async(std::launch::deferred, make);
  making_next_.wait();
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
  space_is_short_ = made.error().code == ENOSPC || made.error().code == EDQUOT;
  if (!space_is_short_) return tl::unexpected(made.error());
  return {};
}

DiskResult<LogWriter::Outcome> LogWriter::go_to_next_segment() {
  if (!next_) {
    auto taken = take_next_segment(making_next_.valid() ? making_next_.get() : make_segment(*disk_, next_plan()));
    if (!taken) return tl::unexpected(taken.error());
  }
  if (!next_) return Outcome::kNoSpace;
  current_ = *std::exchange(next_, std::nullopt);
  position_.offset = kFirstBatchOffset;
  return Outcome::kDurable;
}

}  // namespace lockstep

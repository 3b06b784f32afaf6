// One file of the log: made whole or not at all.
//
// A segment is made under a temporary name, filled with zeros, given its header (twice) and perhaps
// batches, synced, and only then renamed. So a file with a segment's name never lacks its header
// because of a crash, and writing batches into it changes nothing but their own blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/storage/disk.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"

namespace lockstep {

struct SegmentPlan {
  SegmentHeader header;
  std::uint64_t bytes = 0;
};

struct Segment {
  OpenFile file;
  SegmentHeader header;
  std::uint64_t bytes = 0;
};

// `batches` go in at kFirstBatchOffset, one after the other; the plan has room for them. What a failure
// leaves behind has a temporary name and is removed, at the latest when the node starts.
DiskResult<Segment> make_segment(Disk& disk, const SegmentPlan& plan, const std::vector<std::string>& batches = {});

}  // namespace lockstep

// Makes, fills, renames and removes the files of the log.
#include "nodes/storage/segment_file.hpp"

#include "nodes/storage/encoding.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

DiskResult<void> fill(Disk& disk, const File& file, const SegmentPlan& plan, const std::vector<std::string>& batches) {
  const std::string header = encode_segment_header(plan.header);
  auto done = disk.preallocate(file, plan.bytes).and_then([&] { return disk.write(file, 0, header + header); });
  std::uint64_t offset = kFirstBatchOffset;
  for (const std::string& batch : batches) {
    INVARIANT(offset + batch.size() <= plan.bytes, "a segment is made large enough for its batches");
    if (done) done = disk.write(file, offset, batch);
    offset += batch.size();
  }
  return done.and_then([&] { return disk.sync(file); });
}

}  // namespace

DiskResult<Segment> make_segment(Disk& disk, const SegmentPlan& plan, const std::vector<std::string>& batches) {
  const std::string name = segment_name(plan.header.number);
  const std::string temporary = name + std::string(kTemporarySuffix);
  auto created = disk.create(temporary);
  if (!created) return tl::unexpected(created.error());
  OpenFile file(disk, *std::move(created));
  const auto done =
      fill(disk, *file, plan, batches).and_then([&] { return disk.rename(temporary, name); }).and_then([&] {
        return disk.sync_folder();
      });
  if (!done) {
    // Gives a full disk its space back. The error that counts is the first one.
    (void)disk.remove(temporary);
    return tl::unexpected(done.error());
  }
  file.renamed(name);
  return Segment{std::move(file), plan.header, plan.bytes};
}

}  // namespace lockstep

#include "nodes/storage/recovery.hpp"

#include <algorithm>
#include <utility>

#include "nodes/storage/encoding.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kSetAsidePrefix = "damaged-";

class Recovery {
 public:
  Recovery(Disk& disk, const RecoveryOptions& options) : disk_(disk), options_(options), random_(options.seed) {}

  StorageResult<Recovered> run() {
    auto meta = open_meta();
    if (!meta) return tl::unexpected(meta.error());
    auto scan = scan_log(disk_, options_.folder, meta->get());
    if (!scan) return tl::unexpected(scan.error());
    if (scan->damage && options_.cluster_of_one) return refuse(*scan);
    // From here on the folder is changed. What the process before this one did comes first: the names and
    // the state that the scan saw must not depend on the page cache once files are moved or removed.
    const auto settled = meta->settle().and_then([&] { return disk_.sync_folder(); });
    if (!settled) return storage_error(settled.error());
    if (scan->damage) {
      if (auto repaired = repair(*meta, *scan); !repaired) return storage_error(repaired.error());
      scan = scan_log(disk_, options_.folder, meta->get());
      if (!scan) return tl::unexpected(scan.error());
      if (scan->damage) return storage_error(options_.folder + ": what was just written reads back damaged");
    }
    auto current = prepare(*meta, *scan);
    if (!current) return storage_error(current.error());
    return Recovered{*std::move(meta), std::move(scan->entries), *std::move(current), scan->position,
                     std::move(notices_)};
  }

 private:
  StorageResult<MetaFile> open_meta() {
    const auto names = disk_.list();
    if (!names) return storage_error(names.error());
    if (std::find(names->begin(), names->end(), kMetaName) != names->end()) {
      return MetaFile::load(disk_, options_.folder, notices_);
    }
    const auto is_segment = [](const std::string& name) { return segment_number_from(name).has_value(); };
    if (std::any_of(names->begin(), names->end(), is_segment)) {
      return storage_error(options_.folder + ": there is a log but no file `meta`, so the node no longer knows whom " +
                           "it voted for. Move " + options_.folder +
                           " away and start it again: it is then a new node, to be joined as one");
    }
    Meta meta;
    meta.node = options_.fresh_node_id;
    return MetaFile::format(disk_, meta);
  }

  tl::unexpected<StorageError> refuse(const LogScan& scan) const {
    const LogDamage& damage = *scan.damage;
    std::string lost = "entries from " + std::to_string(damage.first_lost.value()) + " on";
    if (scan.highest_index >= damage.first_lost) lost += " (up to " + std::to_string(scan.highest_index.value()) + ")";
    return storage_error(options_.folder + "/" + damage.file + " is damaged at offset " +
                         std::to_string(damage.offset) + ": " + lost +
                         " were acknowledged, cannot be read, and no other node has them. Nothing was changed. " +
                         "Restore the data folder from a copy of the time it was whole, knowing that what came " +
                         "after is lost; or move it away and start empty");
  }

  DiskResult<void> repair(MetaFile& meta_file, const LogScan& scan) {
    Meta meta = meta_file.get();
    meta.hard_state.repair_until = std::max(scan.highest_index, meta.hard_state.repair_until);
    meta.highest_index = scan.highest_index;
    if (auto done = meta_file.write(meta); !done) return done;
    if (auto made = copy_good_prefix(scan); !made) return tl::unexpected(made.error());
    for (const SegmentFile& segment : scan.live) {
      if (auto done = set_aside(segment.name); !done) return done;
    }
    notices_.push_back(
        {Notice::Level::kWarning,
         options_.folder + "/" + scan.damage->file + " was damaged at offset " + std::to_string(scan.damage->offset) +
             ": kept entries up to " + std::to_string(scan.entries.size()) + ", fetching the rest up to " +
             std::to_string(meta.hard_state.repair_until.value()) + " from the other nodes; until then " +
             "this node neither votes nor acknowledges. The damaged files are kept as " + std::string(kSetAsidePrefix) +
             "*"});
    return disk_.sync_folder();
  }

  // Into one segment, however large, so that one rename replaces the whole log.
  DiskResult<Segment> copy_good_prefix(const LogScan& scan) {
    SegmentPlan plan;
    plan.header.number = scan.highest_number + 1;
    plan.header.salt = static_cast<std::uint32_t>(random_.next());
    plan.header.start_segment = plan.header.number;
    plan.header.start_sequence = std::max(scan.highest_sequence, scan.position.next_sequence) + 1;
    const std::vector<std::string> batches = encode_batches(scan, plan.header);
    std::uint64_t bytes = kFirstBatchOffset;
    for (const std::string& batch : batches) bytes += batch.size();
    plan.bytes = std::max(options_.segment_bytes, bytes);
    return make_segment(disk_, plan, batches);
  }

  std::vector<std::string> encode_batches(const LogScan& scan, const SegmentHeader& header) const {
    std::vector<std::string> batches;
    BatchBuilder builder;
    const auto finish = [&] {
      batches.emplace_back(builder.finish(header.start_sequence + batches.size(), scan.highest_index, header.salt));
      builder.clear();
    };
    const std::size_t max_bytes = LogWriter::max_batch_bytes(options_.segment_bytes);
    LogIndex index;
    for (const raft::Entry& entry : scan.entries) {
      index = index.next();
      if (builder.add(index, entry, max_bytes)) continue;
      finish();
      builder.add(index, entry, max_bytes);
    }
    if (!builder.empty()) finish();
    return batches;
  }

  DiskResult<void> set_aside(const std::string& name) {
    return disk_.rename(name, std::string(kSetAsidePrefix) + name);
  }

  // Makes sure that what was read is on the disk (S4), and tidies what a crash left.
  DiskResult<Segment> prepare(MetaFile& meta_file, const LogScan& scan) {
    return remove_leftovers(scan)
        .and_then([&] { return rewrite_headers(scan); })
        .and_then([&] { return rewrite_last_batch(scan); })
        .and_then([&] { return disk_.sync_folder(); })
        .and_then([&] { return note_synced(meta_file, scan); })
        .and_then([&] { return open_current(scan); });
  }

  DiskResult<void> remove_leftovers(const LogScan& scan) {
    const auto names = disk_.list();
    if (!names) return tl::unexpected(names.error());
    DiskResult<void> done;
    for (const std::string& name : *names) {
      if (done && name.ends_with(kTemporarySuffix)) done = disk_.remove(name);
    }
    for (const std::string& name : scan.superseded) {
      if (done) done = set_aside(name);
    }
    for (const SegmentFile& segment : scan.live) {
      if (done && segment.number > scan.current->number) done = disk_.remove(segment.name);
    }
    return done;
  }

  DiskResult<void> write_and_sync(const std::string& name, std::uint64_t offset, std::string_view bytes) {
    auto file = disk_.open(name);
    if (!file) return tl::unexpected(file.error());
    const OpenFile open(disk_, *std::move(file));
    return disk_.write(*open, offset, bytes).and_then([&] { return disk_.sync(*open); });
  }

  DiskResult<void> rewrite_headers(const LogScan& scan) {
    DiskResult<void> done;
    for (const SegmentFile& segment : scan.live) {
      if (!done || !segment.one_header_damaged || segment.number > scan.current->number) continue;
      notices_.push_back(
          {Notice::Level::kWarning,
           options_.folder + "/" + segment.name + ": one copy of its header was damaged; rewritten from the other"});
      const std::string header = encode_segment_header(*segment.header);
      done = write_and_sync(segment.name, 0, header + header);
    }
    return done;
  }

  DiskResult<void> rewrite_last_batch(const LogScan& scan) {
    if (!scan.last_batch) return {};
    return write_and_sync(scan.last_batch->file, scan.last_batch->offset, scan.last_batch->bytes);
  }

  DiskResult<void> note_synced(MetaFile& meta_file, const LogScan& scan) {
    Meta meta = meta_file.get();
    meta.synced_sequence = scan.position.next_sequence - 1;
    meta.highest_index = scan.position.highest_index;
    return meta == meta_file.get() ? DiskResult<void>() : meta_file.write(meta);
  }

  DiskResult<Segment> open_current(const LogScan& scan) {
    if (!scan.current) {
      SegmentHeader header{1, static_cast<std::uint32_t>(random_.next()), 1, 1};
      return make_segment(disk_, SegmentPlan{header, options_.segment_bytes});
    }
    auto file = disk_.open(segment_name(scan.current->number));
    if (!file) return tl::unexpected(file.error());
    return Segment{OpenFile(disk_, *std::move(file)), *scan.current, scan.current_bytes};
  }

  Disk& disk_;
  const RecoveryOptions& options_;
  Random random_;
  std::vector<Notice> notices_;
};

}  // namespace

StorageResult<Recovered> recover(Disk& disk, const RecoveryOptions& options) { return Recovery(disk, options).run(); }

}  // namespace lockstep

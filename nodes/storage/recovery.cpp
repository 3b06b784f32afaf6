// Opens a data folder step by step, and repairs only what nobody was promised.
#include "nodes/storage/recovery.hpp"

#include <algorithm>
#include <utility>

#include "nodes/storage/file_names.hpp"
#include "nodes/storage/recovery_plan.hpp"
#include "nodes/storage/way_out.hpp"

namespace lockstep {
namespace {

// What has been read of a folder, before anything in it is changed.
struct Found {
  SnapshotsFound snapshots;
  LogScan scan;
  RecoveryPlan plan;
};

class Recovery {
 public:
  Recovery(Disk& disk, const RecoveryOptions& options) : disk_(disk), options_(options), random_(options.seed) {}

  StorageResult<Recovered> run() {
    auto meta = open_meta();
    if (!meta) return tl::unexpected(meta.error());
    auto found = look(meta->get());
    if (!found) return tl::unexpected(found.error());
    if (options_.cluster_of_one && found->plan.lost_up_to) return refuse(*found, meta->get());
    // From here on the folder is changed. What the process before this one did comes first: the names and
    // the state that were seen must not depend on the page cache once files are moved or removed.
    const auto settled = meta->settle().and_then([&] { return disk_.sync_folder(); }).and_then([&] {
      return sync_snapshots(found->snapshots);
    });
    if (!settled) return storage_error(settled.error());
    note_snapshots(*found, meta->get());
    if (found->plan.rewrite) {
      if (auto repaired = repair(*meta, *found); !repaired) return storage_error(repaired.error());
      found = look(meta->get());
      if (!found) return tl::unexpected(found.error());
      if (found->plan.rewrite) return storage_error(options_.folder + ": what was just written reads back damaged");
    }
    auto current = prepare(*meta, *found);
    if (!current) return storage_error(current.error());
    return recovered(*std::move(meta), *std::move(found), *std::move(current));
  }

 private:
  StorageResult<MetaFile> open_meta() {
    const auto names = disk_.list();
    if (!names) return storage_error(names.error());
    if (std::find(names->begin(), names->end(), kMetaName) != names->end()) {
      return MetaFile::load(disk_, options_.folder, notices_);
    }
    const auto is_of_a_node = [](const std::string& name) {
      return segment_number_from(name).has_value() || snapshot_index_from(name).has_value();
    };
    if (std::any_of(names->begin(), names->end(), is_of_a_node)) {
      return storage_error(options_.folder + ": there is a log but no file `meta`, so the node no longer knows whom " +
                           "it voted for. " + way_out_of_lost_data(options_.folder));
    }
    Meta meta;
    meta.node = options_.fresh_node_id;
    return MetaFile::format(disk_, meta);
  }

  StorageResult<Found> look(const Meta& meta) {
    auto snapshots = find_snapshots(disk_);
    if (!snapshots) return storage_error(snapshots.error());
    auto scan = scan_log(disk_, options_.folder, meta);
    if (!scan) return tl::unexpected(scan.error());
    auto plan = plan_recovery(meta, *scan, *snapshots);
    if (!plan) return refuse_without_beginning(*snapshots, *scan, meta);
    return Found{*std::move(snapshots), *std::move(scan), *std::move(plan)};
  }

  std::string path(const std::string& name) const { return options_.folder + "/" + name; }

  std::string way_out() const {
    if (!options_.cluster_of_one) return "Nothing was changed. " + way_out_of_lost_data(options_.folder);
    return "Nothing was changed. Restore the data folder from a copy of the time when it was whole, and lose what came "
           "after, or move it away and start empty";
  }

  // The snapshot that should be there and is not: "data/snapshot-0000000000000007 is damaged".
  std::string lost_snapshot(const SnapshotsFound& snapshots, const Meta& meta) const {
    if (!snapshots.damaged.empty()) return path(snapshots.damaged.front()) + " is damaged";
    return path(snapshot_name(meta.snapshot)) + " is missing";
  }

  std::string damage(const Found& found, const Meta& meta) const {
    if (!found.scan.damage) return lost_snapshot(found.snapshots, meta);
    return path(found.scan.damage->file) + " is damaged at offset " + std::to_string(found.scan.damage->offset);
  }

  tl::unexpected<StorageError> refuse_without_beginning(const SnapshotsFound& snapshots, const LogScan& scan,
                                                        const Meta& meta) const {
    std::string first = "the log does not begin with entry 1";
    if (!scan.log.entries.empty()) {
      first = "the log begins with entry " + std::to_string(scan.log.base.index.next().value());
    }
    return storage_error(lost_snapshot(snapshots, meta) + ", " + first +
                         ", and there is no other snapshot: what came before is lost. " + way_out());
  }

  tl::unexpected<StorageError> refuse(const Found& found, const Meta& meta) const {
    const LogIndex first_lost = found.plan.log.last().next();
    std::string lost = "entries from " + std::to_string(first_lost.value()) + " on";
    if (found.plan.lost_up_to >= first_lost) lost += " (up to " + std::to_string(found.plan.lost_up_to.value()) + ")";
    return storage_error(damage(found, meta) + ": " + lost +
                         " were acknowledged, cannot be read, and no other node has them. " + way_out());
  }

  DiskResult<void> sync_snapshots(const SnapshotsFound& snapshots) {
    DiskResult<void> done;
    for (const SnapshotFile& snapshot : snapshots.files) {
      if (done) done = sync_file(snapshot_name(snapshot.head.index));
    }
    return done;
  }

  DiskResult<void> sync_file(const std::string& name) {
    auto file = disk_.open(name);
    if (!file) return tl::unexpected(file.error());
    const OpenFile open(disk_, *std::move(file));
    return disk_.sync(*open);
  }

  void warn(std::string text) { notices_.push_back({Notice::Level::kWarning, std::move(text)}); }

  void note_snapshots(const Found& found, const Meta& meta) {
    for (const std::string& name : found.snapshots.damaged) {
      warn(path(name) + " was damaged, and is kept as " + std::string(kSetAsidePrefix) + name);
    }
    const LogIndex newest = found.snapshots.newest ? found.snapshots.newest->head.index : LogIndex();
    const std::string known = snapshot_name(meta.snapshot);
    const auto& damaged = found.snapshots.damaged;
    if (meta.snapshot > newest && std::find(damaged.begin(), damaged.end(), known) == damaged.end()) {
      warn(path(known) + " is missing");
    }
  }

  DiskResult<void> repair(MetaFile& meta_file, const Found& found) {
    Meta meta = meta_file.get();
    const std::string what = damage(found, meta);
    meta.hard_state.repair_until = std::max(found.plan.lost_up_to, meta.hard_state.repair_until);
    meta.highest_index = found.scan.highest_index;
    meta.snapshot = newest_index(found.snapshots);
    if (auto done = meta_file.write(meta); !done) return done;
    if (auto made = copy_good_part(found); !made) return tl::unexpected(made.error());
    for (const SegmentFile& segment : found.scan.live) {
      if (auto done = set_aside(segment.name); !done) return done;
    }
    const std::string kept = std::to_string(found.plan.log.last().value());
    if (found.plan.lost_up_to) {
      warn(
          what + ": kept entries up to " + kept + ", fetching the rest up to " +
          std::to_string(meta.hard_state.repair_until.value()) +
          " from the other nodes; until then this node neither votes nor acknowledges. The damaged files are kept as " +
          std::string(kSetAsidePrefix) + "*");
    } else {
      warn(what + ": nothing is lost, since a snapshot stands for it. The damaged files are kept as " +
           std::string(kSetAsidePrefix) + "*");
    }
    return disk_.sync_folder();
  }

  static LogIndex newest_index(const SnapshotsFound& snapshots) {
    return snapshots.newest ? snapshots.newest->head.index : LogIndex();
  }

  // Into one segment, however large, so that one rename replaces the whole log.
  DiskResult<Segment> copy_good_part(const Found& found) {
    const LogScan& scan = found.scan;
    SegmentPlan plan;
    plan.header.number = scan.highest_number + 1;
    plan.header.salt = static_cast<std::uint32_t>(random_.next());
    plan.header.start_segment = plan.header.number;
    plan.header.start_sequence = std::max(scan.highest_sequence, scan.position.next_sequence) + 1;
    const std::vector<std::string> batches = encode_batches(found, plan.header);
    std::uint64_t bytes = kFirstBatchOffset;
    for (const std::string& batch : batches) bytes += batch.size();
    plan.bytes = std::max(options_.segment_bytes, bytes);
    return make_segment(disk_, plan, batches);
  }

  std::vector<std::string> encode_batches(const Found& found, const SegmentHeader& header) const {
    const LogContents& log = found.plan.log;
    const LogIndex highest_index = std::max(found.scan.highest_index, log.last());
    std::vector<std::string> batches;
    BatchBuilder builder;
    const auto finish = [&] {
      batches.emplace_back(builder.finish(header.start_sequence + batches.size(), highest_index, header.salt));
      builder.clear();
    };
    const std::size_t max_bytes = LogWriter::max_batch_bytes(options_.segment_bytes);
    LogIndex index = log.base.index;
    if (index) builder.add_restart(log.base);
    for (const raft::Entry& entry : log.entries) {
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
  DiskResult<Segment> prepare(MetaFile& meta_file, const Found& found) {
    const LogScan& scan = found.scan;
    return remove_leftovers(found)
        .and_then([&] { return rewrite_headers(scan); })
        .and_then([&] { return rewrite_last_batch(scan); })
        .and_then([&] { return disk_.sync_folder(); })
        .and_then([&] { return note_synced(meta_file, found); })
        .and_then([&] { return open_current(scan); });
  }

  DiskResult<void> remove_leftovers(const Found& found) {
    const LogScan& scan = found.scan;
    const auto names = disk_.list();
    if (!names) return tl::unexpected(names.error());
    DiskResult<void> done;
    for (const std::string& name : *names) {
      if (done && name.ends_with(kTemporarySuffix)) done = disk_.remove(name);
    }
    for (const std::string& name : scan.cut_off) {
      if (done) done = disk_.remove(name);
    }
    for (const std::string& name : scan.superseded) {
      if (done) done = set_aside(name);
    }
    for (const std::string& name : found.snapshots.damaged) {
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
      warn(path(segment.name) + ": one copy of its header was damaged; rewritten from the other");
      const std::string header = encode_segment_header(*segment.header);
      done = write_and_sync(segment.name, 0, header + header);
    }
    return done;
  }

  DiskResult<void> rewrite_last_batch(const LogScan& scan) {
    if (!scan.last_batch) return {};
    return write_and_sync(scan.last_batch->file, scan.last_batch->offset, scan.last_batch->bytes);
  }

  DiskResult<void> note_synced(MetaFile& meta_file, const Found& found) {
    Meta meta = meta_file.get();
    meta.synced_sequence = found.scan.position.next_sequence - 1;
    meta.highest_index = found.scan.position.highest_index;
    meta.snapshot = newest_index(found.snapshots);
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

  Recovered recovered(MetaFile meta, Found found, Segment current) {
    return {std::move(meta),
            std::move(found.plan.log),
            std::move(found.snapshots.newest),
            std::move(found.snapshots.files),
            found.plan.restart,
            std::move(current),
            found.scan.position,
            std::move(found.scan.segments),
            std::move(notices_)};
  }

  Disk& disk_;
  const RecoveryOptions& options_;
  Random random_;
  std::vector<Notice> notices_;
};

}  // namespace

StorageResult<Recovered> recover(Disk& disk, const RecoveryOptions& options) { return Recovery(disk, options).run(); }

}  // namespace lockstep

// What a disk in bytes was given, and so what a process may find on it: after a crash, and after rot.
//
// After a crash: what was durable; some of the writes that were under way, from the first on, and perhaps a part of the
// next, as raft::Write and Storage::apply allow it; and the snapshot of a compaction that was under way. All of it to
// the letter: entries, the bytes of the newest snapshot, the files of both, term and vote.
//
// Rot comes on top of that, in one place, and what it may cost depends on where (S2, S3, docs/storage-format.md):
// - `meta` and the headers of segments are there twice, and nobody starts from the older snapshot: it costs nothing.
// - The newest snapshot: the one before it and the log since take its place. Where there is none, or the log does not
//   reach back to it, it is as in the log.
// - The log: what is left is a log that the disk once had, or nothing after the snapshot; and unless that is all, the
//   repair mark is the highest index ever written, or as it was if that is higher.
// Refusing to start is right only where nothing is left to begin with: no copy of `meta`, no snapshot and no entry 1.
//
// It keeps everything that the disk was ever given. Not thread-safe. Throws Failure.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/replica/fold.hpp"
#include "tests/simulation/byte_disk.hpp"
#include "tests/support/model_disk.hpp"

namespace lockstep::simulation {

class DiskOracle {
 public:
  // `blank`: as it was formatted.
  explicit DiskOracle(raft::Restored blank) { lives_.push_back({std::move(blank), {}}); }

  // This became durable.
  void wrote(raft::Write write);
  void wrote_snapshot(LogIndex index) { rotten_snapshots_.erase(index); }

  // The process ended while all this was under way.
  struct Crash {
    std::vector<raft::Write> writes;
    std::optional<Compaction> compaction;
    bool power_failed = false;
  };
  void crashed(Crash crash);
  void rotted(ByteDisk::Rot rot);

  // What the values say was durable before the crash, and the highest index ever written.
  struct Promised {
    const testing::ModelDisk& disk;
    LogIndex highest;
  };
  // The next process refuses to start: it must have a reason.
  void check_refusal(const Promised& promised, const std::string& message);
  // It starts from `found`, and these snapshots lie there. Gives what is durable from now on.
  testing::ModelDisk check_found(const Promised& promised, raft::Restored found,
                                 const std::vector<LogIndex>& snapshot_files);

 private:
  struct Outcome {
    const testing::ModelDisk& disk;
    const std::vector<raft::HardState>& hard_states;  // any of them: they come after the entries of several writes
  };
  struct Found {
    const raft::Restored& disk;
    const std::vector<LogIndex>& snapshot_files;
  };
  // One process's, from its start on.
  struct Life {
    raft::Restored start;
    std::vector<raft::Write> writes;
  };
  using OutcomeCheck = std::function<bool(const Outcome&)>;

  bool some_outcome(const Promised& promised, LogIndex last, const OutcomeCheck& is_it) const;
  bool some_outcome_of_writes(testing::ModelDisk expected, LogIndex last, const OutcomeCheck& is_it) const;
  bool allows(const Outcome& outcome, const Found& found, const Promised& promised) const;
  bool is_whole(const Outcome& outcome, const Found& found) const;
  bool is_whole_without_newest_snapshot(const Outcome& outcome, const Found& found) const;
  bool is_repaired(const Outcome& outcome, const Found& found, LogIndex highest) const;
  bool has_mark(const Outcome& outcome, const raft::HardState& now, LogIndex highest) const;
  bool has_files(const testing::ModelDisk& expected, const Found& found, const testing::ModelDisk& before) const;
  bool has_snapshot_after_rot(const testing::ModelDisk& expected, const raft::Restored& found) const;
  bool had_log(const raft::Restored& found) const;
  bool is_rotten(const testing::ModelDisk& disk) const;
  bool is_newest_rotten(const testing::ModelDisk& disk) const;
  bool nothing_is_left(const testing::ModelDisk& disk) const;
  std::string complaint(const raft::Restored& found, const Promised& promised) const;

  std::vector<Life> lives_;
  Crash crash_;
  LogIndex highest_interrupted_;         // of what was ever under way in a crash, whether it was written or not
  std::optional<ByteDisk::Rot> rot_;     // since the last crash
  std::set<LogIndex> rotten_snapshots_;  // whose files have some rot in them, and are there still
};

}  // namespace lockstep::simulation

// One node's disk: what is on it, and what is on its way there.
//
// Writes become durable one by one, in the order they were asked. A crash loses those still on their
// way, except a prefix of them; of the write after that prefix the first parts may survive without the
// rest, which is what raft::Write allows.
//
// What it must hold is kept as values, which the checkers look at. Some disks are kept in bytes as well, by the
// production storage; then those decide, and after every crash they must be what the values allow.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/replica/fold.hpp"
#include "tests/simulation/byte_disk.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/disk_oracle.hpp"
#include "tests/support/model_disk.hpp"

namespace lockstep::simulation {

class SimDisk {
 public:
  explicit SimDisk(NodeId node) : disk_(node) {}
  // Also kept in bytes.
  SimDisk(NodeId node, std::uint64_t seed, bool cluster_of_one);

  const raft::Restored& durable() const { return disk_.durable(); }
  LogIndex last_index() const { return disk_.last_index(); }
  bool has(LogIndex index, Term term) const { return disk_.has(index, term); }
  bool has_entry_1() const { return durable().snapshot || !durable().entries.empty(); }

  std::size_t outstanding() const { return outstanding_.size(); }
  void submit(raft::Write write) { outstanding_.push_back(std::move(write)); }

  enum class Outcome { kDone, kNoRoom, kFailed };
  struct Completed {
    Outcome outcome = Outcome::kDone;  // kNoRoom: it is still outstanding. kFailed: the process must end
    WriteId write{};
  };
  // The oldest outstanding write is durable now.
  Completed complete_oldest();

  struct Compacted {
    Outcome outcome = Outcome::kDone;
    std::optional<raft::SnapshotHead> snapshot = {};  // none: a newer one was installed meanwhile
  };
  void begin_compaction(const Compaction& wanted) { compaction_ = wanted; }
  void give_up_compaction() { compaction_.reset(); }
  // Folds what is on it, and makes the snapshot durable.
  Compacted finish_compaction();
  std::string read(const raft::SnapshotRead& read);

  // Of a disk in bytes; others never fail and are never full. False: nothing happens.
  bool fail_soon(Random& random);
  bool fill();
  void make_room();
  void heal();

  void crash(Random& random, Coverage& coverage);
  // Another disk takes its place: a new node.
  void wipe(NodeId node, Random& random);
  // S2: acknowledged data is damaged. Of the entries only some are left, at least up to `kept`, and recovery has
  // noted up to which index there may have been more. What a snapshot stands for is not lost, unless the snapshot is
  // damaged as well, and then the older one serves. A disk in bytes rots anywhere; if something must be kept, it is
  // left whole. Says what, for a trace.
  std::string damage(Random& random, LogIndex kept, Coverage& coverage);
  // After a crash: what the next process finds. An error: it refuses to start, which it may after damage only.
  tl::expected<void, std::string> recover(Random& random, Coverage& coverage);

 private:
  void note_highest() { highest_ever_ = std::max(highest_ever_, disk_.last_index()); }
  void crash_bytes(Random& random, Coverage& coverage);
  void crash_values(Random& random, Coverage& coverage);
  void check_failure(const std::optional<std::string>& error) const;

  testing::ModelDisk disk_;
  LogIndex highest_ever_;  // index that was ever written here, replaced or not
  std::deque<raft::Write> outstanding_;
  std::optional<Compaction> compaction_;  // under way

  std::unique_ptr<ByteDisk> bytes_;   // none: values are enough
  std::optional<DiskOracle> oracle_;  // of the bytes
};

}  // namespace lockstep::simulation

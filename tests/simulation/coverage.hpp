// What a run has met. A simulation that finds nothing proves something only if it went through the
// situations in which something could have been found, so a long run fails if one of these never came up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lockstep::simulation {

enum class Met : std::size_t {
  kClusterFormed,
  kElection,
  kCommit,
  kTruncation,
  kFetch,
  kNotLeader,
  kStepDown,
  kDropped,
  kPubDropped,
  kReordered,
  kDuplicated,
  kDelayedLong,
  kPubOutage,
  kPartition,
  kOneWayPartition,
  kMutedLeader,
  kDirectOutage,
  kBeyondHighWaterMark,
  kWallJump,
  kClientPause,
  kClockDrift,
  kUnsafeClocks,
  kCrash,
  kCrashAmongEffects,
  kCrashOfAll,
  kWriteLost,
  kWriteTorn,
  kPowerFailedInWrite,
  kPowerFailedInRecovery,
  kSlowWrite,
  kDiskStall,
  kDiskFailed,
  kDiskFull,
  kPause,
  kBlankWiped,
  kFormedWiped,
  kWipedRefused,
  kDamage,
  kRot,
  kRotRefused,
  kRepair,
  kCompaction,
  kCompactionWithoutRoom,
  kSnapshotDamaged,
  kSnapshotPart,
  kSnapshotInstalled,
  kClientCrash,
  kZombieClient,
  kTakeover,
  kHoldsTakenOver,
  kSupersededAnswer,
  kEviction,
  kRetryAnswered,
  kGranted,
  kHeld,
  kReleased,
  kNotHolder,
  kQueued,
  kWaiterGranted,
  kCancelled,
  kDeadlock,
  kClosed,
  kForced,
  kExpired,
  kWaitsExpired,
  kRenewed,
  kLeaseLost,
  kWatched,
  kStateRefusal,
  kIndefiniteAnswer,
  kLocalRead,
  kLinearizableRead,
  kAgeChecked,
  kPageFull,
  kPageOfBytes,
  kViewCut,
  kCountStopped,
  kHistoryWrapped,
  kWatchReset,
  kWatchPage,
  kSessionForgotten,
  kNumbersUsedUp,
  kForwardSplit,
  kRenewalsSplit,
  kBusy,
  kRenewalForgotten,
  kCopyForgotten,
  kTurnOfSeveral,
  kHashCompared,
  kCount,
};

class Coverage {
 public:
  static constexpr std::size_t kKinds = static_cast<std::size_t>(Met::kCount);

  void note(Met what, std::uint64_t times = 1) { counts_[static_cast<std::size_t>(what)] += times; }
  std::uint64_t count(Met what) const { return counts_[static_cast<std::size_t>(what)]; }
  void add(const Coverage& other) {
    for (std::size_t i = 0; i < kKinds; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<std::uint64_t, kKinds> counts_{};
};

std::string_view to_string(Met what);

}  // namespace lockstep::simulation

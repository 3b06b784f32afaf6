#include "tests/simulation/coverage.hpp"

namespace lockstep::simulation {

std::string_view to_string(Met what) {
  switch (what) {
    case Met::kClusterFormed: return "clusters formed";
    case Met::kElection: return "leaders elected";
    case Met::kCommit: return "entries committed";
    case Met::kTruncation: return "logs truncated";
    case Met::kFetch: return "fetches sent";
    case Met::kNotLeader: return "NotLeader sent";
    case Met::kStepDown: return "leaders stepped down";
    case Met::kDropped: return "messages dropped";
    case Met::kPubDropped: return "published messages dropped";
    case Met::kReordered: return "messages that overtook others";
    case Met::kDuplicated: return "messages duplicated";
    case Met::kDelayedLong: return "messages delayed for long";
    case Met::kPubOutage: return "messages lost in an outage of PUB alone";
    case Met::kPartition: return "messages lost in partitions";
    case Met::kOneWayPartition: return "messages lost in one-way partitions";
    case Met::kMutedLeader: return "messages of new leaders that nobody heard";
    case Met::kDirectOutage: return "messages lost in an outage of the direct path alone";
    case Met::kBeyondHighWaterMark: return "messages beyond a high-water mark";
    case Met::kWallJump: return "wall clocks set";
    case Met::kClientPause: return "client pauses";
    case Met::kClockDrift: return "clusters whose clocks run at rates of their own";
    case Met::kUnsafeClocks: return "clusters with leases that their clocks do not allow";
    case Met::kCrash: return "node crashes";
    case Met::kCrashAmongEffects: return "crashes among the effects of one turn";
    case Met::kCrashOfAll: return "crashes of all nodes";
    case Met::kWriteLost: return "writes lost in a crash";
    case Met::kWriteTorn: return "writes torn in a crash";
    case Met::kPowerFailedInWrite: return "power failures in the middle of the storage's writes";
    case Met::kPowerFailedInRecovery: return "power failures in a recovery";
    case Met::kSlowWrite: return "writes that took long";
    case Met::kDiskStall: return "disk stalls";
    case Met::kDiskFailed: return "disks that failed";
    case Met::kDiskFull: return "writes for which a full disk had no room";
    case Met::kPause: return "node pauses";
    case Met::kBlankWiped: return "blank disks wiped";
    case Met::kFormedWiped: return "formed disks wiped";
    case Met::kWipedRefused: return "wiped nodes refused";
    case Met::kDamage: return "disks damaged";
    case Met::kCompaction: return "logs compacted";
    case Met::kCompactionWithoutRoom: return "compactions without room";
    case Met::kSnapshotDamaged: return "newest snapshots damaged";
    case Met::kSnapshotPart: return "parts of snapshots sent";
    case Met::kSnapshotInstalled: return "snapshots installed";
    case Met::kRot: return "bits or sectors damaged";
    case Met::kRotRefused: return "damaged folders refused";
    case Met::kRepair: return "damaged logs repaired";
    case Met::kClientCrash: return "client crashes";
    case Met::kZombieClient: return "zombie clients";
    case Met::kTakeover: return "sessions taken over";
    case Met::kHoldsTakenOver: return "clients told what they took over";
    case Met::kSupersededAnswer: return "superseded sessions refused";
    case Met::kEviction: return "sessions evicted";
    case Met::kRetryAnswered: return "retries answered from the table";
    case Met::kGranted: return "locks granted";
    case Met::kHeld: return "preempts answered held";
    case Met::kReleased: return "locks released";
    case Met::kNotHolder: return "releases answered not_holder";
    case Met::kQueued: return "requests queued";
    case Met::kWaiterGranted: return "waiters granted";
    case Met::kCancelled: return "waits cancelled";
    case Met::kDeadlock: return "deadlocks refused";
    case Met::kClosed: return "sessions closed";
    case Met::kForced: return "holds ended by an operator";
    case Met::kExpired: return "sessions expired";
    case Met::kWaitsExpired: return "waits expired";
    case Met::kRenewed: return "leases renewed";
    case Met::kLeaseLost: return "leases lost, as their clients knew";
    case Met::kWatched: return "mirrors of all locks compared";
    case Met::kStateRefusal: return "commands refused by the state";
    case Met::kIndefiniteAnswer: return "calls answered unavailable";
    case Met::kLocalRead: return "local reads checked";
    case Met::kLinearizableRead: return "linearizable reads checked";
    case Met::kAgeChecked: return "ages checked";
    case Met::kPageFull: return "pages that were full";
    case Met::kPageOfBytes: return "pages that had bytes enough";
    case Met::kViewCut: return "views of locks that were cut short";
    case Met::kCountStopped: return "counts that stopped on their way";
    case Met::kHistoryWrapped: return "histories of which the beginning was forgotten";
    case Met::kWatchReset: return "watches that began anew";
    case Met::kWatchPage: return "pages of watches that others followed";
    case Met::kSessionForgotten: return "ends of sessions that were forgotten";
    case Met::kNumbersUsedUp: return "sessions with as many open numbers as may be";
    case Met::kForwardSplit: return "turns that forwarded in more than one message";
    case Met::kRenewalsSplit: return "barriers with as many renewals as may be";
    case Met::kBusy: return "requests answered busy";
    case Met::kRenewalForgotten: return "renewals of clients that were forgotten";
    case Met::kCopyForgotten: return "copies of clients that were forgotten";
    case Met::kTurnOfSeveral: return "turns of several events";
    case Met::kHashCompared: return "hashes of states compared";
    case Met::kCount: break;
  }
  return "?";
}

}  // namespace lockstep::simulation

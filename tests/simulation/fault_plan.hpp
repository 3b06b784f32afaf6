// Which faults a seed has, and how often. Each seed draws a subset of its own ("swarm testing", Groce and
// others, ISSTA 2012): faults that are always all on hide what only a few of them together can show.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/base/random.hpp"
#include "protocol/client_core/client_interface.hpp"
#include "protocol/locks/bounds.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/raft/raft.hpp"
#include "protocol/replica/desk_bounds.hpp"
#include "tests/simulation/sim_clock.hpp"

namespace lockstep::simulation {

// How long something takes: mostly between `low` and `high`, one time in `slow_one_in` up to `slow_high`.
struct Delay {
  Duration low{};
  Duration high{};
  std::uint64_t slow_one_in = 0;
  Duration slow_high{};

  Duration draw(Random& random) const {
    return random.one_in(slow_one_in) ? random.between(high, slow_high) : random.between(low, high);
  }
};

// Something that happens again and again, on average every `every` (never if 0), and lasts up to `up_to`.
struct Recurring {
  Duration every{};
  Duration up_to{};
};

struct FaultPlan {
  static constexpr std::int64_t kToleratedDriftPpm = 9'000;  // where leases are to hold
  std::size_t nodes = 3;
  std::size_t clients = 3;
  raft::Timing timing;
  raft::Bounds bounds;
  locks::StateLimits limits;
  locks::Bounds state_bounds;
  DeskBounds desk;
  ClientBounds client_bounds;
  std::uint64_t hash_interval = 0;
  std::size_t kept_hashes = 0;
  std::uint32_t page_limit = 0;  // clients ask for pages of 1 to so many items
  Duration request_lifetime{};
  bool through_codec = false;  // every message is encoded and decoded on its way
  bool batches = false;        // several events before the output is taken, as in a busy loop's turn

  Delay network;
  std::uint64_t drop_one_in = 0;
  std::uint64_t duplicate_one_in = 0;
  std::uint64_t pub_drop_one_in = 0;
  bool in_order = false;                // each path delivers in the order of sending
  bool messages_outlive_crash = false;  // what was on its way to a process reaches its successor
  Recurring partition;
  bool one_way_partitions = false;
  Recurring pub_outage;
  Recurring direct_outage;          // one path of some links is gone, while the other works
  std::size_t high_water_mark = 0;  // messages on their way on one path: beyond them it drops silently; 0: none

  Delay disk;
  Delay completion;  // from durable to known durable
  Recurring disk_stall;
  bool in_bytes = false;                // the disks are the production storage's: the next three, and what rots
  std::uint64_t disk_fails_one_in = 0;  // of the writes: an operation of the disk soon after it fails
  Recurring disk_full;
  std::uint64_t compact_log_bytes = 0;        // how much log before it is compacted
  Delay compaction;                           // from being asked for to being durable
  std::uint64_t compaction_fails_one_in = 0;  // there is no room
  std::uint64_t snapshot_rots_one_in = 0;     // of the parts read: a byte of it differs, or nothing is there

  Recurring crash;
  std::uint64_t crash_on_write_one_in = 0;   // of the writes: right after one was asked of the disk
  std::uint64_t crash_on_effect_one_in = 0;  // of the turns: some of its effects are carried out, the others never
  std::uint64_t crash_all_one_in = 0;
  // Of the elections: nobody hears the new leader for a while. Its entries are then on its own disk alone,
  // which is what Figure 8 of the Raft paper is made of.
  std::uint64_t mute_new_leader_one_in = 0;
  bool aims_at_leader = false;  // half of the faults of one node happen to the leader
  Recurring pause;
  std::int64_t max_drift_ppm = 0;        // of every clock, faster or slower than the world's
  std::uint64_t unread_tick_one_in = 0;  // of the ticks: there was more to read (L5)
  Recurring wall_jump;                   // somebody sets a node's wall clock
  std::uint64_t wipe_one_in = 0;         // of the crashes, while the number of lost disks allows it
  std::uint64_t damage_one_in = 0;       // the same

  // Clients store their session, and go on with it after a crash; with a lease they take it over.
  bool keeps_sessions = false;
  Recurring client_crash;
  Recurring client_pause;
  std::uint64_t zombie_one_in = 0;  // of the client crashes: the earlier process lives on
  std::uint64_t names = 3;          // that the clients fight over
  Duration ttl{};                   // of the clients' sessions; 0: they never expire
  bool waits = false;               // clients acquire: they wait in line, share, take several at once
  bool watches = false;             // and each watches every change
  Duration think_max{};

  // L3: "no two clocks differ by more than the 2 % that a client keeps back". If they do, a lease promises nothing, and
  // everything else must hold.
  bool leases_hold() const { return ttl == Duration::zero() || max_drift_ppm <= kToleratedDriftPpm; }
  // A tiny bound delays renewals until they are lost, and that is no error.
  bool renewals_keep_up() const { return desk.barrier_renewals >= 100; }
  bool takes_over() const { return keeps_sessions && ttl != Duration::zero(); }
  std::size_t tolerated_losses() const { return (nodes - 1) / 2; }

  SimClock draw_clock(Random& random) const;
  static FaultPlan draw(Random& random, std::optional<std::size_t> nodes);
};

}  // namespace lockstep::simulation

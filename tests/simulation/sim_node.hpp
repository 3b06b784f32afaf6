// One simulated node: its disk, which stays, and its process, which comes and goes.
#pragma once

#include <optional>
#include <string>

#include "protocol/replica/replica.hpp"
#include "tests/simulation/request_ledger.hpp"
#include "tests/simulation/sim_clock.hpp"
#include "tests/simulation/sim_disk.hpp"
#include "tests/simulation/sim_network.hpp"

namespace lockstep::simulation {

inline std::string name_of_node(Place place) { return std::string(1, static_cast<char>('a' + place)); }

struct SimNode {
  Place place = 0;
  SimDisk disk;
  std::optional<Replica> replica;            // none while the node is down
  std::optional<RequestLedger> ledger = {};  // of the same process
  SimClock clock;                            // no two nodes' clocks agree
  std::uint64_t incarnation = 0;             // counts its processes
  bool wiped = false;                        // its first disk is gone
  bool refused = false;                      // as a wiped disk must be: the operator leaves it down

  Time paused_until{};     // the process stands still
  Time stalled_until{};    // the disk does
  Time stepped_at{};       // its last event
  Time turn_began{};       // the first event whose output was not taken before: an answer is no older than that
  Time tick_at{};          // when it was last planned to wake
  Time last_write_done{};  // of all that were asked
  Time last_completion{};  // of all that are planned
  bool flush_planned = false;
  std::size_t events_in_turn = 0;
  bool led = false;       // after its last event
  int ticks_at_once = 0;  // in a row, without time passing

  bool leads() const { return replica && replica->raft() != nullptr && replica->raft()->is_leader(); }

  bool is_up() const { return replica.has_value(); }
  bool has_lost_data() const { return wiped || disk.durable().hard_state.repair_until; }
};

}  // namespace lockstep::simulation

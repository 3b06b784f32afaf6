// Where a node stands after an event, so that the next event can be checked against it: what never falls, what never
// changes within a term, what a leader never takes back.
//
// A memory for assertions: it decides nothing. It remembers one event back only, and nothing that the node itself has
// forgotten since. So two nodes with the same future are checked alike, whatever their pasts.
// A value of a few numbers.
#pragma once

#include "protocol/base/types.hpp"
#include "protocol/raft/leader.hpp"
#include "protocol/raft/node_state.hpp"

namespace lockstep::raft {

struct Standing {
  Term term;
  NodeId vote;  // in that term; none: nobody yet
  LogIndex commit;
  LogIndex applicable;
  LogIndex verified;  // in that term
  LogIndex base;
  LogIndex last_led;  // of a leader: its log's last index; none: it does not lead
  Round latest_round;
  Round confirmed_round;
};

// `leading` is null if the node does not lead.
Standing standing_of(const NodeState& node, const Leader* leading);

// Aborts if a node that stood at `before` cannot stand at `now`.
void check_change(const Standing& before, const Standing& now);

}  // namespace lockstep::raft

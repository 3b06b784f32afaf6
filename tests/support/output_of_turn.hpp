// Ends a node's turn and takes what it decided, with everything looked at that must hold between turns.
#pragma once

#include "protocol/replica/replica.hpp"

namespace lockstep::testing {

inline Output output_of_turn(Replica& replica) {
  replica.check_invariants();
  replica.end_turn();
  replica.check_invariants();
  return replica.take_output();
}

}  // namespace lockstep::testing

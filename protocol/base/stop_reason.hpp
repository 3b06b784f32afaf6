// Why a node cannot go on, for a person, and whether the same node may go on later.
#pragma once

#include <string>

namespace lockstep {

struct StopReason {
  std::string detail;
  // True: the cause may lie elsewhere, and be gone when the node is started again as it is. False: it is this node's
  // own configuration or disk, which a person has to change.
  bool may_pass = false;
};

}  // namespace lockstep

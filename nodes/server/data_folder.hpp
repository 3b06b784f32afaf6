// Whether what was found in a data folder is this node's, and can be read by this version.
#pragma once

#include "nodes/server/start_error.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

// A data folder belongs to one member of one cluster for good (R17); the file must not say otherwise. The order of the
// members and their endpoints may be others than when the cluster formed.
Started<void> check_that_it_is_ours(const raft::Restored& restored, const NodeConfig& config);

// Its bytes are whole, or storage would not have given it back: but another version may have written them.
Started<void> check_that_it_can_be_read(const raft::Restored& restored, const NodeConfig& config);

}  // namespace lockstep

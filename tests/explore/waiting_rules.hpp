// What must hold between one client and the node, in every state of the model `waiting`.
#pragma once

#include "tests/explore/waiting_client.hpp"
#include "tests/explore/waiting_node.hpp"

namespace lockstep::explore {

// Violation if it does not.
void check_together(const WaitingNode& node, const WaitingClient& client);
// A call has just ended.
void check_ended(const WaitingNode& node, const WaitingClient& client, const Ended& ended);

}  // namespace lockstep::explore

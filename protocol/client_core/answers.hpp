// What came in from an endpoint, brought to the request or the keep-alive that it answers.
#pragma once

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// Late and repeated answers find no copy that anybody waits for, and are dropped.
void receive(ClientParts& client, Time now, const ServerMessage& message);

}  // namespace lockstep::client_core

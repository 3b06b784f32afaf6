// The messages that keep the session's lease, or the waits of a session without one (L3). ClientLease says when.
#pragma once

#include <string>

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// Sends a keep-alive if one is due. It goes to another endpoint if the one before was not answered.
void keep_alive(ClientParts& client, Time now);
// The next goes to another endpoint, as a message of its own.
void keep_alive_failed(ClientParts& client, Time now, std::string detail, Duration pause);
void on_keep_alive_answer(ClientParts& client, Time now, const wire::Response& response);

}  // namespace lockstep::client_core

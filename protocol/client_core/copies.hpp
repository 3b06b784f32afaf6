// Copies of requests: which may leave, to whom they go, and what follows when one comes to nothing.
#pragma once

#include <string>

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// Which requests may be sent now. Nothing is sent for a session while no call needs one.
struct Gate {
  bool wanted = false;      // somebody waits for an operation
  bool abandoned = false;   // new operations come after what was left behind
  bool retiring = false;    // a new session comes after the old one
  bool takes_over = false;  // operations come after it is known what the session holds
};
Gate gate_of(const ClientParts& client);
Lanes open_lanes(const ClientParts& client);
// The same for one request, by its rule alone. The indexes must agree with it; check_invariants() compares.
bool may_be_sent(const ClientParts& client, const OutstandingRequest& request);

// All that is due and may be sent, in order of the requests. Opens a session if one is wanted.
void send_due(ClientParts& client, Time now);
// Copies that were not answered in time: the next go to another endpoint.
void expire_copies(ClientParts& client, Time now);
// The copy in flight came to nothing: the next goes to another endpoint, after a pause.
void move_on(ClientParts& client, Time now, RequestId id, std::string detail, Duration pause);
// Somebody was not answered there. Long polls cannot tell silence from patience, so they go where the others go.
void leave_endpoint(ClientParts& client, Time now, std::size_t endpoint);
// Nothing that is in flight there will be answered.
void lose_endpoint(ClientParts& client, Time now, std::size_t endpoint, const std::string& detail);

}  // namespace lockstep::client_core

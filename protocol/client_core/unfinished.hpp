// What an earlier process, or an earlier call, left unfinished: requests that may have run and have no answer yet.
#pragma once

#include <optional>

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// A session was kept. With TTL 0 the client goes on with it, and with what is unfinished in it. Nobody knows how long
// the lease of a kept session still runs, nor whether the earlier process does. So with a lease the next Open names
// that session, and takes it over if it lives; what was unfinished in it has run by then, or never will.
void go_on_with_kept_session(ClientParts& client);

// An unfinished request that a new call may take for its own, since it asks for the same and is the last word of this
// session so far: then an answer that says yes is as true now as when it ran. None: there is no such request.
std::optional<RequestId> find_claimable(const ClientParts& client, const locks::Operation& operation);
// It is the first step of an acquisition, which a new call takes for its own.
AcquisitionId claim_acquisition(ClientParts& client, RequestId id);

}  // namespace lockstep::client_core

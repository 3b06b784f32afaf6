// How a session ends, and what follows from it: for its lease, its locks, its requests and their calls (L1, L3).
//
// There are four ways: the cluster says so, this client closed it, its lease ran out here, or no session could be
// opened at all. Each is one of the functions below. After a lease that ran out here the old session is closed, as far
// as the cluster can be reached, before a new one is opened: RetireSession.
#pragma once

#include <optional>

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// How the session ended, if that is what the code says.
std::optional<LossReason> loss_after(ErrorCode code);
// What a node refused, as it is said to a call that has no other copy under way.
ClientError definite(const wire::ErrorAnswer& error);

// Before anything else happens: a process that was stopped, or a machine that slept, finds its locks lost here,
// whatever has come in meanwhile.
void look_at_clock(ClientParts& client, Time now);
// The session has ended, or is given up. `refused`: the request whose copy was refused with that.
void end_session(ClientParts& client, LossReason reason, const ClientError& error, RequestId refused = {});
// This client's own Close was answered, or was refused since the session had ended before.
void closed(ClientParts& client, RequestId close, LogIndex applied);
// A Close leaves: from that moment its locks may be another's.
void give_up_holds(ClientParts& client);
// Nobody's operation can run before a session is open, so all that wait for it are told. The next
// operation asks again, with the same nonce.
void open_failed(ClientParts& client, const ClientError& error);
// The session is lost, and `number` is the lowest that was never used in it. It is closed: its locks are given up for
// good, since nobody here would know of them. The new session comes after that, so that it takes nothing over.
void retire(ClientParts& client, Time now, SessionId session, RequestNumber number);
void retired(ClientParts& client, RequestId id);

}  // namespace lockstep::client_core

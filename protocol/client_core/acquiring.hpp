// How an acquisition goes on: asked for, perhaps in line, perhaps out of the line, and undone if its call gave up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// The first step: it is asked for.
void ask(ClientParts& client, Time now, AcquisitionId id);
// No copy of its first step has left, so nothing of it has to be undone.
bool was_never_asked(const ClientParts& client, const Acquisition& acquisition);
// Its call ends. Nothing of the acquisition is left.
void end_acquisition(ClientParts& client, AcquisitionId id, ClientOutcome outcome, LogIndex applied);

// What the answer to a step, or its refusal, means. The first returns what is wrong with the answer; empty: nothing.
std::string_view on_step_answer(ClientParts& client, Time now, RequestId step, const wire::Response& response);
void on_step_refused(ClientParts& client, Time now, RequestId step, const ClientError& error);

// Waits that lasted for as long as they were to: what stands in line is cancelled.
void end_waits(ClientParts& client, Time now);
// Calls that were without an answer from a quorum for too long end, and their acquisitions are undone.
void expire_acquisitions(ClientParts& client, Time now);

// A release that the application asked for while an acquisition stood in line found the name granted before the wait
// did.
void was_given_back(ClientParts& client, const std::string& name);
// A lock that nobody here counts as held is given back, in case that the cluster does.
void release_unknown(ClientParts& client, Time now, const std::string& name);

}  // namespace lockstep::client_core

// One line for each thing that happens, so that a failure can be read like a story.
#pragma once

#include <string>

#include "protocol/client_core/client_core.hpp"
#include "protocol/raft/messages.hpp"
#include "tests/simulation/client_checker.hpp"

namespace lockstep::simulation {

std::string describe(const raft::Message& message);
std::string describe(const raft::Write& write);
std::string describe(const wire::Request& request);
std::string describe(const wire::Response& response);
std::string describe(const Call& call);
std::string describe(const ClientOutcome& outcome);

}  // namespace lockstep::simulation

// Ports for nodes of tests.
#pragma once

#include <string>

namespace lockstep::testing {

// tcp://127.0.0.1:PORT, with a port that is free and that no other test will be given while this one runs.
std::string free_endpoint();

}  // namespace lockstep::testing

// One broadcast in one line for a person:
// "proposal  term 3  node 17  after 41/3  commit 41  round 9  #42 preempt jobs/42 (session 5, number 9)".
#pragma once

#include <string>

#include "protocol/raft/messages.hpp"

namespace lockstep {

std::string to_tap_line(const raft::Message& message);

}  // namespace lockstep

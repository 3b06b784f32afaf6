// `lockstep zmq req` and `lockstep zmq tap`: the wire itself, for people who want to see or try it.
#pragma once

#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

void add_zmq_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep

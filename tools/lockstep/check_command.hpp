// `lockstep check NAME`: who has a lock.
#pragma once

#include "tools/lockstep/command_line.hpp"

namespace lockstep {

void add_check_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep

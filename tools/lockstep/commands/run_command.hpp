// `lockstep run NAME... -- CMD ARGS`: holds locks while a command runs, and never lets the command run without them.
#pragma once

#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

void add_run_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep

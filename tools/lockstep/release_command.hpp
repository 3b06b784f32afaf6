// `lockstep release NAME`: gives a lock back.
#pragma once

#include "tools/lockstep/command_line.hpp"

namespace lockstep {

void add_release_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep

// `lockstep preempt NAME`: takes a lock if nobody has it.
#pragma once

#include "tools/lockstep/command_line.hpp"

namespace lockstep {

void add_preempt_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep

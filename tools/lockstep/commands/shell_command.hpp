// `lockstep shell`: the subcommands at a prompt, as one client for as long as the shell lives.
#pragma once

#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

void add_shell_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep

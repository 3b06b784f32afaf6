// `lockstep manual` and `lockstep completion SHELL`: what is made of the command line's own definition, for packages.
// Hidden from --help, since people have them installed.
#pragma once

#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

void add_document_commands(CLI::App& app, CommandLine& line);

}  // namespace lockstep

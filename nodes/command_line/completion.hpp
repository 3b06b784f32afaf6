// Scripts that complete a program's command line, one for each shell.
//
// A completion knows the program's commands, options and their choices; it never asks a node.
#pragma once

#include <string>

#include "nodes/command_line/description.hpp"

namespace lockstep {

std::string bash_completion(const CommandDescription& program);
std::string zsh_completion(const CommandDescription& program);
std::string fish_completion(const CommandDescription& program);

// `shell`: bash, zsh or fish.
std::string completion_for(const std::string& shell, const CommandDescription& program);

}  // namespace lockstep

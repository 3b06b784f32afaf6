// How a command is written, where its definition does not have all of it: the words behind a --, say, which are another
// program's.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace lockstep {

// One line each in --help and in the manual page, after the command's own words: "[OPTIONS] NAME... -- COMMAND
// [ARG...]".
void set_usage(CLI::App& command, std::vector<std::string> forms);
// Empty: what CLI11 makes of the definition.
std::vector<std::string> usage_of(const CLI::App& command);

}  // namespace lockstep

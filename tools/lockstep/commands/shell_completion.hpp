// What Tab does at the prompt of the shell: it knows the commands and their options, and asks no node. Values without
// I/O.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

// The words that can stand where the line, up to the cursor, has got to, in the order of the help. Names of locks are
// not known.
std::vector<std::string> shell_completions(const std::string& line);

// What is put in at the cursor: the rest of the only candidate and a blank, or as much as all candidates have in
// common.
std::string rest_of(const std::string& line, const std::vector<std::string>& candidates);

}  // namespace lockstep

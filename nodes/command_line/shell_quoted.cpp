// Between single quotes every character is itself, but a single quote, which stands outside of them.
#include "nodes/command_line/shell_quoted.hpp"

namespace lockstep {

std::string shell_quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace lockstep

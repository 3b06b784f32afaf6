#include "tests/explore/violation.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep {

// In place of the library's, which aborts: the linker takes this one. An INVARIANT that breaks is then a violation
// with a trace, and what the core left half done is thrown away with the copy that it happened in.
void invariant_broken(const char* file, int line, const char* expression, std::string_view why) {
  throw explore::Violation("INVARIANT broken: " + std::string(expression) + " at " + file + ":" + std::to_string(line) +
                           ": " + std::string(why));
}

}  // namespace lockstep

// Writes the last sentence of a process that aborts.
#include "protocol/base/invariant.hpp"

#include <cstdio>
#include <cstdlib>

namespace lockstep {

void invariant_broken(const char* file, int line, const char* expression, std::string_view why) {
  std::fprintf(stderr, "INVARIANT broken: %s at %s:%d: %.*s\n", expression, file, line, static_cast<int>(why.size()),
               why.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace lockstep

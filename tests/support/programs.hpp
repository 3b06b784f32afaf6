// The programs that the tests of whole clusters start: those of this build, or others that the environment names, so
// that the same tests can be asked whether they see a fault in them (tools/mutants). LOCKSTEPD and LOCKSTEP are paths
// that the build defines.
#pragma once

#include <cstdlib>
#include <string>

namespace lockstep::testing {

inline std::string program_or(const char* variable, const char* of_build) {
  const char* other = std::getenv(variable);
  return other != nullptr ? other : of_build;
}

#ifdef LOCKSTEPD
inline std::string lockstepd_program() { return program_or("LOCKSTEP_TEST_LOCKSTEPD", LOCKSTEPD); }
#endif
#ifdef LOCKSTEP
inline std::string lockstep_program() { return program_or("LOCKSTEP_TEST_LOCKSTEP", LOCKSTEP); }
#endif

}  // namespace lockstep::testing

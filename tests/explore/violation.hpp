// How the search learns that something went wrong in a step: it is thrown, and caught by the search alone.
#pragma once

#include <stdexcept>
#include <string>

namespace lockstep::explore {

// A property does not hold, or an INVARIANT of the core broke (see violation.cpp).
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const char* what) {
  if (!holds) throw Violation(what);
}

}  // namespace lockstep::explore

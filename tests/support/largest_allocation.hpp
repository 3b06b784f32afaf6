// The largest single piece of memory that the program has asked `operator new` for. Linking the .cpp
// replaces the program's operator new, so nothing can allocate unseen. For tests of one thread.
#pragma once

#include <cstddef>

namespace lockstep::testing {

std::size_t largest_allocation();
void forget_largest_allocation();

}  // namespace lockstep::testing

// INVARIANT: the one way in which a broken invariant ends the process.
//
// A failed INVARIANT is a programmer's error or a state that the protocol excludes (two leaders in one
// term, a committed entry in conflict). Going on could hand one lock to two owners, so the process
// aborts, in release builds too, with the expression, the place and a sentence of explanation.
// What a peer, a client or a file may send is never checked this way: it is answered with a value.
#pragma once

#include <string_view>

namespace lockstep {

// Prints "INVARIANT broken: ..." to stderr and aborts. Safe from any thread.
[[noreturn]] void invariant_broken(const char* file, int line, const char* expression, std::string_view why);

}  // namespace lockstep

#define INVARIANT(expression, why)                                                           \
  do {                                                                                       \
    if (!(expression)) ::lockstep::invariant_broken(__FILE__, __LINE__, #expression, (why)); \
  } while (false)

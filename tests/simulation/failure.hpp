// How a simulated world ends early: with what was violated. Thrown by the checkers, caught by main and
// nowhere else; the production core itself never throws and aborts on its own invariants instead.
#pragma once

#include <stdexcept>
#include <string>

namespace lockstep::simulation {

enum class FailureKind {
  kLiveness,  // it should have happened in time
  kSafety,    // it must never happen
};

class Failure : public std::runtime_error {
 public:
  Failure(FailureKind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  FailureKind kind() const { return kind_; }

 private:
  FailureKind kind_;
};

}  // namespace lockstep::simulation

// What must hold after every step. A macro, so that the text is put together only when it is needed: most of what a
// simulated step costs would be these texts.
#define REQUIRE_LIVE(holds, what)                                                                              \
  do {                                                                                                         \
    if (!(holds)) throw ::lockstep::simulation::Failure(::lockstep::simulation::FailureKind::kLiveness, what); \
  } while (false)

#define REQUIRE_SAFE(holds, what)                                                                            \
  do {                                                                                                       \
    if (!(holds)) throw ::lockstep::simulation::Failure(::lockstep::simulation::FailureKind::kSafety, what); \
  } while (false)

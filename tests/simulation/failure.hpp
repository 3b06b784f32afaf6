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

inline void require_safe(bool holds, const std::string& what) {
  if (!holds) throw Failure(FailureKind::kSafety, what);
}

}  // namespace lockstep::simulation

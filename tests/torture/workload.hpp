// What one client asks next. A few names that all contend for, some of them shared and some semaphores, and some of
// its own; often several at a time, in any order, so that lines form and deadlocks are met. A value without I/O.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/base/random.hpp"
#include "tests/torture/history.hpp"

namespace lockstep::torture {

class Workload {
 public:
  // `is_forgetful`: its session never expires, so it keeps to names of its own, which it may leave behind for ever.
  Workload(std::uint64_t seed, int client, bool is_forgetful);

  // The next call, without times, number and node.
  Call next();
  void answered(const Call& call);
  void lost_all() { held_.clear(); }
  // How long to do something else first.
  Duration pause();

 private:
  Call with_nothing();
  Call with_something();
  Call read();
  Call acquire();
  std::string some_name();
  std::string some_held();

  Random random_;
  std::string own_;
  bool is_forgetful_;
  std::map<std::string, std::uint64_t> held_;  // tokens, as far as it knows
  std::map<std::string, std::uint64_t> last_tokens_;
};

}  // namespace lockstep::torture

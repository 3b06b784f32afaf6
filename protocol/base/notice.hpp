// What an operator may want to read in a node's log: a change of state, never a request.
#pragma once

#include <string>

namespace lockstep {

struct Notice {
  enum class Level { kInfo, kWarning };
  Level level = Level::kInfo;
  std::string text;
  friend bool operator==(const Notice&, const Notice&) = default;
};

}  // namespace lockstep

// What is wrong with an answer that is not believed: the next node is asked.
#pragma once

#include <string_view>

namespace lockstep {

inline constexpr std::string_view kWrongKind = "a node answered with another kind of message than was asked for";
inline constexpr std::string_view kTooOld = "a node answered with older state than was asked for";

}  // namespace lockstep

// Where a person finds the documents that errors name: in the source tree, or on a machine that has the packages only.
#pragma once

#include <string_view>

namespace lockstep {

inline constexpr std::string_view kOperationsDocument =
    "docs/operations.md, or /usr/share/doc/lockstep-server/operations.md,";

}  // namespace lockstep

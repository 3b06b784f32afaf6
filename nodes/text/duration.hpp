// Durations as people write them: a whole number and its unit, "500ms", "10s", "2m", "1h".
//
// The one place for configuration files and the command line, so that both take and print the same.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/base/types.hpp"

namespace lockstep {

// At most a year, which no sum of two can overflow. What is wrong is said for a person.
tl::expected<Duration, std::string> parse_duration(std::string_view text);

// In the largest unit that needs no fraction; below a millisecond it rounds down.
std::string format_duration(Duration duration);

}  // namespace lockstep

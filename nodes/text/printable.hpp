// What somebody typed, or another machine sent, as it may be repeated in a message: nothing of it may move the cursor,
// break the line, or fill the screen.
//
// The one place for error messages of the programs. Results and --json show names as they are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lockstep {

inline constexpr std::size_t kShownWord = 80;    // for one name or argument
inline constexpr std::size_t kShownLine = 1000;  // for a whole message

// Control characters (of ASCII, and U+0080 to U+009F) and bytes that are no UTF-8 as \n, \t or \x1b. Of what is longer
// than `at_most` bytes then, the middle is left out: "aaaa...aaaa". Of a printable text it makes the same again.
std::string printable(std::string_view text, std::size_t at_most);

}  // namespace lockstep

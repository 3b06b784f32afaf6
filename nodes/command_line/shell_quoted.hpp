// A word as a shell of the family of sh reads it back, whatever is in it: 'it'\''s'.
#pragma once

#include <string>

namespace lockstep {

std::string shell_quoted(const std::string& word);

}  // namespace lockstep

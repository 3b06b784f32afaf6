// Bytes as hexadecimal digits, for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lockstep {

// Two lower-case digits a byte.
std::string to_hex(std::string_view bytes);

// Digits in either case; spaces between bytes are passed over. Nothing: something else was in it.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace lockstep

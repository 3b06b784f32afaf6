// Bytes as hexadecimal digits, for people.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lockstep {

// Two lower-case digits a byte.
std::string to_hex(std::string_view bytes);
std::string to_hex(std::span<const std::uint8_t> bytes);
// The number's eight bytes, the highest first.
std::string to_hex(std::uint64_t number);

// Digits in either case; blanks between bytes are passed over. Nothing if anything else is in the text.
std::optional<std::string> from_hex(std::string_view text);
// False, and `bytes` are not to be used, if the text is not that of exactly so many bytes, without blanks.
bool fill_from_hex(std::string_view text, std::span<std::uint8_t> bytes);
// Of exactly 16 digits.
std::optional<std::uint64_t> number_from_hex(std::string_view text);

}  // namespace lockstep

// Hexadecimal digits.
#include "nodes/text/hex.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace lockstep {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int value_of(char digit) {
  const char lower = digit >= 'A' && digit <= 'F' ? static_cast<char>(digit - 'A' + 'a') : digit;
  const std::size_t at = kDigits.find(lower);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<std::uint8_t>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string to_hex(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(static_cast<std::uint8_t>(number >> shift));
  return to_hex(bytes);
}

bool fill_from_hex(std::string_view text, std::span<std::uint8_t> bytes) {
  const auto decoded = text.size() == bytes.size() * 2 ? from_hex(text) : std::nullopt;
  if (!decoded || decoded->size() != bytes.size()) return false;
  std::transform(decoded->begin(), decoded->end(), bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return true;
}

std::optional<std::uint64_t> number_from_hex(std::string_view text) {
  std::array<std::uint8_t, 8> bytes{};
  if (!fill_from_hex(text, bytes)) return std::nullopt;
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes) number = (number << 8) | byte;
  return number;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    const int high = value_of(text[i]);
    const int low = i + 1 < text.size() ? value_of(text[i + 1]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return bytes;
}

}  // namespace lockstep

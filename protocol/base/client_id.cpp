// A UUID's 36 characters and back.
#include "protocol/base/client_id.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kTextLength = 36;

bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_string(const ClientId& id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(kTextLength);
  for (const std::uint8_t byte : id.bytes) {
    if (is_dash_position(text.size())) text.push_back('-');
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::optional<ClientId> parse_client_id(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  ClientId id;
  std::size_t nibbles = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0) return std::nullopt;
    auto& byte = id.bytes[nibbles / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | digit);
    ++nibbles;
  }
  return id;
}

}  // namespace lockstep

// Replaces control characters and broken UTF-8, and cuts what is too long.
#include "nodes/text/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "protocol/wire/field_rules.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kCut = "...";

// The bytes that a character takes that begins with this one; 1 for what begins none.
std::size_t length_after(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
}

// A name may have every character but control characters, and so may a message.
bool is_printable(std::string_view character) { return wire::validate_text(character, wire::kLockName).empty(); }

std::string escaped(char byte) {
  if (byte == '\n') return "\\n";
  if (byte == '\r') return "\\r";
  if (byte == '\t') return "\\t";
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  return text.data();
}

std::string without_control_characters(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, length_after(text.front()));
    const bool fine = is_printable(character);
    if (fine) shown += character;
    // Of a control character of two bytes the second is no character of its own, so it is escaped in its turn.
    if (!fine) shown += escaped(text.front());
    text.remove_prefix(fine ? character.size() : 1);
  }
  return shown;
}

bool is_inside_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string printable(std::string_view text, std::size_t at_most) {
  std::string shown = without_control_characters(text);
  if (shown.size() <= at_most) return shown;
  const std::size_t kept = at_most - std::min(at_most, kCut.size());
  const std::string_view head = wire::clipped(shown, kept - kept / 2);
  std::size_t tail = shown.size() - kept / 2;
  while (tail < shown.size() && is_inside_character(shown[tail])) ++tail;
  return std::string(head) + std::string(kCut) + shown.substr(tail);
}

}  // namespace lockstep

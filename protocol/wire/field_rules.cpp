// The rules of fields, applied: UTF-8 by character, ranges, counts.
#include "protocol/wire/field_rules.hpp"

#include <optional>

namespace lockstep::wire {
namespace {

struct Character {
  char32_t point;
  std::size_t length;  // bytes
};

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// The first character of a text that is not empty. RFC 3629, section 4: no overlong form, no surrogate,
// nothing above U+10FFFF.
std::optional<Character> first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return Character{lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return std::nullopt;
  char32_t point = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return std::nullopt;
    point = (point << 6) | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return std::nullopt;
  return Character{point, length};
}

bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7F && point <= 0x9F); }

bool is_for_member_name(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9') || c == U'-' || c == U'_' ||
         c == U'.';
}

std::string_view flaw_of_character(char32_t point, TextRule::Alphabet alphabet) {
  switch (alphabet) {
    case TextRule::Alphabet::kLockName: return is_control(point) ? "has a control character" : "";
    case TextRule::Alphabet::kMemberName:
      return is_for_member_name(point) ? "" : "has a character other than letters, digits, '-', '_' and '.'";
    case TextRule::Alphabet::kEndpoint:
      return point > 0x20 && point < 0x7F ? "" : "has a character that no endpoint has";
    case TextRule::Alphabet::kAny: return "";
  }
  return "";
}

}  // namespace

std::string validate_text(std::string_view text, const TextRule& rule) {
  if (text.empty()) return rule.may_be_empty ? "" : "is empty";
  if (text.size() > rule.max) {
    return "is " + std::to_string(text.size()) + " bytes long, at most " + std::to_string(rule.max) + " are allowed";
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::optional<Character> character = first_character(text.substr(at));
    const std::string_view flaw = character ? flaw_of_character(character->point, rule.alphabet) : "is not valid UTF-8";
    if (!flaw.empty()) return std::string(flaw) + " at byte " + std::to_string(at);
    at += character->length;
  }
  return "";
}

ErrorCode refusal_of(const TextRule& rule) {
  return rule.alphabet == TextRule::Alphabet::kLockName ? ErrorCode::kInvalidName : ErrorCode::kBadRequest;
}

std::string_view clipped(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && is_continuation(text[max])) --max;
  return text.substr(0, max);
}

std::string validate_lock_name(std::string_view name) { return validate_text(name, kLockName); }

std::string validate_number(std::uint64_t value, const Range& range) {
  const bool in_range = value >= range.min && value <= range.max;
  if (in_range || (range.or_zero && value == 0)) return "";
  return "expected " + std::string(range.or_zero ? "0 or " : "") + std::to_string(range.min) + " to " +
         std::to_string(range.max) + ", got " + std::to_string(value);
}

std::string validate_count(std::uint64_t count, const Count& rule) {
  if (count >= rule.min && count <= rule.max) return "";
  return "expected " + std::to_string(rule.min) + " to " + std::to_string(rule.max) +
         (rule.max == 1 ? " element" : " elements") + ", got " + std::to_string(count);
}

}  // namespace lockstep::wire

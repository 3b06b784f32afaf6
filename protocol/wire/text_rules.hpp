// What each text of a message may contain. The names that people choose are checked by character, the
// rest by length; all of it is UTF-8 (RFC 3629).
//
// Problems are worded for a person and never repeat the text itself, which may be anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/base/error.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep::wire {

struct TextRule {
  enum class Kind {
    kLockName,    // see is_valid_lock_name
    kMemberName,  // letters, digits, '-', '_', '.'
    kEndpoint,    // printable ASCII without spaces
    kAny,
  };
  Kind kind = Kind::kAny;
  std::size_t max = 0;  // bytes
  bool may_be_empty = false;
};

inline constexpr TextRule kLockName{TextRule::Kind::kLockName, kMaxLockName, false};
inline constexpr TextRule kLockNameOrNone{TextRule::Kind::kLockName, kMaxLockName, true};
inline constexpr TextRule kMemberName{TextRule::Kind::kMemberName, kMaxMemberName, false};
inline constexpr TextRule kMemberNameOrNone{TextRule::Kind::kMemberName, kMaxMemberName, true};
inline constexpr TextRule kEndpoint{TextRule::Kind::kEndpoint, kMaxEndpoint, true};
inline constexpr TextRule any_text(std::size_t max) { return {TextRule::Kind::kAny, max, true}; }

// Empty if the text keeps to the rule.
std::string problem_with_text(std::string_view text, const TextRule& rule);

// What a text that breaks the rule is answered with.
ErrorCode refusal_of(const TextRule& rule);

// The longest beginning of the text that has at most `max` bytes and does not end inside a character.
std::string_view clipped(std::string_view text, std::size_t max);

}  // namespace lockstep::wire

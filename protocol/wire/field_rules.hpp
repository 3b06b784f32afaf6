// What each field of a message may hold: texts, numbers, and how many items a list has.
//
// A rule stands in the schema, beside its field. The codec, the checks before a request is sent and the tables of
// docs/protocol.md all apply it from there.
//
// Every validate function returns what is wrong, worded for a person, or an empty string if the value keeps to the
// rule. The sentence never repeats a text itself, which may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "protocol/base/error.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep::wire {

// ---- Texts. All of them are UTF-8 (RFC 3629). Names that people choose are checked by character, the rest by length.

struct TextRule {
  enum class Alphabet {
    kLockName,    // see validate_lock_name
    kMemberName,  // letters, digits, '-', '_', '.'
    kEndpoint,    // printable ASCII without spaces
    kAny,
  };
  Alphabet alphabet = Alphabet::kAny;
  std::size_t max = 0;  // bytes
  bool may_be_empty = false;
};

inline constexpr TextRule kLockName{TextRule::Alphabet::kLockName, kMaxLockName, false};
inline constexpr TextRule kLockNameOrNone{TextRule::Alphabet::kLockName, kMaxLockName, true};
inline constexpr TextRule kMemberName{TextRule::Alphabet::kMemberName, kMaxMemberName, false};
inline constexpr TextRule kMemberNameOrNone{TextRule::Alphabet::kMemberName, kMaxMemberName, true};
inline constexpr TextRule kEndpoint{TextRule::Alphabet::kEndpoint, kMaxEndpoint, true};
inline constexpr TextRule any_text(std::size_t max) { return {TextRule::Alphabet::kAny, max, true}; }

std::string validate_text(std::string_view text, const TextRule& rule);
// 1 to 255 bytes of UTF-8 (RFC 3629) without control characters (U+0000 to U+001F, U+007F to U+009F).
std::string validate_lock_name(std::string_view name);

// What a text that breaks the rule is answered with.
ErrorCode refusal_of(const TextRule& rule);

// The longest beginning of the text that has at most `max` bytes and does not end inside a character.
std::string_view clipped(std::string_view text, std::size_t max);

// ---- Numbers.

struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  bool or_zero = false;                        // 0 is allowed although it is below `min`
  ErrorCode refusal = ErrorCode::kBadRequest;  // what a value outside is answered with
};

inline constexpr Range kAnyNumber{};
inline constexpr Range kNotNone{.min = 1};
inline constexpr Range kTtl{.min = kMinTtlMs, .max = kMaxTtlMs, .or_zero = true, .refusal = ErrorCode::kInvalidTtl};
inline constexpr Range kPermits{.min = 1, .max = locks::kMaxPermits, .or_zero = true};
inline constexpr Range kPollMs{.max = kMaxPollMs};

std::string validate_number(std::uint64_t value, const Range& range);

// ---- Lists.

struct Count {
  std::size_t min = 0;
  std::size_t max = 0;
};

std::string validate_count(std::uint64_t count, const Count& rule);

}  // namespace lockstep::wire

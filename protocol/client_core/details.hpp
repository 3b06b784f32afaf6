// The sentences that go with an error, for people: durations, refusals, and what is wrong with an answer.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/wire/client_messages.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

// As exactly as a person wants it: "5s" of 4998 ms, "1.5s", "300ms" of 297 ms, "20ms".
inline std::string in_words(Duration duration) {
  const auto ms = std::chrono::round<std::chrono::milliseconds>(duration).count();
  if (ms < 100) return std::to_string(ms) + "ms";
  if (ms < 995) return std::to_string((ms + 5) / 10 * 10) + "ms";
  const auto tenths = (ms + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + "s";
}

inline std::string in_words(const wire::ErrorAnswer& error) {
  const ErrorInfo& info = error_info(error.code);
  return std::string(info.name) + " (" + (error.detail.empty() ? std::string(info.meaning) : error.detail) + ")";
}

// What is wrong with what the application asked for, in its own words and not in the schema's.
std::string in_words(const wire::DecodeError& violation);

namespace client_core {

// Of an answer that is not believed. The next node is asked.
inline constexpr std::string_view kWrongKind = "a node answered with another kind of message than was asked for";
inline constexpr std::string_view kTooOld = "a node answered with older state than was asked for";

}  // namespace client_core
}  // namespace lockstep

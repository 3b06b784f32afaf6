// The sentences that go with an error, for people: refusals, and what is wrong with an answer.
#pragma once

#include <string>
#include <string_view>

#include "protocol/wire/client_messages.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

inline std::string in_words(const wire::ErrorAnswer& error) {
  const ErrorInfo& info = error_info(error.code);
  return std::string(info.name) + ": " + (error.detail.empty() ? std::string(info.meaning) : error.detail);
}

// What is wrong with what the application asked for, in its own words and not in the schema's.
std::string in_words(const wire::DecodeError& violation);

namespace client_core {

inline constexpr std::string_view kNotConnected = "cannot connect";
// Of an answer that is not believed. The next node is asked.
inline constexpr std::string_view kWrongKind = "a node answered with another kind of message than was asked for";
inline constexpr std::string_view kTooOld = "a node answered with older state than was asked for";

}  // namespace client_core
}  // namespace lockstep

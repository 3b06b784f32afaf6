// Durations and refusals as a person reads them in an error's detail.
#pragma once

#include <chrono>
#include <string>

#include "protocol/wire/client_messages.hpp"

namespace lockstep {

inline std::string in_words(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

inline std::string in_words(const wire::Error& error) {
  const ErrorInfo& info = error_info(error.code);
  return std::string(info.name) + " (" + (error.detail.empty() ? std::string(info.meaning) : error.detail) + ")";
}

}  // namespace lockstep

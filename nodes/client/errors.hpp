// How errors are made that the library returns.
#pragma once

#include <string>

#include "nodes/client/client.hpp"

namespace lockstep {

inline Error error_of(const ClientError& error) {
  const ErrorInfo& info = error_info(error.code);
  return Error{error.code, std::string(info.name), error.definite,
               error.detail.empty() ? std::string(info.meaning) : error.detail, error.current_session};
}

inline Error local_error(std::string name, std::string detail) {
  return Error{std::nullopt, std::move(name), true, std::move(detail), SessionId()};
}

}  // namespace lockstep

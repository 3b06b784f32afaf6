// How errors are made that the library returns.
#pragma once

#include <string>
#include <system_error>

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

// `code` is an errno value.
inline Error no_descriptor_error(int code) {
  return local_error("no_descriptor",
                     "no file descriptor is left for a client: " + std::generic_category().message(code));
}

}  // namespace lockstep

// What a call returns when it has no answer: an Error, never an exception.
//
//   auto lock = lockstep::Lock::acquire(client, {"backups/nightly"});
//   if (!lock && lock.error().is(lockstep::LocalError::kNotGranted)) return try_later();
//   if (!lock) return complain(lock.error().name(), lock.error().detail);
//
// An error comes from the cluster or from this machine. One from the cluster has a code of the table of errors
// (base/error.hpp), one from this machine is a LocalError.
// `definite` is the contract: a definite error says that the operation did not happen and never will.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <tl/expected.hpp>

#include "lockstep/base/error.hpp"
#include "lockstep/base/types.hpp"

namespace lockstep {

// What went wrong on this machine, or in this library.
enum class LocalError : std::uint8_t {
  kInvalidEndpoint,  // an endpoint in the configuration is not one
  kInvalidNote,      // the note is too long, or no text
  kNoDescriptor,     // the process has no file descriptor left
  kNotSaved,         // a session could not be kept, see Client::keep_session
  kNotGranted,       // of a Lock: another holds it, and the wait is over
  // Only of the command line, which keeps clients in files.
  kStateFile,      // a file in which a client is kept cannot be used
  kClientIdInUse,  // another process of this machine uses the same kept client
};
std::string_view to_string(LocalError error);  // "invalid_endpoint", ...

struct Error {
  std::variant<ErrorCode, LocalError> kind = ErrorCode::kUnavailable;
  bool definite = true;       // the operation did not happen and never will
  std::string detail;         // a sentence for a person
  SessionId current_session;  // with kSessionConflict: the client's living session

  bool is(ErrorCode code) const { return kind == std::variant<ErrorCode, LocalError>(code); }
  bool is(LocalError error) const { return kind == std::variant<ErrorCode, LocalError>(error); }
  // "unavailable", "session_expired", "not_granted", ...
  std::string name() const;
};

template <typename T>
using Expected = tl::expected<T, Error>;

}  // namespace lockstep

// Every error that a client can be answered with, and the one table that says what each means.
//
// The certainty of an error is the contract: an application that is told "definite" may act on it,
// one that is told "indefinite" must retry under the same request number, and one that is told
// "this copy" knows nothing of the copies it sent before (Maelstrom: "never return a definite error
// under indefinite conditions"). The client library, the command line's exit codes and
// docs/protocol.md all come from error_table().
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lockstep {

// The numbers are on the wire and in the log: append only.
enum class ErrorCode : std::uint8_t {
  kBadRequest = 1,
  kUnsupportedVersion = 2,
  kInvalidName = 3,
  kInvalidTtl = 4,
  kBusy = 5,
  kNoLeader = 6,
  kUnavailable = 7,
  kSessionExpired = 8,
  kSessionSuperseded = 9,
  kSessionConflict = 10,
  kWrongSecret = 11,
  kNumberReused = 12,
  kTooManyUnacknowledged = 13,
  kTooManyLocks = 14,
  kTooManySessionLocks = 15,
  kTooManySessions = 16,
  kAlreadyHeld = 17,
  kAlreadyWaiting = 18,
  kWaitedFor = 19,
  kDeadlock = 20,
  kModeMismatch = 21,
  kPermitsMismatch = 22,
  kTooManyWaiters = 23,
  kWaiterGone = 24,
  kNoSuchSession = 25,
  kSessionClosed = 26,
  kSessionForced = 27,
};

enum class Certainty : std::uint8_t {
  kDefinite,    // it did not happen and never will
  kIndefinite,  // it may have happened or may yet: retry with the same number
  kThisCopy,    // this copy did not run; nothing is said of others: try again with the same number, or,
                // where the session has ended, look at what became of it
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  // what --json and the documents call it
  Certainty certainty;
  int exit_code;  // of the command line: 1 no, 2 usage, 3 unavailable, 4 refused, 5 lost
  std::string_view meaning;
  std::string_view way_out;
};

std::span<const ErrorInfo> error_table();
// Aborts if the code is not in the table: decode what others sent first.
const ErrorInfo& error_info(ErrorCode code);
std::string_view to_string(Certainty certainty);

}  // namespace lockstep

// The table of error codes: name, certainty, exit code, meaning and way out.
#include "protocol/base/error.hpp"

#include <algorithm>
#include <array>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

using enum ErrorCode;
using enum Certainty;

constexpr std::array kTable{
    ErrorInfo{kBadRequest, "bad_request", kDefinite, 2, "the message is not one this node understands",
              "the text names the field; compare it with docs/protocol.md, which packages have in /usr/share/doc"},
    ErrorInfo{kUnsupportedVersion, "unsupported_version", kDefinite, 2,
              "the message's protocol version is not one this node speaks", "use a client of the node's version"},
    ErrorInfo{kInvalidName, "invalid_name", kDefinite, 2,
              "a lock name is 1 to 255 bytes of UTF-8 without control characters", "choose another name"},
    ErrorInfo{kInvalidTtl, "invalid_ttl", kDefinite, 2, "the session's TTL is not one this node offers",
              "use 1 s to 24 h, or 0: the session never expires"},
    ErrorInfo{kBusy, "busy", kThisCopy, 3, "the node is at its limit of unfinished work", "try again"},
    ErrorInfo{kNoLeader, "no_leader", kThisCopy, 3, "no leader is known to this node", "try again, or another node"},
    ErrorInfo{kUnavailable, "unavailable", kIndefinite, 3, "no answer came from a quorum in time",
              "repeat it, under the same request number where there is one; `lockstep status` shows who answers"},
    ErrorInfo{kSessionExpired, "session_expired", kThisCopy, 5,
              "the session is not known: its lease ran out, or it ended long ago",
              "open a new session; locks of the old one are gone"},
    ErrorInfo{kSessionSuperseded, "session_superseded", kThisCopy, 5,
              "a later incarnation of this client took the session over", "stop: the newer incarnation has the locks"},
    ErrorInfo{kSessionConflict, "session_conflict", kDefinite, 4,
              "the client id has a living session that the request did not name",
              "name that session to take it over, or use another client id"},
    ErrorInfo{kWrongSecret, "wrong_secret", kDefinite, 4, "the secret is not that of the session to be taken over",
              "use the secret the session was opened with, or another client id"},
    ErrorInfo{kNumberReused, "number_reused", kDefinite, 4,
              "this request number was used for another command in this session", "give each request its own number"},
    ErrorInfo{kTooManyUnacknowledged, "too_many_unacknowledged", kThisCopy, 4,
              "the session has 64 requests whose answers were never acknowledged",
              "send the lowest number still unanswered as `acknowledged below`"},
    ErrorInfo{kTooManyLocks, "too_many_locks", kDefinite, 4, "the cluster is at its limit of locks", "release some"},
    ErrorInfo{kTooManySessionLocks, "too_many_session_locks", kDefinite, 4,
              "the session is at its limit of locks, held and waited for", "release some"},
    ErrorInfo{kTooManySessions, "too_many_sessions", kDefinite, 4,
              "the cluster is at its limit of sessions, and none of them can make room",
              "close some: a session makes room by itself if its TTL is 0 and it neither holds nor waits for a lock"},
    ErrorInfo{kAlreadyHeld, "already_held", kDefinite, 4, "the session holds this lock already",
              "release it first; threads of one client must take turns in the client"},
    ErrorInfo{kAlreadyWaiting, "already_waiting", kDefinite, 4, "the session waits for this lock already",
              "wait for that request, or cancel it"},
    ErrorInfo{kWaitedFor, "waited_for", kDefinite, 1,
              "the lock is not held against this request, but others wait for it",
              "acquire it with a wait, to stand in line"},
    ErrorInfo{kDeadlock, "deadlock", kDefinite, 4,
              "this wait would never end: the clients it waits for wait for this client",
              "the text names the cycle; release what the others wait for, or acquire all the locks at once"},
    ErrorInfo{kModeMismatch, "mode_mismatch", kDefinite, 4,
              "the lock is in use as a semaphore and was asked for as a lock, or the other way round",
              "use it as the others do, or choose another name"},
    ErrorInfo{kPermitsMismatch, "permits_mismatch", kDefinite, 4,
              "the semaphore is in use with another number of permits", "use the number that the others do"},
    ErrorInfo{kTooManyWaiters, "too_many_waiters", kDefinite, 4, "the lock is at its limit of waiters",
              "try again later"},
    ErrorInfo{kWaiterGone, "waiter_gone", kDefinite, 1,
              "the session has no such request: it was cancelled, its wait ran out, or what it was granted is gone",
              "acquire again"},
    ErrorInfo{kNoSuchSession, "no_such_session", kDefinite, 1, "no session of this id lives",
              "look at `lockstep sessions`"},
    ErrorInfo{kSessionClosed, "session_closed", kThisCopy, 5, "the session was closed by its own client",
              "open a new session"},
    ErrorInfo{kSessionForced, "session_forced", kThisCopy, 5, "an operator closed the session",
              "stop: another client may have its locks; `lockstep history` says who closed it and why"},
};

}  // namespace

std::span<const ErrorInfo> error_table() { return kTable; }

const ErrorInfo& error_info(ErrorCode code) {
  const auto found = std::find_if(kTable.begin(), kTable.end(), [&](const ErrorInfo& e) { return e.code == code; });
  INVARIANT(found != kTable.end(), "every error code has a row in the table");
  return *found;
}

std::string_view to_string(Certainty certainty) {
  switch (certainty) {
    case kDefinite: return "definite";
    case kIndefinite: return "indefinite";
    case kThisCopy: return "this copy";
  }
  return "unknown";
}

}  // namespace lockstep

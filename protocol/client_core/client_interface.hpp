// What a shell hands to a ClientCore and what it takes from it: options, events, output.
//
// A shell is the client library, the simulator or a test. It owns the sockets, the clock and the disk. The order of
// its work stands on the fields of ClientOutput. Values without behaviour.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client_core/client_session.hpp"
#include "protocol/client_core/client_types.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

// How much a client remembers of what it has sent. Simulations have smaller bounds.
struct ClientBounds {
  std::uint64_t unacknowledged = locks::kMaxUnacknowledged;  // numbers that are open: at most the cluster's bound
  std::size_t kept_renewals = 64;                            // whose answers are still believed, at least 2
  std::size_t kept_copies = 64;                              // of one request, likewise, at least 1
};

struct ClientOptions {
  ClientId client;
  wire::Secret secret{};            // proves that this process may take the session over; from the random device
  std::uint64_t nonce = 0;          // random per process, not 0: a retried Open is recognised by it
  std::uint64_t seed = 0;           // of the jitter in retries
  std::size_t endpoints = 1;        // how many there are; they are named by their position
  Duration ttl = Duration::zero();  // of the session's lease, 1 s to 24 h; 0: it never expires
  std::string note;                 // whose session it is, for people
  Duration attempt_timeout = std::chrono::seconds(1);     // no answer for so long: ask the next endpoint
  Duration call_timeout = std::chrono::seconds(5);        // no answer to a call for so long: `unavailable`
  Duration backoff_min = std::chrono::milliseconds(10);   // before the first retry of a refused copy,
  Duration backoff_max = std::chrono::milliseconds(500);  // doubling up to this, with jitter
  ClientBounds bounds;
  SavedSession saved;          // what an earlier incarnation kept
  bool keeps_session = false;  // the shell stores ClientOutput::save; off, there is none
  // A new operation equal to the one unfinished request takes that request's answer if it says yes:
  // for a person or script that repeats a command which ended in `unavailable`. Off, each call is a
  // request of its own, as a checker of linearizability expects.
  bool claims_unfinished = false;
};

// An answer came in from an endpoint.
struct ServerMessage {
  std::size_t endpoint = 0;
  wire::Response response;
};
// What was to be sent to this endpoint could not be: there is no connection now.
struct NotConnected {
  std::size_t endpoint = 0;
};
// Nothing happened but time.
struct ClientTick {};

using ClientEvent = std::variant<ServerMessage, NotConnected, ClientTick>;

// The end of one call.
struct Completion {
  CallId call;
  ClientOutcome outcome;
  LogIndex applied;  // of the node that answered, when it answered; none with an error made here
};

struct ClientSend {
  std::size_t endpoint = 0;
  wire::Request request;  // may be lost, repeated, delayed
};

// An acquisition stands in line, or its place there changed.
struct ProgressReport {
  CallId call;
  AcquireProgress progress;
};

struct ClientOutput {
  // Only with keeps_session. Must be durable BEFORE any of `sends` leaves: a number that was sent and
  // then forgotten could be used again for another operation, a nonce that was forgotten locks its
  // client out of its own session.
  std::optional<SavedSession> save;
  std::vector<ClientSend> sends;
  std::vector<ProgressReport> progress;
  std::vector<LeaseEvent> lease_events;
  std::vector<Completion> completions;
};

}  // namespace lockstep

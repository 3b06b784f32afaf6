// A whole client without I/O: finding a node that answers, retries that never run twice, the session.
//
// A shell (the client library, the simulator) starts calls, hands in one event at a time with the time
// it happened, takes the output and acts on it. Every call ends in exactly one Completion. The same
// events in the same order give the same output, always. A ClientCore is a value: a copy goes its own way.
//
// What it promises (docs/protocol.md, "Exactly once"):
// - A retry has the number of the request it repeats, and a new call number, at the next endpoint.
// - A number is acknowledged only after its answer came. A call that timed out leaves its request
//   unfinished: no new operation is sent before the unfinished ones are answered, under their numbers.
// - Reads name the highest applied index seen, and an answer older than that is not believed.
// - It sends nothing while no call waits.
// Neither thread-safe nor re-entrant. Nothing here throws. Leases and waiting are not built yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/client_core/client_session.hpp"
#include "protocol/client_core/client_types.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct ClientOptions {
  ClientId client;
  wire::Secret secret{};      // proves who may take the session over; from the system's random device
  std::uint64_t nonce = 0;    // random per process, not 0: a retried Open is recognised by it
  std::uint64_t seed = 0;     // of the jitter in retries
  std::size_t endpoints = 1;  // how many there are; they are named by their position
  Duration attempt_timeout = std::chrono::seconds(1);     // no answer for so long: ask the next endpoint
  Duration call_timeout = std::chrono::seconds(5);        // no answer to a call for so long: `unavailable`
  Duration backoff_min = std::chrono::milliseconds(10);   // before the first retry of a refused copy,
  Duration backoff_max = std::chrono::milliseconds(500);  // doubling up to this, with jitter
  SavedSession saved;                                     // what an earlier incarnation kept; empty for a new client
  bool keeps_session = false;                             // the shell stores ClientOutput::save; else none is made
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

struct Completion {
  CallId call;
  ClientOutcome outcome;
  LogIndex applied;  // of the node that answered, when it answered; none with an error made here
};

struct ClientSend {
  std::size_t endpoint = 0;
  wire::Request request;  // may be lost, repeated, delayed
};

struct ClientOutput {
  // Only with keeps_session. Must be durable BEFORE any of `sends` leaves: a number that was sent and
  // then forgotten could be used again for another operation, a nonce that was forgotten locks its
  // client out of its own session.
  std::optional<SavedSession> save;
  std::vector<ClientSend> sends;
  std::vector<Completion> completions;
};

class ClientCore {
 public:
  explicit ClientCore(const ClientOptions& options);

  // Each starts one call; its Completion may already be in the next output. `timeout` is the call's
  // own, instead of the option. Operations open the session first if there is none.
  CallId preempt(Time now, std::string name, std::optional<Duration> timeout = {});
  CallId release(Time now, std::string name, std::optional<Duration> timeout = {});
  CallId check(Time now, std::string name, wire::ReadMode mode, std::optional<Duration> timeout = {});
  // One page: locks whose names start with `prefix` and sort after `after`.
  CallId list(Time now, std::string prefix, std::string after, std::uint32_t limit, wire::ReadMode mode,
              std::optional<Duration> timeout = {});
  // Of whichever node answers first.
  CallId status(Time now, std::optional<Duration> timeout = {});

  void step(Time now, const ClientEvent& event);
  ClientOutput take_output();
  // When to step with a ClientTick if nothing else happens before; Time::max() while no call waits.
  Time next_deadline() const;

  // Goes on with a session that was kept, before the first operation: which one to take may depend
  // on the cluster, and the cluster is known only from a status.
  void restore_session(const wire::Secret& secret, const SavedSession& saved);

  // Views, for shells, tests and checkers.
  const ClientSession& session() const { return session_; }
  bool session_was_used() const;  // an operation was started, or a session restored
  bool has_waiting_calls() const { return !waiting_.empty(); }
  std::size_t preferred_endpoint() const { return preferred_; }

 private:
  // Names a request inside this core. Order is the order in which they were started.
  using RequestId = Ordinal<struct RequestIdTag>;
  using RequestBody = std::variant<wire::OpenSession, locks::Operation, wire::Check, wire::List, wire::Status>;

  // One request until its answer. Each send of it is a copy with a call number of its own.
  struct Request {
    RequestBody body;
    RequestNumber number;         // of an operation, from its first send on
    CallId call;                  // none: nobody waits for it (an Open; an unfinished operation)
    Time deadline = Time::max();  // of the call
    Duration timeout{};           // the same as a duration, for the detail of an error
    LogIndex at_least;            // of a read: what the newest copy asked for
    bool in_flight = false;       // a copy was sent to `endpoint` and is waited for until `due`,
    Time due{};                   // else the next copy is sent at `due`
    std::size_t endpoint = 0;
    std::uint32_t failures = 0;      // in a row, for the backoff
    std::vector<CallNumber> copies;  // the newest last
    std::uint64_t sent = 0;          // copies, ever
    bool restored = false;           // an earlier process may have sent copies of it
    bool claimed = false;            // an unfinished operation that a new call has made its own
  };
  using Requests = std::map<RequestId, Request>;

  CallId start(Time now, RequestBody body, std::optional<Duration> timeout);
  CallId refuse(ErrorCode code, std::string detail);
  bool claim_unfinished(CallId call, const locks::Operation& operation, Time deadline, Duration timeout);
  void restore_unfinished();

  void on(Time now, const ServerMessage& message);
  void on(Time now, const NotConnected& event);
  void on(Time now, const ClientTick&);
  void on_unmatched_error(Time now, std::size_t endpoint, const wire::Error& error);
  void on_error(Time now, Requests::iterator request, bool newest_copy, const wire::Error& error);
  std::string_view on_answer(Time now, Requests::iterator request, const wire::Response& response);
  std::string_view on_operation_answer(Time now, Requests::iterator request, const wire::Response& response);
  void session_ended(RequestId refused, const ClientError& error);
  void open_failed(Requests::iterator request, const ClientError& error);

  void move_on(Time now, Request& request, std::string problem, Duration pause);
  Duration backoff(const Request& request);
  void expire_calls(Time now);
  void expire_attempts(Time now);
  void work(Time now);
  void send_due(Time now);
  void open_session(Time now);
  void send_copy(Time now, RequestId id, Request& request);
  wire::RequestBody wire_body(Request& request) const;

  bool is_operation(const Request& request) const { return std::holds_alternative<locks::Operation>(request.body); }
  bool another_copy_was_sent(const Request& request) const { return request.sent > 1 || request.restored; }
  bool wants_session() const;
  bool has_abandoned() const;  // an operation was sent, is unanswered, and nobody waits for it
  bool may_be_sent(const Request& request, bool wanted, bool abandoned) const;
  void complete(Request& request, ClientOutcome outcome, LogIndex applied);
  void forget_copies(Request& request);
  Requests::iterator erase(Requests::iterator request);
  void check_invariants() const;

  ClientOptions options_;
  ClientSession session_;
  Random random_;
  std::optional<ClientError> session_error_;  // the session ended: what every later operation is told

  CallId last_call_;
  RequestId last_request_;
  CallNumber last_copy_;
  Requests requests_;
  std::map<CallNumber, RequestId> copies_;
  std::map<CallId, RequestId> waiting_;
  std::size_t preferred_ = 0;  // the endpoint that new requests go to first

  std::string last_problem_;  // of any request: what a call that times out is told
  SavedSession last_saved_;
  ClientOutput output_;
};

}  // namespace lockstep

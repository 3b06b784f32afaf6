// A whole client without I/O: finding a node that answers, retries that never run twice, the session and its
// lease, and the whole way of an acquisition.
//
// A shell (the client library, the simulator) starts calls, hands in one event at a time with the time
// it happened, takes the output and acts on it. Every call ends in exactly one Completion. The same
// events in the same order give the same output, always. A ClientCore is a value: a copy goes its own way.
//
// What it promises (docs/protocol.md, "Exactly once, and waiting", L1, L3):
// - A retry has the number of the request it repeats, and a new call number, at the next endpoint.
// - Operations on one lock run one after another, in the order of their calls.
// - A number is acknowledged only after its answer came. A call that timed out leaves its request
//   unfinished: no new operation is sent before the unfinished ones are answered, under their numbers.
// - Reads name the highest applied index seen, and an answer older than that is not believed.
// - An acquisition ends granted or certainly not granted, unless no quorum answers in time; then it goes on
//   without its call until nothing of it is left: a wait is cancelled, and what was granted is released.
// - The clock is looked at before anything else: once the lease ran out here, no answer of the old session is
//   believed, its locks are lost, and the session is closed, as far as the cluster can be reached, before a
//   new one is opened. Only cores with a TTL open a second session by themselves.
// - A kept session with a lease is taken over, never shared: whatever an earlier process had sent, an Open of that
//   one included, the session that this core uses was opened under its own nonce, and fences the earlier process.
// - An Open that is refused since the client has had another session meanwhile goes on from that one if it has ended:
//   to name an ended session takes nothing from anyone. If it lives, the calls are told: session_conflict.
// - With TTL 0 it sends nothing while no call waits and no acquisition is under way. Under a lease it goes on
//   until what it left unfinished is answered.
// Neither thread-safe nor re-entrant. Nothing here throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/client_core/client_session.hpp"
#include "protocol/client_core/client_types.hpp"
#include "protocol/client_core/lease.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct ClientOptions {
  ClientId client;
  wire::Secret secret{};            // proves who may take the session over; from the system's random device
  std::uint64_t nonce = 0;          // random per process, not 0: a retried Open is recognised by it
  std::uint64_t seed = 0;           // of the jitter in retries
  std::size_t endpoints = 1;        // how many there are; they are named by their position
  Duration ttl = Duration::zero();  // of the session's lease, 1 s to 24 h; 0: it never expires
  std::string note;                 // who the session is, for people
  Duration attempt_timeout = std::chrono::seconds(1);     // no answer for so long: ask the next endpoint
  Duration call_timeout = std::chrono::seconds(5);        // no answer to a call for so long: `unavailable`
  Duration backoff_min = std::chrono::milliseconds(10);   // before the first retry of a refused copy,
  Duration backoff_max = std::chrono::milliseconds(500);  // doubling up to this, with jitter
  SavedSession saved;                                     // what an earlier incarnation kept
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

// As an Acquire has them: in order, each once.
std::vector<std::string> sorted_names(std::vector<std::string> names);

class ClientCore {
 public:
  explicit ClientCore(const ClientOptions& options);

  // Each starts one call; its Completion may already be in the next output. `timeout` is the call's
  // own, instead of the option. Operations open the session first if there is none.
  CallId preempt(Time now, std::string name, std::optional<Duration> timeout = {});
  // Completed with Granted, NotAcquired or an error. The names are sorted here. `timeout` bounds the time
  // without an answer from a quorum, not the wait.
  CallId acquire(Time now, std::vector<std::string> names, const AcquireTerms& terms,
                 std::optional<Duration> timeout = {});
  // Ends the wait of an acquisition now; it completes as usual. Nothing happens to any other call.
  void cancel(Time now, CallId acquisition);
  CallId release(Time now, std::string name, std::optional<Duration> timeout = {});
  CallId force_release(Time now, std::string name, std::string why, std::optional<Duration> timeout = {});
  CallId close_session(Time now, SessionId session, std::string why, std::optional<Duration> timeout = {});
  // Ends this client's own session. Completed at once if there is none.
  CallId close(Time now, std::optional<Duration> timeout = {});
  // Opens the session if there is none, and tells which locks it took over: from then on they count as held here.
  // New operations wait meanwhile. Only before the others.
  CallId take_over(Time now, std::optional<Duration> timeout = {});

  CallId check(Time now, std::string name, wire::ReadMode mode, std::optional<Duration> timeout = {});
  // One page: locks whose names start with `prefix` and sort after `after`.
  CallId list(Time now, std::string prefix, std::string after, std::uint32_t limit, wire::ReadMode mode,
              std::optional<Duration> timeout = {});
  // One page: of one name, or of all if it is empty.
  CallId history(Time now, std::string name, std::uint64_t after, std::uint32_t limit,
                 std::optional<Duration> timeout = {});
  CallId sessions(Time now, SessionId after, std::uint32_t limit, std::optional<Duration> timeout = {});
  // One page; it may take `up_to`, beside the time to get an answer.
  CallId watch(Time now, std::string prefix, LogIndex from, std::string after, Duration up_to,
               std::optional<Duration> timeout = {});
  // Of whichever node answers first.
  CallId status(Time now, std::optional<Duration> timeout = {});

  void step(Time now, const ClientEvent& event);
  ClientOutput take_output();
  // When to step with a ClientTick if nothing else happens before; Time::max() if there is nothing to do.
  Time next_deadline() const;

  // Goes on with a session that was kept (with TTL 0) or will take it over, before the first operation: which one to
  // take may depend on the cluster, and the cluster is known only from a status.
  void restore_session(const wire::Secret& secret, const SavedSession& saved);

  // Views, for shells, tests and checkers. They do not look at the clock: step with a ClientTick before.
  const ClientSession& session() const { return session_; }
  LeaseView lease() const { return {lease_.safe_until(), lost_}; }
  const std::map<std::string, FencingToken>& held() const { return held_; }  // as far as this core was told
  bool session_was_used() const;  // an operation was started, or a session restored
  bool has_waiting_calls() const { return !waiting_.empty(); }
  // Whether the call has made a request its own that an earlier call, or process, had sent.
  bool has_claimed(CallId call) const;
  std::vector<CallId> waiting_acquisitions() const;
  bool has_acquisitions() const { return !acquisitions_.empty(); }  // also such as nobody waits for any more

 private:
  // Names a request inside this core. Order is the order in which they were started.
  using RequestId = Ordinal<struct RequestIdTag>;
  using AcquisitionId = Ordinal<struct AcquisitionIdTag>;

  // A lost session, closed so that what it left comes free. None of its numbers matters any more.
  struct RetireSession {
    SessionId session;
    RequestNumber number;
  };
  using RequestBody = std::variant<wire::OpenSession, locks::Operation, RetireSession, wire::Wait, wire::Check,
                                   wire::List, wire::Status, wire::History, wire::Sessions, wire::Watch>;

  // One request until its answer. Each send of it is a copy with a call number of its own.
  struct Request {
    RequestBody body;
    RequestNumber number;                    // of an operation, from its first send on
    CallId call;                             // whose answer it is; none: nobody's, or an acquisition's
    AcquisitionId acquisition;               // whose step this is
    std::optional<FencingToken> verifies;    // a Check by this core itself: is this what the lock is held with?
    std::optional<FencingToken> gives_back;  // of a Release: what the lock was held with when it was first sent
    Time deadline = Time::max();             // of the call
    Duration timeout{};                      // the same as a duration, for the detail of an error
    Time poll_ends = Time::max();            // of a long poll
    Duration patience{};                     // of the newest copy
    LogIndex at_least;                       // of a read: what the newest copy asked for
    bool in_flight = false;                  // a copy was sent to `endpoint` and is waited for until `due`,
    Time due{};                              // else the next copy is sent at `due`
    std::size_t endpoint = 0;
    Time last_sent{};
    std::uint32_t failures = 0;          // in a row, for the backoff
    std::optional<Time> silent_since{};  // of a long poll: since when none of its copies was answered
    std::vector<CallNumber> copies;      // the newest last
    std::uint64_t sent = 0;              // copies, ever
    bool restored = false;               // an earlier process may have sent copies of it
    bool claimed = false;                // an unfinished operation that a new call has made its own
    bool takes_over = false;             // a Sessions, then Watches: the call wants to know what was taken over
    std::map<std::string, locks::Mode> taken_over;  // as far as it was told
    std::optional<ClientError> conflict;            // a Sessions: does the session live that an Open was refused for?
  };
  using Requests = std::map<RequestId, Request>;

  // The way of an acquire: asked, then perhaps waited for, then perhaps cancelled. `request` is its step.
  struct Acquisition {
    enum class Stage { kAsking, kWaiting, kCancelling, kReleasing };
    CallId call;  // none: nobody waits for it any more, and what is left of it is undone
    std::vector<std::string> names;
    AcquireTerms terms;
    Time wait_ends = Time::max();
    Duration timeout{};
    Time asked_since{};  // when the quorum was asked what it has not answered yet, while not in line
    Stage stage = Stage::kAsking;
    RequestId request;
    WaiterId waiter;
    std::optional<AcquireProgress> progress;  // once it stood in line
    std::set<std::string> given_back;         // names that were released before its grant was heard of
    std::vector<std::string> to_release;      // of an undone one: names that it was granted
    bool keeps_grant = false;                 // an earlier process asked, and what it is granted is not undone
    bool claimed = false;                     // a call made that one its own, which may have been asked long ago
  };
  using Acquisitions = std::map<AcquisitionId, Acquisition>;

  // Calls (client_core.cpp).
  CallId start(Time now, RequestBody body, std::optional<Duration> timeout, Duration poll = Duration::zero());
  CallId start(Time now, Request request, std::optional<Duration> timeout, Duration poll);
  CallId start_operation(Time now, locks::Operation operation, std::optional<Duration> timeout);
  CallId refuse(ErrorCode code, std::string detail);
  CallId complete_at_once(ClientOutcome outcome);
  Request* find_claimable(const locks::Operation& operation, RequestId& id);
  void restore();
  void restore_unfinished();
  bool has_lease() const { return options_.ttl > Duration::zero(); }
  std::optional<SavedSession> take_save();
  RequestId add_request(Request request);
  void complete(CallId call, ClientOutcome outcome, LogIndex applied);
  void answer_call(Request& request, ClientOutcome outcome, LogIndex applied);
  ClientError no_answer_within(Duration timeout) const;
  void expire_calls(Time now);
  void work(Time now);
  void check_invariants() const;

  // Copies and retries (attempts.cpp).
  void expire_attempts(Time now);
  void move_on(Time now, Request& request, std::string problem, Duration pause);
  void leave_endpoint(Time now, std::size_t endpoint);
  Duration backoff(std::uint32_t failures);
  bool wants_session() const;
  bool has_abandoned() const;  // of what was sent something is unanswered, and nobody waits for it
  struct Gate {
    bool wanted = false;      // somebody waits for an operation
    bool abandoned = false;   // new operations come after what was left behind
    bool retiring = false;    // a new session comes after the old one
    bool takes_over = false;  // operations come after it is known what the session holds
  };
  Gate gate() const { return {wants_session(), has_abandoned(), is_retiring(), is_taking_over()}; }
  bool is_taking_over() const;
  bool is_in_use(const locks::Operation& operation) const;  // a lock that it names
  bool may_be_sent(const Request& request, const Gate& gate) const;
  void send_due(Time now);
  void send_copy(Time now, RequestId id, Request& request);
  wire::RequestBody wire_body(Time now, Request& request) const;
  CallNumber next_copy() { return last_copy_ = last_copy_.next(); }
  bool is_operation(const Request& request) const { return std::holds_alternative<locks::Operation>(request.body); }
  bool another_copy_was_sent(const Request& request) const { return request.sent > 1 || request.restored; }
  void forget_copies(Request& request);
  void start_anew(Time now, Request& request);
  Requests::iterator erase(Requests::iterator request);
  void erase(RequestId request);

  // Answers (answers.cpp).
  void on(Time now, const ServerMessage& message);
  void on(Time now, const NotConnected& event);
  void on(Time now, const ClientTick&);
  void lost_endpoint(Time now, std::size_t endpoint, const std::string& problem);
  void on_unmatched_error(Time now, std::size_t endpoint, const wire::Error& error);
  void on_error(Time now, Requests::iterator request, bool newest_copy, const wire::Error& error);
  void on_definite_error(Time now, Requests::iterator request, const ClientError& error);
  // These return what is wrong with the answer; empty if it was one.
  std::string_view on_answer(Time now, Requests::iterator request, const wire::Response& response);
  std::string_view on_operation_answer(Time now, Requests::iterator request, const wire::Response& response);
  std::string_view on_read_answer(Time now, Requests::iterator request, const wire::Response& response);
  void note_holds(const Request& request, const ClientOutcome& outcome);
  void was_taken(const std::string& name, FencingToken token);
  void hold(const std::vector<std::string>& names, FencingToken token);

  // Acquisitions (acquisitions.cpp).
  void take_step(Time now, AcquisitionId id, RequestBody body);
  bool was_never_sent(const Acquisition& acquisition) const;
  std::string_view on_acquisition_answer(Time now, Requests::iterator request, const wire::Response& response);
  void on_acquisition_error(Time now, Requests::iterator request, const ClientError& error);
  static locks::Operation operation_of(const Acquisition& acquisition);
  static ClientError indefinite(ClientError error);
  void granted(Time now, AcquisitionId id, const locks::Granted& granted, LogIndex applied);
  void was_given_back(const std::string& name);
  void not_acquired(AcquisitionId id, std::optional<locks::Held> by, LogIndex applied);
  void end_acquisition(AcquisitionId id, ClientOutcome outcome, LogIndex applied);
  void queued(Time now, AcquisitionId id, const locks::Queued& queued, Time last_asked);
  void leave_line(Time now, AcquisitionId id);
  void end_waits(Time now);
  bool is_in_line() const;  // some acquisition is
  Time deadline_of(const Acquisition& acquisition) const;
  void expire_acquisitions(Time now);
  void release_next(Time now, AcquisitionId id);
  void release_unknown(Time now, const std::string& name);

  // The session and its lease (sessions.cpp).
  void look_at_clock(Time now);
  void open_session(Time now);
  std::string_view on_opened(Time now, Requests::iterator open, const wire::Response& response);
  void open_refused(Time now, Requests::iterator open, const ClientError& error);
  void open_failed(const ClientError& error);
  void conflict_settled(const ClientError& conflict, const wire::SessionsAnswer& answer);
  void took_over(Time now, Requests::iterator request, const ClientOutcome& answer);
  void note_taken_over(Request& request, const std::vector<locks::LockChange>& changes) const;
  void end_session(LossReason reason, const ClientError& error, RequestId refused = {});
  void report_lost(LossReason reason, bool has_lease);
  bool is_close(const Request& request) const;
  bool is_of_session(const Request& request) const;
  void give_up_holds();
  void closed(Requests::iterator close, LogIndex applied);
  void retire(Time now, SessionId session, RequestNumber number);
  void retired(Requests::iterator request);
  bool is_retiring() const { return static_cast<bool>(retiring_); }
  void keep_alive(Time now);
  void keep_alive_failed(Time now, std::string problem, Duration pause);
  void on_keep_alive_answer(Time now, const ServerMessage& message);
  void verify_holds(Time now);
  void verified(Time now, Requests::iterator request, const wire::CheckAnswer& answer);
  bool is_being_released(const std::string& name) const;

  ClientOptions options_;
  ClientSession session_;
  Lease lease_;
  Random random_;
  std::optional<ClientError> session_error_;  // the session ended for good: what every later operation is told
  std::optional<LossReason> lost_;            // how the last session ended, while there is no new one
  std::map<std::string, FencingToken> held_;
  std::map<std::string, LossReason> lost_locks_;  // of the last session that was lost, and not acquired since
  LogIndex forced_at_;                            // as the last keep-alive was answered
  bool verify_due_ = false;                       // whether what is held was taken by an operator
  std::optional<Time> open_sent_;                 // when an Open with the present nonce was first sent
  bool gave_up_holds_ = false;                    // a Close was sent, so nothing counts as held any more
  RequestId retiring_;

  CallId last_call_;
  RequestId last_request_;
  AcquisitionId last_acquisition_;
  CallNumber last_copy_;
  Requests requests_;
  Acquisitions acquisitions_;
  std::map<CallNumber, RequestId> copies_;
  // Whose call it is: one request's, or an acquisition's.
  std::map<CallId, std::variant<RequestId, AcquisitionId>> waiting_;
  std::size_t preferred_ = 0;  // the endpoint that new requests go to first

  std::string last_problem_;  // of any request: what a call that times out is told
  SavedSession last_saved_;
  ClientOutput output_;
};

}  // namespace lockstep

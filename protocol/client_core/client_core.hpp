// A whole client without I/O: finding a node that answers, retries that never run twice, the session and its
// lease, and the whole path of an acquisition.
//
// A shell (the client library, the simulator) starts calls, hands in one event at a time with the time at which it
// happened, takes the output and acts on it. Every call ends in exactly one Completion. The same events in the same
// order give the same output, always. A ClientCore is a value: a copy goes its own way.
//
//   const CallId call = core.preempt(now, "printer");
//   for (;;) {
//     ClientOutput output = core.take_output();      // store output.save, then send output.sends
//     if (has_completion_of(output, call)) break;
//     const ClientEvent event = wait_until(core.next_deadline());  // an answer, a lost connection, or a ClientTick
//     core.step(clock(), event);
//   }
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
//
// The cost of an event grows with what the event concerns, not with what is outstanding: 10,000 acquisitions in line
// and 10,000 names held are normal. Neither thread-safe nor re-entrant. Nothing here throws. An error of the caller
// is a Completion with a ClientError; a broken invariant ends the process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/client_core/client_interface.hpp"
#include "protocol/client_core/client_parts.hpp"

namespace lockstep {

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
  // For operators; `reason` is logged with what they did.
  CallId force_release(Time now, std::string name, std::string reason, std::optional<Duration> timeout = {});
  CallId close_session(Time now, SessionId session, std::string reason, std::optional<Duration> timeout = {});
  // Ends this client's own session. Completed at once if there is none.
  CallId close(Time now, std::optional<Duration> timeout = {});
  // Opens the session if there is none, and tells which locks it took over: from then on they count as held here.
  // New operations wait meanwhile. Only before the others.
  CallId take_over(Time now, std::optional<Duration> timeout = {});

  // One page of state, from any node: at least as new as anything that this client has seen, whatever the request says.
  CallId read(Time now, wire::ReadRequest request, std::optional<Duration> timeout = {});
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
  const ClientSession& session() const { return parts_.session; }
  LeaseView lease() const { return {parts_.lease.safe_until(), parts_.lost}; }
  const std::map<std::string, FencingToken>& held() const { return parts_.holds.held(); }  // as far as it was told
  bool session_was_used() const;  // an operation was started, or a session restored
  bool has_waiting_calls() const { return !parts_.calls.empty(); }
  // Whether the call has made a request its own that an earlier call, or process, had sent.
  bool has_claimed(CallId call) const;
  std::vector<CallId> waiting_acquisitions() const;
  // Of each endpoint, what went wrong there since it answered last; empty: nothing did.
  const std::vector<std::string>& endpoint_problems() const { return parts_.endpoints.problems(); }
  // Also such as nobody waits for any more.
  bool has_acquisitions() const { return !parts_.acquisitions.all().empty(); }

  // What is outstanding here, for a person, beside the session and what it holds: empty if nothing. For checkers.
  std::vector<std::string_view> what_is_left() const;
  // All that must hold between two steps. Walks everything that is outstanding: for simulators and tests. What can be
  // seen in constant time is checked after each step, in production too.
  void check_invariants() const { parts_.check_invariants(); }

 private:
  friend struct ClientInside;  // of the explorer
  using Body = client_core::RequestKind;
  CallId start(Time now, Body body, std::optional<Duration> timeout, Duration poll = Duration::zero());
  CallId start_operation(Time now, locks::Operation operation, std::optional<Duration> timeout);
  CallId start_on(Time now, client_core::RequestId request, std::optional<Duration> timeout);
  CallId end_at_once(ClientOutcome outcome);
  void restore();
  void work(Time now);
  std::optional<SavedSession> take_save();

  client_core::ClientParts parts_;
  SavedSession last_saved_;
};

}  // namespace lockstep

// ClientCore: the calls of the application, and the order of work in each step.
#include "protocol/client_core/client_core.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/acquiring.hpp"
#include "protocol/client_core/answers.hpp"
#include "protocol/client_core/copies.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/keep_alive.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"
#include "protocol/client_core/unfinished.hpp"
#include "protocol/wire/message_rules.hpp"

namespace lockstep {
namespace {

using namespace client_core;

// What is refused here did not happen and never will.
ClientError refusal(ErrorCode code, std::string detail) { return {code, std::move(detail), SessionId(), true}; }

// Of whatever is asked after the session has ended for good.
ClientError refused_with(const ClientError& session_error) { return refusal(session_error.code, session_error.detail); }

// What breaks a rule of its schema is refused here, in the words of the caller.
template <typename Asked>
std::optional<ClientError> refusal_of(const Asked& asked) {
  const auto violation = wire::find_violation(asked);
  if (!violation) return std::nullopt;
  return refusal(violation->code, in_words(*violation));
}

Time saturated_sum(Time now, Duration wait) { return wait < Time::max() - now ? now + wait : Time::max(); }

// Calls that were without an answer for too long.
void expire_calls(ClientParts& client, Time now) {
  for (const RequestId id : client.requests.late_calls(now)) {
    client.answer_call(id, client.no_answer_within(client.requests.at(id).timeout), LogIndex());
    // An operation that was sent may yet run: it stays, unfinished, until its number is answered.
    auto* operation = std::get_if<client_core::RunOnce>(&client.requests.body(id));
    if (operation) operation->claimed = false;
    const bool stays = (operation && operation->number) || id == client.retiring;
    if (!stays) client.requests.erase(id);
  }
}

}  // namespace

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

ClientCore::ClientCore(const ClientOptions& options) : parts_(options), last_saved_(options.saved) { restore(); }

void ClientCore::restore_session(const wire::Secret& secret, const SavedSession& saved) {
  INVARIANT(!session_was_used(), "the session is chosen before the first operation");
  const LogIndex seen = parts_.session.highest_index();
  parts_.options.secret = secret;
  parts_.session = ClientSession(saved, parts_.options.nonce, parts_.options.bounds.unacknowledged);
  parts_.session.saw_index(seen);
  last_saved_ = saved;
  restore();
}

void ClientCore::restore() {
  go_on_with_kept_session(parts_);
  if (parts_.has_lease() && last_saved_.session) last_saved_ = parts_.session.saved();  // says the same
}

bool ClientCore::session_was_used() const {
  const RequestTable& requests = parts_.requests;
  return parts_.session.is_open() || parts_.session_error || parts_.lost || has_acquisitions() ||
         !requests.of<client_core::RunOnce>().empty() || !requests.of<BeginSession>().empty() ||
         !requests.of<ReadTakenOver>().empty() || !requests.of<SettleConflict>().empty();
}

// ---- Operations

CallId ClientCore::preempt(Time now, std::string name, std::optional<Duration> timeout) {
  return start_operation(now, locks::Preempt{std::move(name)}, timeout);
}

CallId ClientCore::acquire(Time now, std::vector<std::string> names, const AcquireTerms& terms,
                           std::optional<Duration> timeout) {
  names = sorted_names(std::move(names));
  Acquisition asked;
  asked.names = std::move(names);
  asked.terms = terms;
  const locks::Operation acquire = asked.as_asked();
  if (auto refused = refusal_of(acquire)) return end_at_once(*std::move(refused));
  look_at_clock(parts_, now);
  if (parts_.session_error) return end_at_once(refused_with(*parts_.session_error));
  const auto unfinished = find_claimable(parts_, acquire);
  const CallId call = parts_.next_call();
  const AcquisitionId id = unfinished ? claim_acquisition(parts_, *unfinished) : parts_.acquisitions.add(asked);
  parts_.acquisitions.change(id, [&](Acquisition& acquisition) {
    acquisition.call = call;
    acquisition.terms = terms;
    acquisition.keeps_grant = false;
    acquisition.timeout = timeout.value_or(parts_.options.call_timeout);
    acquisition.wait_ends = terms.wait ? saturated_sum(now, *terms.wait) : Time::max();
    acquisition.silent_since = now;
  });
  parts_.calls.emplace(call, id);
  if (!unfinished) ask(parts_, now, id);
  work(now);
  return call;
}

void ClientCore::cancel(Time now, CallId call) {
  look_at_clock(parts_, now);
  const auto waiting = parts_.calls.find(call);
  const auto* id = waiting == parts_.calls.end() ? nullptr : std::get_if<AcquisitionId>(&waiting->second);
  if (id == nullptr) return;
  const AcquisitionId acquisition = *id;
  parts_.acquisitions.change(acquisition, [&](Acquisition& cancelled) { cancelled.wait_ends = now; });
  if (was_never_asked(parts_, parts_.acquisitions.at(acquisition))) {
    parts_.requests.erase(parts_.acquisitions.at(acquisition).request);
    end_acquisition(parts_, acquisition, NotAcquired{}, LogIndex());
  }
  work(now);
}

CallId ClientCore::release(Time now, std::string name, std::optional<Duration> timeout) {
  look_at_clock(parts_, now);
  if (const auto loss = parts_.holds.loss_of(name)) {
    return end_at_once(refusal(error_after(*loss), "the lock was lost with its session (" +
                                                       std::string(to_string(*loss)) + "), not released"));
  }
  return start_operation(now, locks::Release{std::move(name)}, timeout);
}

CallId ClientCore::force_release(Time now, std::string name, std::string reason, std::optional<Duration> timeout) {
  return start_operation(now, locks::ForceRelease{std::move(name), std::move(reason)}, timeout);
}

CallId ClientCore::close_session(Time now, SessionId session, std::string reason, std::optional<Duration> timeout) {
  return start_operation(now, locks::CloseSession{session, std::move(reason)}, timeout);
}

CallId ClientCore::close(Time now, std::optional<Duration> timeout) {
  look_at_clock(parts_, now);
  const bool has_session = parts_.session.is_open() || parts_.session.is_opening();
  if (has_session) return start_operation(now, locks::Close{}, timeout);
  if (!parts_.is_retiring() || parts_.requests.at(parts_.retiring).call) return end_at_once(locks::Closed{});
  return start_on(now, parts_.retiring, timeout);
}

CallId ClientCore::take_over(Time now, std::optional<Duration> timeout) {
  look_at_clock(parts_, now);
  if (parts_.session_error) return end_at_once(refused_with(*parts_.session_error));
  return start(now, ReadTakenOver{wire::SessionsRequest{SessionId(), 1, LogIndex()}}, timeout);
}

// ---- Reads

CallId ClientCore::read(Time now, wire::ReadRequest request, std::optional<Duration> timeout) {
  if (auto refused = refusal_of(wire::body_of(request))) return end_at_once(*std::move(refused));
  return start(now, ReadState{std::move(request)}, timeout);
}

CallId ClientCore::watch(Time now, std::string prefix, LogIndex from, std::string after, Duration up_to,
                         std::optional<Duration> timeout) {
  wire::WatchRequest watch{std::move(prefix), from, std::move(after), 0};
  if (auto refused = refusal_of(wire::RequestBody(watch))) return end_at_once(*std::move(refused));
  up_to = std::clamp<Duration>(up_to, Duration::zero(), std::chrono::milliseconds(wire::kMaxPollMs));
  return start(now, WatchChanges{std::move(watch), now + up_to}, timeout, up_to);
}

CallId ClientCore::status(Time now, std::optional<Duration> timeout) {
  return start(now, ReadState{wire::StatusRequest{}}, timeout);
}

// ---- How calls start

CallId ClientCore::end_at_once(ClientOutcome outcome) {
  const CallId call = parts_.next_call();
  parts_.output.completions.push_back({call, std::move(outcome), LogIndex()});
  return call;
}

CallId ClientCore::start_operation(Time now, locks::Operation operation, std::optional<Duration> timeout) {
  if (auto refused = refusal_of(operation)) return end_at_once(*std::move(refused));
  look_at_clock(parts_, now);
  if (parts_.session_error) return end_at_once(refused_with(*parts_.session_error));
  const auto unfinished = find_claimable(parts_, operation);
  if (!unfinished) return start(now, client_core::RunOnce{std::move(operation)}, timeout);
  std::get<client_core::RunOnce>(parts_.requests.body(*unfinished)).claimed = true;
  return start_on(now, *unfinished, timeout);
}

CallId ClientCore::start(Time now, Body body, std::optional<Duration> timeout, Duration poll) {
  look_at_clock(parts_, now);
  OutstandingRequest request{std::move(body)};
  request.call = parts_.next_call();
  request.timeout = timeout.value_or(parts_.options.call_timeout);
  request.deadline = now + poll + request.timeout;
  request.due = now;
  const CallId call = request.call;
  parts_.calls.emplace(call, parts_.requests.add(std::move(request)));
  work(now);
  return call;
}

// On a request that is outstanding already.
CallId ClientCore::start_on(Time now, RequestId request, std::optional<Duration> timeout) {
  const CallId call = parts_.next_call();
  const Duration patience = timeout.value_or(parts_.options.call_timeout);
  parts_.requests.set_call(request, call, now + patience, patience);
  parts_.calls.emplace(call, request);
  work(now);
  return call;
}

std::vector<std::string_view> ClientCore::what_is_left() const {
  std::vector<std::string_view> left;
  if (!parts_.requests.is_idle()) left.emplace_back("requests");
  if (!parts_.acquisitions.is_idle()) left.emplace_back("acquisitions");
  if (!parts_.calls.empty()) left.emplace_back("calls");
  if (!parts_.session.unanswered().empty()) left.emplace_back("unanswered numbers");
  if (parts_.is_retiring()) left.emplace_back("a session that is given up");
  return left;
}

bool ClientCore::has_claimed(CallId call) const {
  const auto waiting = parts_.calls.find(call);
  if (waiting == parts_.calls.end()) return false;
  const auto* acquisition = std::get_if<AcquisitionId>(&waiting->second);
  const RequestId request =
      acquisition ? parts_.acquisitions.at(*acquisition).request : std::get<RequestId>(waiting->second);
  const auto* operation = std::get_if<client_core::RunOnce>(&parts_.requests.at(request).body);
  return operation && operation->claimed;
}

std::vector<CallId> ClientCore::waiting_acquisitions() const {
  std::vector<CallId> calls;
  for (const auto& [id, acquisition] : parts_.acquisitions.all()) {
    if (acquisition.call) calls.push_back(acquisition.call);
  }
  return calls;
}

// ---- Steps

void ClientCore::step(Time now, const ClientEvent& event) {
  look_at_clock(parts_, now);
  std::visit(Overloaded{[&](const ServerMessage& message) { receive(parts_, now, message); },
                        [&](const NotConnected& lost) {
                          lose_endpoint(parts_, now, lost.endpoint, std::string(kNotConnected));
                        },
                        [](const ClientTick&) {}},
             event);
  work(now);
}

// What time has brought, then what may leave.
void ClientCore::work(Time now) {
  expire_calls(parts_, now);
  end_waits(parts_, now);
  expire_acquisitions(parts_, now);
  expire_copies(parts_, now);
  if (parts_.holds.must_verify()) verify_holds(parts_, now);
  keep_alive(parts_, now);
  send_due(parts_, now);
  parts_.check();
}

// With a lease nothing of it is worth a write but which session there is: it will be taken over, not gone on with.
std::optional<SavedSession> ClientCore::take_save() {
  SavedSession saved = parts_.session.saved();
  if (parts_.has_lease()) {
    const SavedSession& last = last_saved_;
    if (saved.session == last.session && saved.open_nonce == last.open_nonce && saved.replaces == last.replaces) {
      return std::nullopt;
    }
    saved.next_number = RequestNumber(1);
    saved.unfinished.clear();
  }
  if (saved == last_saved_) return std::nullopt;
  return last_saved_ = std::move(saved);
}

ClientOutput ClientCore::take_output() {
  if (parts_.options.keeps_session) parts_.output.save = take_save();
  return std::exchange(parts_.output, {});
}

Time ClientCore::next_deadline() const {
  return std::min({parts_.lease.next_deadline(), parts_.requests.next_deadline(open_lanes(parts_)),
                   parts_.acquisitions.next_deadline(parts_.lease.silent_since())});
}

}  // namespace lockstep

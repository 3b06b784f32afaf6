#include "protocol/client_core/client_core.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Copies of one request whose answers are still believed. Older ones are forgotten, so that a request
// that is retried for days does not grow.
constexpr std::size_t kMaxCopies = 64;

std::string in_words(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

std::string in_words(const wire::Error& error) {
  const ErrorInfo& info = error_info(error.code);
  return std::string(info.name) + " (" + (error.detail.empty() ? std::string(info.meaning) : error.detail) + ")";
}

std::string problem_with_range(const std::string& prefix, const std::string& after) {
  if (!prefix.empty() && !wire::is_valid_lock_name(prefix)) return "the prefix " + wire::problem_with_lock_name(prefix);
  if (!after.empty() && !wire::is_valid_lock_name(after))
    return "the name to start after " + wire::problem_with_lock_name(after);
  return {};
}

bool says_yes(const ClientOutcome& outcome) {
  return std::holds_alternative<locks::Granted>(outcome) || std::holds_alternative<locks::Released>(outcome);
}

// The answer as an outcome, if it is one that this operation can have.
std::optional<ClientOutcome> outcome_of(const locks::Operation& operation, const wire::ResponseBody& body) {
  if (std::holds_alternative<locks::Preempt>(operation)) {
    if (const auto* granted = std::get_if<locks::Granted>(&body)) return *granted;
    if (const auto* held = std::get_if<locks::Held>(&body)) return *held;
    return std::nullopt;
  }
  if (const auto* released = std::get_if<locks::Released>(&body)) return *released;
  if (const auto* not_holder = std::get_if<locks::NotHolder>(&body)) return *not_holder;
  return std::nullopt;
}

template <typename Answer>
std::optional<ClientOutcome> outcome_if(const wire::ResponseBody& body) {
  if (const auto* answer = std::get_if<Answer>(&body)) return *answer;
  return std::nullopt;
}

constexpr std::string_view kWrongKind = "a node answered with another kind of message than was asked for";
constexpr std::string_view kTooOld = "a node answered with older state than was asked for";

}  // namespace

ClientCore::ClientCore(const ClientOptions& options)
    : options_(options), session_(options.saved, options.nonce), random_(options.seed), last_saved_(options.saved) {
  INVARIANT(options.endpoints > 0, "a client needs somebody to ask");
  restore_unfinished();
}

void ClientCore::restore_session(const wire::Secret& secret, const SavedSession& saved) {
  INVARIANT(!session_was_used(), "the session is chosen before the first operation");
  const LogIndex seen = session_.highest_index();
  options_.secret = secret;
  session_ = ClientSession(saved, options_.nonce);
  session_.saw_index(seen);
  last_saved_ = saved;
  restore_unfinished();
}

bool ClientCore::session_was_used() const {
  return session_.is_open() || session_error_ ||
         std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
           return is_operation(entry.second) || std::holds_alternative<wire::OpenSession>(entry.second.body);
         });
}

// What an earlier incarnation sent and never heard of: nobody here waits for it, but nothing new may
// be sent before it is answered.
void ClientCore::restore_unfinished() {
  for (const auto& [number, operation] : session_.unanswered()) {
    Request request;
    request.body = operation;
    request.number = number;
    request.restored = true;
    last_request_ = last_request_.next();
    requests_.emplace(last_request_, std::move(request));
  }
}

CallId ClientCore::preempt(Time now, std::string name, std::optional<Duration> timeout) {
  if (!wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  return start(now, locks::Operation(locks::Preempt{std::move(name)}), timeout);
}

CallId ClientCore::release(Time now, std::string name, std::optional<Duration> timeout) {
  if (!wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  return start(now, locks::Operation(locks::Release{std::move(name)}), timeout);
}

CallId ClientCore::check(Time now, std::string name, wire::ReadMode mode, std::optional<Duration> timeout) {
  if (!wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  return start(now, wire::Check{std::move(name), mode, LogIndex()}, timeout);
}

CallId ClientCore::list(Time now, std::string prefix, std::string after, std::uint32_t limit, wire::ReadMode mode,
                        std::optional<Duration> timeout) {
  std::string problem = problem_with_range(prefix, after);
  if (!problem.empty()) return refuse(ErrorCode::kInvalidName, std::move(problem));
  limit = std::clamp<std::uint32_t>(limit, 1, static_cast<std::uint32_t>(wire::kMaxListPage));
  return start(now, wire::List{std::move(prefix), std::move(after), limit, mode, LogIndex()}, timeout);
}

CallId ClientCore::status(Time now, std::optional<Duration> timeout) { return start(now, wire::Status{}, timeout); }

CallId ClientCore::refuse(ErrorCode code, std::string detail) {
  last_call_ = last_call_.next();
  output_.completions.push_back({last_call_, ClientError{code, std::move(detail), SessionId(), true}, LogIndex()});
  return last_call_;
}

CallId ClientCore::start(Time now, RequestBody body, std::optional<Duration> timeout) {
  const auto* operation = std::get_if<locks::Operation>(&body);
  if (operation && session_error_) return refuse(session_error_->code, session_error_->detail);
  const CallId call = last_call_ = last_call_.next();
  const Duration patience = timeout.value_or(options_.call_timeout);
  if (!operation || !claim_unfinished(call, *operation, now + patience, patience)) {
    Request request;
    request.body = std::move(body);
    request.call = call;
    request.deadline = now + patience;
    request.timeout = patience;
    request.due = now;
    last_request_ = last_request_.next();
    waiting_.emplace(call, last_request_);
    requests_.emplace(last_request_, std::move(request));
  }
  work(now);
  return call;
}

// The call becomes the unfinished request's own, if that request is the last word of this session so
// far: then an answer that says yes is as true now as when it ran.
bool ClientCore::claim_unfinished(CallId call, const locks::Operation& operation, Time deadline, Duration timeout) {
  if (!options_.claims_unfinished || session_.unanswered().size() != 1) return false;
  for (auto& [id, request] : requests_) {
    if (!request.number || request.call || !session_.was_alone(request.number)) continue;
    if (std::get<locks::Operation>(request.body) != operation) continue;
    request.call = call;
    request.deadline = deadline;
    request.timeout = timeout;
    request.claimed = true;
    waiting_.emplace(call, id);
    return true;
  }
  return false;
}

void ClientCore::step(Time now, const ClientEvent& event) {
  std::visit([&](const auto& e) { on(now, e); }, event);
  work(now);
}

void ClientCore::on(Time, const ClientTick&) {}

// Late and repeated answers find no copy that anybody waits for, and are dropped here.
void ClientCore::on(Time now, const ServerMessage& message) {
  const wire::Response& response = message.response;
  session_.saw_index(response.applied);
  const auto* error = std::get_if<wire::Error>(&response.body);
  if (!response.call && error) return on_unmatched_error(now, message.endpoint, *error);
  const auto copy = copies_.find(response.call);
  if (copy == copies_.end()) return;
  const auto request = requests_.find(copy->second);
  INVARIANT(request != requests_.end(), "a copy belongs to a request");
  const bool newest = request->second.copies.back() == response.call;
  if (error) return on_error(now, request, newest, *error);
  if (auto problem = on_answer(now, request, response); !problem.empty() && newest) {
    move_on(now, request->second, std::string(problem), backoff(request->second));
  }
}

// The node could not read so much of a frame as its call number: another version of the protocol, say.
void ClientCore::on_unmatched_error(Time now, std::size_t endpoint, const wire::Error& error) {
  for (auto& [id, request] : requests_) {
    if (!request.in_flight || request.endpoint != endpoint) continue;
    move_on(now, request, in_words(error), backoff(request));
  }
}

void ClientCore::on(Time now, const NotConnected& event) {
  for (auto& [id, request] : requests_) {
    if (!request.in_flight || request.endpoint != event.endpoint) continue;
    move_on(now, request, "no connection", backoff(request));
  }
}

void ClientCore::on_error(Time now, Requests::iterator request, bool newest_copy, const wire::Error& error) {
  const bool ended = error.code == ErrorCode::kSessionExpired || error.code == ErrorCode::kSessionSuperseded;
  if (error_info(error.code).certainty != Certainty::kDefinite && !ended) {
    if (newest_copy) move_on(now, request->second, in_words(error), backoff(request->second));
    return;
  }
  // A node that cannot read a copy says nothing of the copies that other nodes could read: of another version, say.
  const bool unread = error.code == ErrorCode::kBadRequest || error.code == ErrorCode::kUnsupportedVersion;
  if (unread && another_copy_was_sent(request->second)) {
    if (newest_copy) move_on(now, request->second, in_words(error), backoff(request->second));
    return;
  }
  const ClientError outcome{error.code, error.detail, error.current_session, true};
  if (std::holds_alternative<wire::OpenSession>(request->second.body)) return open_failed(request, outcome);
  if (is_operation(request->second)) {
    if (ended) return session_ended(request->first, outcome);
    session_.answered(request->second.number);
  }
  complete(request->second, outcome, LogIndex());
  erase(request);
}

// Nobody's operation can run before a session is open, so all that wait for it are told. The next
// operation asks again, with the same nonce.
void ClientCore::open_failed(Requests::iterator open, const ClientError& error) {
  erase(open);
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (!is_operation(request->second)) {
      ++request;
      continue;
    }
    INVARIANT(!request->second.number, "no number is used before the session is open");
    complete(request->second, error, LogIndex());
    request = erase(request);
  }
}

// What was never sent did not run, nor did a request whose one copy was refused; of all else an earlier copy may
// have run before the session ended.
void ClientCore::session_ended(RequestId refused, const ClientError& error) {
  session_.ended();
  session_error_ = error;
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (!is_operation(request->second)) {
      ++request;
      continue;
    }
    ClientError outcome = error;
    outcome.definite =
        !request->second.number || (request->first == refused && !another_copy_was_sent(request->second));
    complete(request->second, outcome, LogIndex());
    request = erase(request);
  }
}

// Returns what is wrong with the answer; empty if it was one.
std::string_view ClientCore::on_answer(Time now, Requests::iterator request, const wire::Response& response) {
  if (is_operation(request->second)) return on_operation_answer(now, request, response);
  if (std::holds_alternative<wire::OpenSession>(request->second.body)) {
    const auto* opened = std::get_if<locks::SessionOpened>(&response.body);
    if (!opened || !opened->session) return kWrongKind;
    session_.opened(opened->session);
    erase(request);
    return {};
  }
  const auto outcome =
      std::visit(Overloaded{[&](const wire::Check&) { return outcome_if<wire::CheckAnswer>(response.body); },
                            [&](const wire::List&) { return outcome_if<wire::ListAnswer>(response.body); },
                            [&](const wire::Status&) { return outcome_if<wire::StatusAnswer>(response.body); },
                            [&](const auto&) { return std::optional<ClientOutcome>(); }},
                 request->second.body);
  if (!outcome) return kWrongKind;
  if (response.applied < request->second.at_least) return kTooOld;
  complete(request->second, *outcome, response.applied);
  erase(request);
  return {};
}

std::string_view ClientCore::on_operation_answer(Time now, Requests::iterator found, const wire::Response& response) {
  Request& request = found->second;
  const auto outcome = outcome_of(std::get<locks::Operation>(request.body), response.body);
  if (!outcome) return kWrongKind;
  session_.answered(request.number);
  if (request.claimed && !says_yes(*outcome)) {
    // It was refused when it ran, which may be long ago: ask anew, as a request of its own.
    forget_copies(request);
    request.claimed = request.in_flight = request.restored = false;
    request.sent = 0;
    request.number = RequestNumber();
    request.failures = 0;
    request.due = now;
    return {};
  }
  complete(request, *outcome, response.applied);
  erase(found);
  return {};
}

// The copy in flight came to nothing: the next goes to another endpoint, after a pause.
void ClientCore::move_on(Time now, Request& request, std::string problem, Duration pause) {
  if (request.endpoint == preferred_) preferred_ = (preferred_ + 1) % options_.endpoints;
  last_problem_ = std::move(problem);
  request.in_flight = false;
  request.due = now + pause;
  ++request.failures;
}

Duration ClientCore::backoff(const Request& request) {
  const std::uint32_t doublings = std::min<std::uint32_t>(request.failures, 20);
  const Duration longest = std::min(options_.backoff_max, options_.backoff_min * (Duration::rep{1} << doublings));
  return random_.between(longest / 2, longest);
}

void ClientCore::work(Time now) {
  expire_calls(now);
  expire_attempts(now);
  send_due(now);
  check_invariants();
}

void ClientCore::expire_calls(Time now) {
  for (auto request = requests_.begin(); request != requests_.end();) {
    Request& late = request->second;
    if (!late.call || late.deadline > now) {
      ++request;
      continue;
    }
    std::string detail = "no answer within " + in_words(late.timeout);
    if (!last_problem_.empty()) detail += "; the last problem was: " + last_problem_;
    complete(late, ClientError{ErrorCode::kUnavailable, std::move(detail), SessionId(), false}, LogIndex());
    late.claimed = false;
    // An operation that was sent may yet run: it stays, unfinished, until its number is answered.
    request = late.number ? std::next(request) : erase(request);
  }
}

void ClientCore::expire_attempts(Time now) {
  for (auto& [id, request] : requests_) {
    if (request.in_flight && request.due <= now) {
      move_on(now, request, "no answer within " + in_words(options_.attempt_timeout), Duration::zero());
    }
  }
}

bool ClientCore::wants_session() const {
  return std::any_of(requests_.begin(), requests_.end(),
                     [&](const auto& entry) { return is_operation(entry.second) && entry.second.call; });
}

bool ClientCore::has_abandoned() const {
  return std::any_of(requests_.begin(), requests_.end(),
                     [](const auto& entry) { return entry.second.number && !entry.second.call; });
}

// Nothing is sent for a session while no operation waits. `abandoned` ones go before all that is new.
bool ClientCore::may_be_sent(const Request& request, bool wanted, bool abandoned) const {
  if (std::holds_alternative<wire::OpenSession>(request.body)) return wanted;
  if (!is_operation(request)) return true;
  if (request.number) return wanted;
  return !abandoned && session_.may_use_number();
}

void ClientCore::send_due(Time now) {
  const bool wanted = wants_session();
  const bool abandoned = has_abandoned();
  if (wanted && !session_.is_open()) open_session(now);
  for (auto& [id, request] : requests_) {
    if (request.in_flight || request.due > now || !may_be_sent(request, wanted, abandoned)) continue;
    send_copy(now, id, request);
  }
}

void ClientCore::open_session(Time now) {
  const bool opening = std::any_of(requests_.begin(), requests_.end(), [](const auto& entry) {
    return std::holds_alternative<wire::OpenSession>(entry.second.body);
  });
  if (opening) return;
  Request request;
  const std::uint64_t nonce = session_.begin_open();
  request.body = wire::OpenSession{options_.client, options_.secret, nonce, 0, session_.replaces()};
  request.due = now;
  last_request_ = last_request_.next();
  requests_.emplace(last_request_, std::move(request));
}

void ClientCore::send_copy(Time now, RequestId id, Request& request) {
  const auto* operation = std::get_if<locks::Operation>(&request.body);
  if (operation && !request.number) request.number = session_.use_number(*operation);
  last_copy_ = last_copy_.next();
  request.endpoint = preferred_;
  request.in_flight = true;
  ++request.sent;
  request.due = now + options_.attempt_timeout;
  request.copies.push_back(last_copy_);
  copies_.emplace(last_copy_, id);
  if (request.copies.size() > kMaxCopies) {
    copies_.erase(request.copies.front());
    request.copies.erase(request.copies.begin());
  }
  output_.sends.push_back({request.endpoint, wire::Request{last_copy_, wire_body(request)}});
}

// What a retry repeats is the request; what it acknowledges and how new an answer it asks for are of now.
wire::RequestBody ClientCore::wire_body(Request& request) const {
  const auto reading = [&](auto read) {
    read.at_least = request.at_least = session_.highest_index();
    return wire::RequestBody(std::move(read));
  };
  return std::visit(Overloaded{[&](const locks::Operation& operation) {
                                 return wire::RequestBody(locks::Execute{session_.id(), request.number,
                                                                         session_.acknowledged_below(), operation});
                               },
                               [&](const wire::Check& check) { return reading(check); },
                               [&](const wire::List& list) { return reading(list); },
                               [](const wire::OpenSession& open) { return wire::RequestBody(open); },
                               [](const wire::Status& status) { return wire::RequestBody(status); }},
                    request.body);
}

void ClientCore::complete(Request& request, ClientOutcome outcome, LogIndex applied) {
  if (!request.call) return;
  waiting_.erase(request.call);
  output_.completions.push_back({std::exchange(request.call, CallId()), std::move(outcome), applied});
  request.deadline = Time::max();
}

void ClientCore::forget_copies(Request& request) {
  for (const CallNumber copy : request.copies) copies_.erase(copy);
  request.copies.clear();
}

ClientCore::Requests::iterator ClientCore::erase(Requests::iterator request) {
  forget_copies(request->second);
  return requests_.erase(request);
}

ClientOutput ClientCore::take_output() {
  if (options_.keeps_session) {
    if (SavedSession saved = session_.saved(); saved != last_saved_) {
      last_saved_ = saved;
      output_.save = std::move(saved);
    }
  }
  return std::exchange(output_, {});
}

Time ClientCore::next_deadline() const {
  const bool wanted = wants_session();
  const bool abandoned = has_abandoned();
  Time next = Time::max();
  for (const auto& [id, request] : requests_) {
    next = std::min(next, request.deadline);
    if (may_be_sent(request, wanted, abandoned)) next = std::min(next, request.due);
  }
  return next;
}

void ClientCore::check_invariants() const {
  std::size_t waiting = 0;
  std::size_t numbered = 0;
  std::size_t copies = 0;
  for (const auto& [id, request] : requests_) {
    if (request.call) ++waiting;
    if (request.number) ++numbered;
    copies += request.copies.size();
    INVARIANT(!request.number || session_.is_unanswered(request.number), "a number in use has no answer yet");
    INVARIANT(!request.number || request.number >= session_.acknowledged_below(),
              "no unanswered number is acknowledged");
  }
  INVARIANT(waiting == waiting_.size(), "every waiting call has one request");
  INVARIANT(numbered == session_.unanswered().size(), "every unanswered number has one request");
  INVARIANT(copies == copies_.size(), "every copy belongs to one request");
}

}  // namespace lockstep

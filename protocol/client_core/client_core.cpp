#include "protocol/client_core/client_core.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/in_words.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/text_rules.hpp"

namespace lockstep {
namespace {

std::string problem_with_range(const std::string& prefix, const std::string& after) {
  if (!prefix.empty() && !wire::is_valid_lock_name(prefix)) return "the prefix " + wire::problem_with_lock_name(prefix);
  if (!after.empty() && !wire::is_valid_lock_name(after))
    return "the name to start after " + wire::problem_with_lock_name(after);
  return {};
}

std::string problem_with_reason(const std::string& why) {
  std::string problem = wire::problem_with_text(why, wire::any_text(wire::kMaxWhy));
  return problem.empty() ? problem : "the reason " + problem;
}

std::uint32_t page_of(std::uint32_t limit, std::size_t max) {
  return std::clamp<std::uint32_t>(limit, 1, static_cast<std::uint32_t>(max));
}

}  // namespace

ClientCore::ClientCore(const ClientOptions& options)
    : options_(options),
      session_(options.saved, options.nonce),
      lease_(options.ttl, options.attempt_timeout),
      random_(options.seed),
      last_saved_(options.saved) {
  INVARIANT(options.endpoints > 0, "a client needs somebody to ask");
  restore();
}

void ClientCore::restore_session(const wire::Secret& secret, const SavedSession& saved) {
  INVARIANT(!session_was_used(), "the session is chosen before the first operation");
  const LogIndex seen = session_.highest_index();
  options_.secret = secret;
  session_ = ClientSession(saved, options_.nonce);
  session_.saw_index(seen);
  last_saved_ = saved;
  restore();
}

bool ClientCore::session_was_used() const {
  return session_.is_open() || session_error_ || lost_ || !acquisitions_.empty() ||
         std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
           const Request& request = entry.second;
           return is_operation(request) || std::holds_alternative<wire::OpenSession>(request.body) ||
                  request.takes_over || request.conflict;
         });
}

// Nobody knows how long the lease of a kept session still runs, nor whether the earlier process does. So the next
// Open names that session, and takes it over if it lives; what was unfinished in it has run by then, or never will.
void ClientCore::restore() {
  if (!session_.is_open()) return;
  if (has_lease()) {
    session_.ended();
    last_saved_ = session_.saved();  // says the same
  } else {
    lease_.begin(Time{});
    restore_unfinished();
  }
}

// What an earlier incarnation sent and never heard of: nobody here waits for it, but nothing new may
// be sent before it is answered.
void ClientCore::restore_unfinished() {
  for (const auto& [number, operation] : session_.unanswered()) {
    Request request;
    request.body = operation;
    request.number = number;
    request.restored = true;
    const auto* acquire = std::get_if<locks::Acquire>(&operation);
    if (acquire) request.acquisition = last_acquisition_ = last_acquisition_.next();
    const RequestId id = add_request(std::move(request));
    if (!acquire) continue;
    Acquisition acquisition;
    acquisition.names = acquire->names;
    const auto wait = acquire->wait ? std::nullopt : std::optional(Duration::zero());
    acquisition.terms = {acquire->mode, acquire->permits, wait, acquire->thread};
    acquisition.request = id;
    acquisition.keeps_grant = true;
    acquisitions_.emplace(last_acquisition_, std::move(acquisition));
  }
}

ClientCore::RequestId ClientCore::add_request(Request request) {
  last_request_ = last_request_.next();
  requests_.emplace(last_request_, std::move(request));
  return last_request_;
}

// ---- The calls

CallId ClientCore::preempt(Time now, std::string name, std::optional<Duration> timeout) {
  if (!wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  return start_operation(now, locks::Preempt{std::move(name)}, timeout);
}

CallId ClientCore::release(Time now, std::string name, std::optional<Duration> timeout) {
  if (!wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  look_at_clock(now);
  if (const auto lost = lost_locks_.find(name); lost != lost_locks_.end()) {
    return refuse(error_after(lost->second),
                  "the lock was lost with its session (" + std::string(to_string(lost->second)) + "), not released");
  }
  return start_operation(now, locks::Release{std::move(name)}, timeout);
}

CallId ClientCore::force_release(Time now, std::string name, std::string why, std::optional<Duration> timeout) {
  if (!wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  if (auto problem = problem_with_reason(why); !problem.empty()) return refuse(ErrorCode::kBadRequest, problem);
  return start_operation(now, locks::ForceRelease{std::move(name), std::move(why)}, timeout);
}

CallId ClientCore::close_session(Time now, SessionId session, std::string why, std::optional<Duration> timeout) {
  if (auto problem = problem_with_reason(why); !problem.empty()) return refuse(ErrorCode::kBadRequest, problem);
  return start_operation(now, locks::CloseSession{session, std::move(why)}, timeout);
}

CallId ClientCore::close(Time now, std::optional<Duration> timeout) {
  look_at_clock(now);
  if (session_.is_open() || session_.is_opening()) return start_operation(now, locks::Close{}, timeout);
  if (!is_retiring() || requests_.at(retiring_).call) return complete_at_once(locks::Closed{});
  Request& retiring = requests_.at(retiring_);
  const CallId call = last_call_ = last_call_.next();
  retiring.call = call;
  retiring.timeout = timeout.value_or(options_.call_timeout);
  retiring.deadline = now + retiring.timeout;
  waiting_.emplace(call, retiring_);
  work(now);
  return call;
}

CallId ClientCore::take_over(Time now, std::optional<Duration> timeout) {
  look_at_clock(now);
  if (session_error_) return refuse(session_error_->code, session_error_->detail);
  Request request;
  request.body = wire::Sessions{SessionId(), 1, LogIndex()};
  request.takes_over = true;
  return start(now, std::move(request), timeout, Duration::zero());
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
  limit = page_of(limit, wire::kMaxListPage);
  return start(now, wire::List{std::move(prefix), std::move(after), limit, mode, LogIndex()}, timeout);
}

CallId ClientCore::history(Time now, std::string name, std::uint64_t after, std::uint32_t limit,
                           std::optional<Duration> timeout) {
  if (!name.empty() && !wire::is_valid_lock_name(name))
    return refuse(ErrorCode::kInvalidName, "the name " + wire::problem_with_lock_name(name));
  return start(now, wire::History{std::move(name), after, page_of(limit, wire::kMaxHistoryPage), LogIndex()}, timeout);
}

CallId ClientCore::sessions(Time now, SessionId after, std::uint32_t limit, std::optional<Duration> timeout) {
  return start(now, wire::Sessions{after, page_of(limit, wire::kMaxSessionsPage), LogIndex()}, timeout);
}

CallId ClientCore::watch(Time now, std::string prefix, LogIndex from, std::string after, Duration up_to,
                         std::optional<Duration> timeout) {
  std::string problem = problem_with_range(prefix, after);
  if (!problem.empty()) return refuse(ErrorCode::kInvalidName, std::move(problem));
  up_to = std::clamp<Duration>(up_to, Duration::zero(), std::chrono::milliseconds(wire::kMaxPollMs));
  return start(now, wire::Watch{std::move(prefix), from, std::move(after), 0}, timeout, up_to);
}

CallId ClientCore::status(Time now, std::optional<Duration> timeout) { return start(now, wire::Status{}, timeout); }

CallId ClientCore::refuse(ErrorCode code, std::string detail) {
  return complete_at_once(ClientError{code, std::move(detail), SessionId(), true});
}

CallId ClientCore::complete_at_once(ClientOutcome outcome) {
  last_call_ = last_call_.next();
  output_.completions.push_back({last_call_, std::move(outcome), LogIndex()});
  return last_call_;
}

CallId ClientCore::start_operation(Time now, locks::Operation operation, std::optional<Duration> timeout) {
  look_at_clock(now);
  if (session_error_) return refuse(session_error_->code, session_error_->detail);
  RequestId claimed;
  Request* unfinished = find_claimable(operation, claimed);
  if (!unfinished) return start(now, std::move(operation), timeout);
  const CallId call = last_call_ = last_call_.next();
  unfinished->call = call;
  unfinished->timeout = timeout.value_or(options_.call_timeout);
  unfinished->deadline = now + unfinished->timeout;
  unfinished->claimed = true;
  waiting_.emplace(call, claimed);
  work(now);
  return call;
}

CallId ClientCore::start(Time now, RequestBody body, std::optional<Duration> timeout, Duration poll) {
  Request request;
  request.body = std::move(body);
  return start(now, std::move(request), timeout, poll);
}

CallId ClientCore::start(Time now, Request request, std::optional<Duration> timeout, Duration poll) {
  look_at_clock(now);
  const CallId call = last_call_ = last_call_.next();
  request.call = call;
  request.timeout = timeout.value_or(options_.call_timeout);
  request.deadline = now + poll + request.timeout;
  request.poll_ends = now + poll;
  request.due = now;
  waiting_.emplace(call, add_request(std::move(request)));
  work(now);
  return call;
}

// A call may take the unfinished request for its own, if that is the last word of this session so
// far: then an answer that says yes is as true now as when it ran.
ClientCore::Request* ClientCore::find_claimable(const locks::Operation& operation, RequestId& found) {
  if (!options_.claims_unfinished || session_.unanswered().size() != 1) return nullptr;
  for (auto& [id, request] : requests_) {
    if (!request.number || request.call || !session_.was_alone(request.number)) continue;
    // Of an acquisition's steps only the first can be a new one's: what undoes it answers no call.
    const bool undoes = request.acquisition && !std::holds_alternative<locks::Acquire>(operation);
    if (undoes || (request.acquisition && acquisitions_.at(request.acquisition).call)) continue;
    if (std::get<locks::Operation>(request.body) != operation) continue;
    found = id;
    return &request;
  }
  return nullptr;
}

bool ClientCore::has_claimed(CallId call) const {
  const auto waiting = waiting_.find(call);
  if (waiting == waiting_.end()) return false;
  const auto* acquisition = std::get_if<AcquisitionId>(&waiting->second);
  const RequestId request = acquisition ? acquisitions_.at(*acquisition).request : std::get<RequestId>(waiting->second);
  return requests_.at(request).claimed;
}

void ClientCore::complete(CallId call, ClientOutcome outcome, LogIndex applied) {
  if (!call) return;
  const std::size_t erased = waiting_.erase(call);
  INVARIANT(erased == 1, "a call ends once");
  output_.completions.push_back({call, std::move(outcome), applied});
}

void ClientCore::answer_call(Request& request, ClientOutcome outcome, LogIndex applied) {
  complete(std::exchange(request.call, CallId()), std::move(outcome), applied);
  request.deadline = Time::max();
}

// ---- Time

void ClientCore::step(Time now, const ClientEvent& event) {
  look_at_clock(now);
  std::visit([&](const auto& e) { on(now, e); }, event);
  work(now);
}

void ClientCore::work(Time now) {
  expire_calls(now);
  end_waits(now);
  expire_acquisitions(now);
  expire_attempts(now);
  if (std::exchange(verify_due_, false)) verify_holds(now);
  keep_alive(now);
  send_due(now);
  check_invariants();
}

ClientError ClientCore::no_answer_within(Duration timeout) const {
  std::string detail = "no answer within " + in_words(timeout);
  if (!last_problem_.empty()) detail += "; the last problem was: " + last_problem_;
  return ClientError{ErrorCode::kUnavailable, std::move(detail), SessionId(), false};
}

void ClientCore::expire_calls(Time now) {
  for (auto request = requests_.begin(); request != requests_.end();) {
    Request& late = request->second;
    if (!late.call || late.deadline > now) {
      ++request;
      continue;
    }
    answer_call(late, no_answer_within(late.timeout), LogIndex());
    late.claimed = false;
    // An operation that was sent may yet run: it stays, unfinished, until its number is answered.
    const bool stays = late.number || request->first == retiring_;
    request = stays ? std::next(request) : erase(request);
  }
}

// With a lease nothing of it is worth a write but which session there is: it will be taken over, not gone on with.
std::optional<SavedSession> ClientCore::take_save() {
  SavedSession saved = session_.saved();
  if (has_lease()) {
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
  if (options_.keeps_session) output_.save = take_save();
  return std::exchange(output_, {});
}

Time ClientCore::next_deadline() const {
  const Gate open = gate();
  Time next = lease_.next_deadline();
  for (const auto& [id, request] : requests_) {
    next = std::min(next, request.deadline);
    if (may_be_sent(request, open)) next = std::min(next, request.due);
  }
  for (const auto& [id, acquisition] : acquisitions_) {
    next = std::min(next, deadline_of(acquisition));
    if (acquisition.stage == Acquisition::Stage::kWaiting) next = std::min(next, acquisition.wait_ends);
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
    INVARIANT(!request.acquisition || acquisitions_.contains(request.acquisition), "a step is an acquisition's");
  }
  for (const auto& [id, acquisition] : acquisitions_) {
    if (acquisition.call) ++waiting;
    const auto step = requests_.find(acquisition.request);
    INVARIANT(step != requests_.end() && step->second.acquisition == id, "an acquisition is always at some step");
  }
  INVARIANT(waiting == waiting_.size(), "every waiting call has one request or one acquisition");
  INVARIANT(numbered == session_.unanswered().size(), "every unanswered number has one request");
  INVARIANT(copies == copies_.size(), "every copy belongs to one request");
  INVARIANT(held_.empty() || session_.is_open(), "locks are held by a session");
}

}  // namespace lockstep

// ClientCore: the session and its lease, from the Open to what is done after a loss (L1, L3).
#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/client_core/client_core.hpp"
#include "protocol/client_core/in_words.hpp"
#include "protocol/client_core/problems.hpp"

namespace lockstep {

// Before anything else happens: a process that was stopped, or a machine that slept, finds its locks lost here,
// whatever has come in meanwhile.
void ClientCore::look_at_clock(Time now) {
  if (!lease_.has_run_out(now)) return;
  const SessionId session = session_.id();
  const RequestNumber number = session_.next_number();
  std::string detail = "no renewal of the lease was acknowledged in time";
  if (!last_problem_.empty()) detail += "; the last problem was: " + last_problem_;
  end_session(LossReason::kUnreachable, {ErrorCode::kSessionExpired, std::move(detail), SessionId(), true});
  retire(now, session, number);
}

// ---- Opening

void ClientCore::open_session(Time now) {
  const bool opening = std::any_of(requests_.begin(), requests_.end(), [](const auto& entry) {
    return std::holds_alternative<wire::OpenSession>(entry.second.body) || entry.second.conflict;
  });
  if (opening) return;
  Request request;
  const std::uint64_t nonce = session_.begin_open();
  const auto ttl_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.ttl).count();
  request.body = wire::OpenSession{options_.client,     options_.secret, nonce, static_cast<std::uint32_t>(ttl_ms),
                                   session_.replaces(), options_.note};
  request.due = now;
  add_request(std::move(request));
}

std::string_view ClientCore::on_opened(Time now, Requests::iterator open, const wire::Response& response) {
  const auto* opened = std::get_if<locks::SessionOpened>(&response.body);
  if (!opened || !opened->session) return kWrongKind;
  // An earlier Open of the same nonce, which its call gave up, may be the one that opened it (L3).
  const Time first_sent = *std::exchange(open_sent_, std::nullopt);
  const bool is_own = std::get<wire::OpenSession>(open->second.body).nonce == options_.nonce;
  erase(open);
  session_.opened(opened->session);
  session_.saw_index(LogIndex(opened->session.value()));
  if (has_lease() && !is_own) {
    // An earlier process sent that Open, and may have its answer as well. What it opened is taken over in turn.
    session_.ended();
    return {};
  }
  lease_.begin(first_sent);
  forced_at_ = LogIndex();
  if (lease_.has_run_out(now)) {
    // It was open too late to be of use. Nothing was asked of it yet, so nobody needs to know.
    session_.ended();
    lease_.end();
    retire(now, opened->session, RequestNumber(1));
    return {};
  }
  lost_.reset();
  if (const auto safe_until = lease_.safe_until()) output_.lease_events.emplace_back(LeaseRenewed{*safe_until});
  return {};
}

void ClientCore::open_refused(Time now, Requests::iterator open, const ClientError& error) {
  erase(open);
  if (error.code != ErrorCode::kSessionConflict || !error.current_session) return open_failed(error);
  session_.saw_index(LogIndex(error.current_session.value()));
  Request request;
  request.body = wire::Sessions{error.current_session.previous(), 1, LogIndex()};
  request.conflict = error;
  request.due = now;
  add_request(std::move(request));
}

// The client has had another session than the Open named: one that an Open of this core or of an earlier process
// opened and that ended before anybody heard of it, say. Whoever names an ended session takes nothing over; one
// that lives may be a later incarnation's, which must not be fenced by an earlier one.
void ClientCore::conflict_settled(const ClientError& conflict, const wire::SessionsAnswer& answer) {
  const bool lives = !answer.sessions.empty() && answer.sessions.front().session == conflict.current_session;
  if (lives) return open_failed(conflict);
  session_.goes_on_from(conflict.current_session);
  open_sent_.reset();
}

// Nobody's operation can run before a session is open, so all that wait for it are told. The next
// operation asks again, with the same nonce.
void ClientCore::open_failed(const ClientError& error) {
  for (auto& [id, acquisition] : acquisitions_) complete(acquisition.call, error, LogIndex());
  acquisitions_.clear();
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (!is_operation(request->second) && !request->second.takes_over) {
      ++request;
      continue;
    }
    INVARIANT(!request->second.number, "no number is used before the session is open");
    answer_call(request->second, error, LogIndex());
    request = erase(request);
  }
}

// ---- Taking over

bool ClientCore::is_taking_over() const {
  return std::any_of(requests_.begin(), requests_.end(), [](const auto& entry) { return entry.second.takes_over; });
}

// First whether it holds anything: nearly always nothing, which costs the cluster little. Then what the changes since
// it was opened tell, or the full state if the node does not have them any more.
void ClientCore::took_over(Time now, Requests::iterator found, const ClientOutcome& answer) {
  Request& request = found->second;
  const SessionId session = session_.id();
  if (const auto* sessions = std::get_if<wire::SessionsAnswer>(&answer)) {
    const auto& views = sessions->sessions;
    if (!views.empty() && views.front().session == session && views.front().locks > 0) {
      request.body = wire::Watch{{}, LogIndex(session.value()).previous(), {}, 0};
      return start_anew(now, request);
    }
  } else {
    const auto& page = std::get<wire::WatchAnswer>(answer);
    if (page.reset) request.taken_over.clear();
    note_taken_over(request, page.changes);
    note_taken_over(request, page.locks);
    if (page.more) {
      auto& watch = std::get<wire::Watch>(request.body);
      watch.from = page.index;
      if (!page.locks.empty()) watch.after = page.locks.back().name;
      return start_anew(now, request);
    }
  }
  const FencingToken token(session.value());
  TakenOver outcome;
  for (const auto& [name, mode] : request.taken_over) {
    outcome.locks.push_back({name, mode, token});
    hold({name}, token);
  }
  answer_call(request, std::move(outcome), LogIndex(session.value()));
  erase(found);
}

// All that was taken over has the index of the Open as its token; so may what others were granted by that entry.
void ClientCore::note_taken_over(Request& request, const std::vector<locks::LockChange>& changes) const {
  const FencingToken token(session_.id().value());
  for (const locks::LockChange& change : changes) {
    if (change.owner != options_.client || change.token != token) continue;
    if (change.ended) {
      request.taken_over.erase(change.name);
    } else {
      request.taken_over.insert_or_assign(change.name, change.mode);
    }
  }
}

// ---- Ending

// What was never sent did not run, nor did a request whose one copy was refused; of all else an earlier copy may
// have run before the session ended. A Close has what it asked for when the cluster says so in whatever way.
void ClientCore::end_session(LossReason reason, const ClientError& error, RequestId refused) {
  const bool has_ended = reason != LossReason::kUnreachable;
  const bool is_closing = has_ended && std::any_of(requests_.begin(), requests_.end(),
                                                   [&](const auto& entry) { return is_close(entry.second); });
  if (is_closing) reason = LossReason::kClosed;
  const bool is_reported = std::exchange(gave_up_holds_, false) && reason == LossReason::kClosed;
  const bool has_lease = lease_.safe_until().has_value() && !is_reported;
  const auto certainly_not_run = [&](RequestId id, const Request& request) {
    return !request.number || (id == refused && !another_copy_was_sent(request));
  };
  const auto outcome_of = [&](bool definite) {
    ClientError outcome = error;
    outcome.definite = definite;
    return outcome;
  };
  session_.ended();
  lease_.end();
  lost_ = reason;
  const bool is_final = options_.ttl == Duration::zero() || reason == LossReason::kSuperseded;
  if (is_final && !is_closing) session_error_ = error;  // after a Close its owner knows that the next one is another
  for (auto& [id, acquisition] : acquisitions_) {
    const bool was_asked = acquisition.stage != Acquisition::Stage::kAsking ||
                           !certainly_not_run(acquisition.request, requests_.at(acquisition.request));
    complete(acquisition.call, outcome_of(!was_asked), LogIndex());
  }
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (!is_of_session(request->second)) {
      ++request;
      continue;
    }
    if (has_ended && is_close(request->second)) {
      answer_call(request->second, locks::Closed{}, LogIndex());
    } else {
      answer_call(request->second, outcome_of(certainly_not_run(request->first, request->second)), LogIndex());
    }
    request = erase(request);
  }
  acquisitions_.clear();
  if (!is_reported) report_lost(reason, has_lease);
}

void ClientCore::report_lost(LossReason reason, bool has_lease) {
  LeaseLost lost{reason, {}};
  lost_locks_.clear();
  for (auto& [name, token] : held_) {
    lost_locks_.emplace(name, reason);
    lost.locks.push_back({name, token});
  }
  held_.clear();
  if (has_lease || !lost.locks.empty()) output_.lease_events.emplace_back(std::move(lost));
}

// From the moment that a Close leaves its locks may be another's.
void ClientCore::give_up_holds() {
  if (std::exchange(gave_up_holds_, true)) return;
  report_lost(LossReason::kClosed, lease_.safe_until().has_value());
}

// Its own Close was answered, or refused since it had ended before.
void ClientCore::closed(Requests::iterator close, LogIndex applied) {
  answer_call(close->second, locks::Closed{}, applied);
  end_session(LossReason::kClosed, {ErrorCode::kSessionClosed, "this client closed it", SessionId(), true});
}

bool ClientCore::is_close(const Request& request) const {
  const auto* operation = std::get_if<locks::Operation>(&request.body);
  return operation && std::holds_alternative<locks::Close>(*operation);
}

bool ClientCore::is_of_session(const Request& request) const {
  return is_operation(request) || request.acquisition || request.verifies || request.takes_over;
}

// Its locks are given up for good: nobody here would know of them. The new session comes after that, so that
// it takes nothing over.
void ClientCore::retire(Time now, SessionId session, RequestNumber number) {
  INVARIANT(!is_retiring(), "a session is opened after the one before was given up");
  Request request;
  request.body = RetireSession{session, number};
  request.due = now;
  retiring_ = add_request(std::move(request));
}

void ClientCore::retired(Requests::iterator request) {
  answer_call(request->second, locks::Closed{}, LogIndex());
  erase(request);
  retiring_ = RequestId();
}

// ---- Keeping

void ClientCore::keep_alive(Time now) {
  if (session_.is_open()) lease_.set_waiting(now, is_in_line());
  if (lease_.is_overdue(now)) {
    const std::size_t silent = *lease_.asked_endpoint();
    keep_alive_failed(now, "no answer to a renewal of the lease", Duration::zero());
    leave_endpoint(now, silent);
  }
  if (!lease_.is_due(now)) return;
  const CallNumber call = next_copy();
  output_.sends.push_back({preferred_, wire::Request{call, wire::KeepAlive{session_.id()}}});
  lease_.sent(now, call, preferred_);
}

// The next goes to another endpoint, as a message of its own.
void ClientCore::keep_alive_failed(Time now, std::string problem, Duration pause) {
  if (lease_.asked_endpoint() == preferred_) preferred_ = (preferred_ + 1) % options_.endpoints;
  last_problem_ = std::move(problem);
  lease_.failed(now, pause);
}

// ---- Locks that an operator took

// Some lock of this session was taken: which ones, the cluster tells.
void ClientCore::verify_holds(Time now) {
  for (auto request = requests_.begin(); request != requests_.end();) {
    request = request->second.verifies ? erase(request) : std::next(request);
  }
  for (const auto& [name, token] : held_) {
    Request request;
    request.body = wire::Check{name, wire::ReadMode::kLocal, LogIndex()};
    request.verifies = token;
    request.due = now;
    add_request(std::move(request));
  }
}

void ClientCore::verified(Time now, Requests::iterator request, const wire::CheckAnswer& answer) {
  const std::string& name = std::get<wire::Check>(request->second.body).name;
  const auto held = held_.find(name);
  if (held == held_.end() || held->second != *request->second.verifies || is_being_released(name)) return;
  const auto is_own = [&](const locks::HolderView& holder) {
    return holder.session == session_.id() && holder.token == held->second;
  };
  if (answer.lock && std::any_of(answer.lock->holders.begin(), answer.lock->holders.end(), is_own)) return;
  // Of many holders not all are shown. Rather lost than wrongly held: then it must not stay held unknown to anyone.
  const bool all_shown = !answer.lock || answer.lock->holder_count == answer.lock->holders.size();
  if (!all_shown) release_unknown(now, name);
  was_taken(name, FencingToken(held->second));
}

// Then the answer to that says whether the lock was still there.
bool ClientCore::is_being_released(const std::string& name) const {
  return std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
    const auto* operation = std::get_if<locks::Operation>(&entry.second.body);
    return operation && *operation == locks::Operation(locks::Release{name});
  });
}

}  // namespace lockstep

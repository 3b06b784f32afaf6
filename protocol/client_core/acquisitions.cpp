// ClientCore: the way of an acquisition. It is asked for, perhaps stands in line, and perhaps leaves the line;
// and if nobody waits for it any more, what it was granted is released.
#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/client_core/client_core.hpp"
#include "protocol/client_core/problems.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/field_rules.hpp"

namespace lockstep {
namespace {

// Between two Waits of which the second can say nothing new: a node that does not hold them back is not flooded.
constexpr Duration kPauseBetweenWaits = std::chrono::milliseconds(100);

std::optional<ClientError> problem_with(const std::vector<std::string>& names, const AcquireTerms& terms) {
  const auto refused = [](ErrorCode code, std::string detail) {
    return ClientError{code, std::move(detail), SessionId(), true};
  };
  if (names.empty() || names.size() > locks::kMaxAcquireNames) {
    return refused(ErrorCode::kBadRequest,
                   "1 to " + std::to_string(locks::kMaxAcquireNames) + " names can be acquired at once");
  }
  for (const std::string& name : names) {
    if (!wire::is_valid_lock_name(name)) {
      return refused(ErrorCode::kInvalidName, "the name " + wire::validate_lock_name(name));
    }
  }
  const bool is_permit = terms.mode == locks::Mode::kPermit;
  if (is_permit != (terms.permits != 0) || terms.permits > locks::kMaxPermits) {
    return refused(ErrorCode::kBadRequest, "a semaphore has 1 to " + std::to_string(locks::kMaxPermits) +
                                               " permits, and a lock that is not one has none");
  }
  return std::nullopt;
}

Time saturated_sum(Time now, Duration wait) { return wait < Time::max() - now ? now + wait : Time::max(); }

bool is_once(const AcquireTerms& terms) { return terms.wait && *terms.wait <= Duration::zero(); }

}  // namespace

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// ---- Asking

CallId ClientCore::acquire(Time now, std::vector<std::string> names, const AcquireTerms& terms,
                           std::optional<Duration> timeout) {
  names = sorted_names(std::move(names));
  if (auto problem = problem_with(names, terms)) return complete_at_once(*std::move(problem));
  look_at_clock(now);
  if (session_error_) return refuse(session_error_->code, session_error_->detail);
  const CallId call = last_call_ = last_call_.next();
  RequestId unfinished;
  AcquisitionId id;
  const locks::Acquire acquire{names, terms.mode, terms.permits, !is_once(terms), terms.thread};
  if (Request* claimed = find_claimable(acquire, unfinished)) {
    id = claimed->acquisition;
    claimed->claimed = true;
  } else {
    id = last_acquisition_ = last_acquisition_.next();
    acquisitions_.emplace(id, Acquisition{});
  }
  Acquisition& acquisition = acquisitions_.at(id);
  acquisition.call = call;
  acquisition.names = std::move(names);
  acquisition.terms = terms;
  acquisition.keeps_grant = false;
  acquisition.timeout = timeout.value_or(options_.call_timeout);
  acquisition.wait_ends = terms.wait ? saturated_sum(now, *terms.wait) : Time::max();
  acquisition.asked_since = now;
  waiting_.emplace(call, id);
  if (!unfinished) take_step(now, id, locks::Operation(acquire));
  work(now);
  return call;
}

void ClientCore::cancel(Time now, CallId call) {
  look_at_clock(now);
  const auto waiting = waiting_.find(call);
  const auto* id = waiting == waiting_.end() ? nullptr : std::get_if<AcquisitionId>(&waiting->second);
  if (id == nullptr) return;
  const AcquisitionId acquisition = *id;
  acquisitions_.at(acquisition).wait_ends = now;
  if (was_never_sent(acquisitions_.at(acquisition))) {
    erase(acquisitions_.at(acquisition).request);
    end_acquisition(acquisition, NotAcquired{}, LogIndex());
  }
  work(now);
}

void ClientCore::take_step(Time now, AcquisitionId id, RequestBody body) {
  Request request;
  request.body = std::move(body);
  request.acquisition = id;
  request.due = now;
  Acquisition& acquisition = acquisitions_.at(id);
  request.poll_ends = acquisition.wait_ends;
  acquisition.asked_since = now;
  acquisition.request = add_request(std::move(request));
}

bool ClientCore::was_never_sent(const Acquisition& acquisition) const {
  return acquisition.stage == Acquisition::Stage::kAsking && !requests_.at(acquisition.request).number;
}

std::vector<CallId> ClientCore::waiting_acquisitions() const {
  std::vector<CallId> calls;
  for (const auto& [id, acquisition] : acquisitions_) {
    if (acquisition.call) calls.push_back(acquisition.call);
  }
  return calls;
}

// ---- Answers

std::string_view ClientCore::on_acquisition_answer(Time now, Requests::iterator request,
                                                   const wire::Response& response) {
  const AcquisitionId id = request->second.acquisition;
  const Acquisition& acquisition = acquisitions_.at(id);
  const auto* granted_now = std::get_if<locks::Granted>(&response.body);
  const auto* queued_now = std::get_if<locks::Queued>(&response.body);
  const auto* held = std::get_if<locks::Held>(&response.body);
  const bool cancelled = std::holds_alternative<locks::Cancelled>(response.body);
  const bool released =
      std::holds_alternative<locks::Released>(response.body) || std::holds_alternative<locks::NotHolder>(response.body);
  using Stage = Acquisition::Stage;
  const Stage stage = acquisition.stage;
  switch (stage) {
    case Stage::kAsking:
      if (!granted_now && !(is_once(acquisition.terms) ? held != nullptr : queued_now != nullptr)) return kWrongKind;
      break;
    case Stage::kWaiting:
      if (!granted_now && !queued_now) return kWrongKind;
      if (response.applied < request->second.at_least) return kTooOld;
      break;
    case Stage::kCancelling:
      if (!granted_now && !cancelled) return kWrongKind;
      break;
    case Stage::kReleasing:
      if (!released) return kWrongKind;
      break;
  }
  if (is_operation(request->second)) session_.answered(request->second.number);
  if (held && request->second.claimed) {
    start_anew(now, request->second);  // it was refused when it ran, which may be long ago
    return {};
  }
  const Time last_sent = request->second.last_sent;
  acquisitions_.at(id).claimed = acquisition.claimed || request->second.claimed;
  erase(request);
  if (granted_now) {
    granted(now, id, *granted_now, response.applied);
  } else if (queued_now) {
    queued(now, id, *queued_now, last_sent);
  } else if (released) {
    release_next(now, id);
  } else {
    not_acquired(id, held ? std::optional(*held) : std::nullopt, response.applied);
  }
  return {};
}

void ClientCore::on_acquisition_error(Time now, Requests::iterator request, const ClientError& error) {
  const AcquisitionId id = request->second.acquisition;
  Acquisition& acquisition = acquisitions_.at(id);
  const bool claimed = std::exchange(acquisition.claimed, false) || request->second.claimed;
  using Stage = Acquisition::Stage;
  switch (acquisition.stage) {
    case Stage::kAsking:
      if (claimed) return start_anew(now, request->second);
      erase(request);
      if (error.code == ErrorCode::kWaitedFor) return not_acquired(id, std::nullopt, LogIndex());
      return end_acquisition(id, error, LogIndex());
    case Stage::kWaiting:
      if (error.code == ErrorCode::kWaiterGone) {
        erase(request);
        if (!claimed) return end_acquisition(id, error, LogIndex());
        // What an earlier process left in line is gone: stand in line anew.
        acquisition.stage = Stage::kAsking;
        return take_step(now, id, operation_of(acquisition));
      }
      complete(std::exchange(acquisition.call, CallId()), indefinite(error), LogIndex());
      return leave_line(now, id);
    case Stage::kCancelling:
      erase(request);
      if (error.code == ErrorCode::kWaiterGone) return not_acquired(id, std::nullopt, LogIndex());
      return end_acquisition(id, indefinite(error), LogIndex());
    case Stage::kReleasing: erase(request); return release_next(now, id);
  }
}

locks::Operation ClientCore::operation_of(const Acquisition& acquisition) {
  const AcquireTerms& terms = acquisition.terms;
  return locks::Acquire{acquisition.names, terms.mode, terms.permits, !is_once(terms), terms.thread};
}

ClientError ClientCore::indefinite(ClientError error) {
  error.definite = false;
  return error;
}

void ClientCore::granted(Time now, AcquisitionId id, const locks::Granted& granted, LogIndex applied) {
  Acquisition& acquisition = acquisitions_.at(id);
  std::erase_if(acquisition.names, [&](const std::string& name) { return acquisition.given_back.contains(name); });
  if (acquisition.call || acquisition.keeps_grant) {
    hold(acquisition.names, granted.token);
    return end_acquisition(id, granted, applied);
  }
  acquisition.stage = Acquisition::Stage::kReleasing;
  acquisition.to_release = acquisition.names;
  release_next(now, id);
}

// A release that the application asked for while it stood in line found the name granted, before the wait did.
void ClientCore::was_given_back(const std::string& name) {
  for (auto& [id, acquisition] : acquisitions_) {
    const bool in_line =
        acquisition.stage == Acquisition::Stage::kWaiting || acquisition.stage == Acquisition::Stage::kCancelling;
    const auto& names = acquisition.names;
    if (in_line && std::find(names.begin(), names.end(), name) != names.end()) acquisition.given_back.insert(name);
  }
}

void ClientCore::not_acquired(AcquisitionId id, std::optional<locks::Held> by, LogIndex applied) {
  const auto& progress = acquisitions_.at(id).progress;
  NotAcquired outcome{std::move(by), 0};
  if (progress) {
    outcome.position = progress->position;
    if (progress->by.token) outcome.by = progress->by;
  }
  end_acquisition(id, std::move(outcome), applied);
}

void ClientCore::end_acquisition(AcquisitionId id, ClientOutcome outcome, LogIndex applied) {
  const auto acquisition = acquisitions_.find(id);
  const CallId call = acquisition->second.call;
  acquisitions_.erase(acquisition);
  complete(call, std::move(outcome), applied);
}

// ---- Standing in line

void ClientCore::queued(Time now, AcquisitionId id, const locks::Queued& queued, Time last_asked) {
  Acquisition& acquisition = acquisitions_.at(id);
  const bool waited = std::exchange(acquisition.stage, Acquisition::Stage::kWaiting) == Acquisition::Stage::kWaiting;
  if (!waited) acquisition.waiter = queued.waiter;
  AcquireProgress progress{queued.position, queued.by};
  const bool changed = acquisition.progress != progress;
  if (changed) {
    acquisition.progress = std::move(progress);
    if (acquisition.call) output_.progress.push_back({acquisition.call, *acquisition.progress});
  }
  const Time due = waited && !changed ? std::max(now, last_asked + kPauseBetweenWaits) : now;
  take_step(due, id, wire::Wait{session_.id(), acquisition.waiter, 0, LogIndex()});
  if (!acquisition.call) leave_line(now, id);
}

void ClientCore::leave_line(Time now, AcquisitionId id) {
  Acquisition& acquisition = acquisitions_.at(id);
  erase(acquisition.request);
  acquisition.stage = Acquisition::Stage::kCancelling;
  take_step(now, id, locks::Operation(locks::Cancel{acquisition.waiter}));
}

void ClientCore::end_waits(Time now) {
  for (auto& [id, acquisition] : acquisitions_) {
    if (acquisition.stage == Acquisition::Stage::kWaiting && acquisition.wait_ends <= now) leave_line(now, id);
  }
}

bool ClientCore::is_in_line() const {
  return std::any_of(acquisitions_.begin(), acquisitions_.end(), [](const auto& entry) {
    return entry.second.stage == Acquisition::Stage::kWaiting || entry.second.stage == Acquisition::Stage::kCancelling;
  });
}

// ---- Giving up

// When the call has been without an answer from a quorum for as long as it has patience. While it stands in
// line, renewals are answered by a quorum, and a Wait that no node answers counts from its first failure.
Time ClientCore::deadline_of(const Acquisition& acquisition) const {
  if (!acquisition.call) return Time::max();
  std::optional<Time> silent_since = acquisition.asked_since;
  if (acquisition.stage == Acquisition::Stage::kWaiting) {
    silent_since = requests_.at(acquisition.request).silent_since;
    if (const auto lease = lease_.silent_since(); lease && (!silent_since || *lease < *silent_since)) {
      silent_since = lease;
    }
  }
  return silent_since ? *silent_since + acquisition.timeout : Time::max();
}

// The call ends, and the acquisition goes on without it until nothing of it is left.
void ClientCore::expire_acquisitions(Time now) {
  for (auto next = acquisitions_.begin(); next != acquisitions_.end();) {
    const auto [id, acquisition] = *next++;
    if (deadline_of(acquisition) > now) continue;
    const bool never_sent = was_never_sent(acquisition);
    complete(std::exchange(acquisitions_.at(id).call, CallId()), no_answer_within(acquisition.timeout), LogIndex());
    if (never_sent) {
      erase(acquisition.request);
      acquisitions_.erase(id);
    } else if (acquisition.stage == Acquisition::Stage::kWaiting) {
      leave_line(now, id);
    }
  }
}

void ClientCore::release_next(Time now, AcquisitionId id) {
  Acquisition& acquisition = acquisitions_.at(id);
  if (acquisition.to_release.empty()) {
    acquisitions_.erase(id);
    return;
  }
  std::string name = std::move(acquisition.to_release.back());
  acquisition.to_release.pop_back();
  take_step(now, id, locks::Operation(locks::Release{std::move(name)}));
}

// A lock that nobody here counts as held is given back, in case that the cluster does.
void ClientCore::release_unknown(Time now, const std::string& name) {
  Acquisition undone;
  undone.stage = Acquisition::Stage::kReleasing;
  undone.to_release = {name};
  const AcquisitionId id = last_acquisition_ = last_acquisition_.next();
  acquisitions_.emplace(id, std::move(undone));
  release_next(now, id);
}

}  // namespace lockstep

// The end of a session: what each call is told, and what stays.
#include "protocol/client_core/session_end.hpp"

#include <string>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::client_core {
namespace {

// The session as it ends.
struct SessionEnd {
  LossReason reason{};
  ClientError error;
  RequestId refused;
  bool has_ended = false;  // as the cluster says; else it is only given up here
};

ClientError error_of(const SessionEnd& end, bool is_definite) {
  ClientError error = end.error;
  error.definite = is_definite;
  return error;
}

// What was never sent did not run, nor did a request whose one copy was refused. Of all else an earlier copy may have
// run before the session ended.
bool has_certainly_not_run(const ClientParts& client, RequestId id, const SessionEnd& end) {
  const OutstandingRequest& request = client.requests.at(id);
  const auto* operation = std::get_if<RunOnce>(&request.body);
  const bool was_sent = operation && operation->number;
  return !was_sent || (id == end.refused && !request.another_copy_was_sent());
}

void end_acquisitions(ClientParts& client, const SessionEnd& end) {
  for (const auto& [id, acquisition] : client.acquisitions.all()) {
    const bool was_asked =
        acquisition.stage != Acquisition::Stage::kAsking || !has_certainly_not_run(client, acquisition.request, end);
    client.complete(acquisition.call, error_of(end, !was_asked), LogIndex());
  }
}

// A Close has what it asked for when the cluster says so in whatever way.
void end_requests(ClientParts& client, const SessionEnd& end) {
  for (const RequestId id : client.requests.of_session()) {
    const auto* operation = std::get_if<RunOnce>(&client.requests.at(id).body);
    if (end.has_ended && operation && operation->is_close()) {
      client.answer_call(id, locks::Closed{}, LogIndex());
    } else {
      client.answer_call(id, error_of(end, has_certainly_not_run(client, id, end)), LogIndex());
    }
    client.requests.erase(id);
  }
}

bool is_closing(const ClientParts& client) {
  for (const RequestId id : client.requests.of<RunOnce>()) {
    if (std::get<RunOnce>(client.requests.at(id).body).is_close()) return true;
  }
  return false;
}

void report_lost(ClientParts& client, LossReason reason, bool had_lease) {
  LeaseLost lost{reason, client.holds.lose_all(reason)};
  if (had_lease || !lost.locks.empty()) client.output.lease_events.emplace_back(std::move(lost));
}

}  // namespace

std::optional<LossReason> loss_after(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSessionExpired: return LossReason::kExpired;
    case ErrorCode::kSessionSuperseded: return LossReason::kSuperseded;
    case ErrorCode::kSessionForced: return LossReason::kForced;
    case ErrorCode::kSessionClosed: return LossReason::kClosed;
    default: return std::nullopt;
  }
}

ClientError definite(const wire::ErrorAnswer& error) {
  return ClientError{error.code, error.detail, error.current_session, true};
}

void look_at_clock(ClientParts& client, Time now) {
  if (!client.lease.has_run_out(now)) return;
  const SessionId session = client.session.id();
  const RequestNumber number = client.session.next_number();
  std::string detail = "no renewal of the lease was acknowledged in time" + client.endpoints.last_failure();
  end_session(client, LossReason::kUnreachable, {ErrorCode::kSessionExpired, std::move(detail), SessionId(), true});
  retire(client, now, session, number);
}

void end_session(ClientParts& client, LossReason reason, const ClientError& error, RequestId refused) {
  SessionEnd end{reason, error, refused, reason != LossReason::kUnreachable};
  const bool closes = end.has_ended && is_closing(client);
  if (closes) end.reason = LossReason::kClosed;
  const bool is_reported = client.holds.end_session() && end.reason == LossReason::kClosed;
  const bool had_lease = client.lease.safe_until().has_value() && !is_reported;
  client.session.ended();
  client.lease.end();
  client.lost = end.reason;
  const bool is_final = !client.has_lease() || end.reason == LossReason::kSuperseded;
  if (is_final && !closes) client.session_error = error;  // after a Close its owner knows that the next one is another
  end_acquisitions(client, end);
  end_requests(client, end);
  client.acquisitions.clear();
  INVARIANT(client.requests.counts().numbers == 0, "nothing of an ended session is waited for");
  if (!is_reported) report_lost(client, end.reason, had_lease);
}

void closed(ClientParts& client, RequestId close, LogIndex applied) {
  client.answer_call(close, locks::Closed{}, applied);
  end_session(client, LossReason::kClosed, {ErrorCode::kSessionClosed, "this client closed it", SessionId(), true});
}

void give_up_holds(ClientParts& client) {
  if (!client.holds.give_up()) return;
  report_lost(client, LossReason::kClosed, client.lease.safe_until().has_value());
}

void open_failed(ClientParts& client, const ClientError& error) {
  for (const auto& [id, acquisition] : client.acquisitions.all()) client.complete(acquisition.call, error, LogIndex());
  client.acquisitions.clear();
  for (const RequestId id : client.requests.of_session()) {
    const auto* operation = std::get_if<RunOnce>(&client.requests.at(id).body);
    INVARIANT(!operation || !operation->number, "no number is used before the session is open");
    client.answer_call(id, error, LogIndex());
    client.requests.erase(id);
  }
}

void retire(ClientParts& client, Time now, SessionId session, RequestNumber number) {
  INVARIANT(!client.is_retiring(), "a session is opened after the one before was given up");
  OutstandingRequest request{RetireSession{session, number}};
  request.due = now;
  client.retiring = client.requests.add(std::move(request));
}

void retired(ClientParts& client, RequestId id) {
  client.answer_call(id, locks::Closed{}, LogIndex());
  client.requests.erase(id);
  client.retiring = RequestId();
}

}  // namespace lockstep::client_core

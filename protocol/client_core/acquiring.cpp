// Acquisitions, step by step. Each step is one request; its answer decides on the next.
#include "protocol/client_core/acquiring.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep::client_core {
namespace {

using Stage = Acquisition::Stage;

// Between two Waits of which the second can say nothing new: a node that does not hold them back is not flooded.
constexpr Duration kPauseBetweenWaits = std::chrono::milliseconds(100);

// It may have happened, or may yet.
ClientError indefinite(ClientError error) {
  error.definite = false;
  return error;
}

// Of one of its steps.
AcquisitionId acquisition_of(const OutstandingRequest& step) {
  const auto* operation = std::get_if<RunOnce>(&step.body);
  return operation ? operation->acquisition : std::get<WaitInLine>(step.body).acquisition;
}

void take_step(ClientParts& client, Time now, AcquisitionId id, RequestKind body) {
  // A Wait may be held back: it is silent from its first failure on.
  const bool is_wait = std::holds_alternative<WaitInLine>(body);
  OutstandingRequest request{std::move(body)};
  request.due = now;
  const RequestId step = client.requests.add(std::move(request));
  client.acquisitions.change(id, [&](Acquisition& acquisition) {
    acquisition.request = step;
    acquisition.silent_since = is_wait ? std::nullopt : std::optional(now);
  });
}

void ask_operation(ClientParts& client, Time now, AcquisitionId id, locks::Operation operation) {
  take_step(client, now, id, RunOnce{std::move(operation), RequestNumber(), id});
}

void leave_line(ClientParts& client, Time now, AcquisitionId id) {
  const Acquisition& acquisition = client.acquisitions.at(id);
  client.requests.erase(acquisition.request);
  client.acquisitions.change(id, [](Acquisition& leaving) { leaving.stage = Stage::kCancelling; });
  ask_operation(client, now, id, locks::Cancel{acquisition.waiter});
}

void release_next(ClientParts& client, Time now, AcquisitionId id) {
  if (client.acquisitions.at(id).to_release.empty()) return client.acquisitions.erase(id);
  std::string name = client.acquisitions.at(id).to_release.back();
  client.acquisitions.change(id, [](Acquisition& acquisition) { acquisition.to_release.pop_back(); });
  ask_operation(client, now, id, locks::Release{std::move(name)});
}

void granted(ClientParts& client, Time now, AcquisitionId id, const locks::Granted& granted, LogIndex applied) {
  const Acquisition& acquisition = client.acquisitions.at(id);
  std::vector<std::string> names = acquisition.names;
  std::erase_if(names, [&](const std::string& name) { return acquisition.given_back.contains(name); });
  INVARIANT(client.session.is_open(), "L8: what is granted is granted to a session");
  if (acquisition.call || acquisition.keeps_grant) {
    client.holds.hold(names, granted.token);
    return end_acquisition(client, id, granted, applied);
  }
  client.acquisitions.change(id, [&](Acquisition& undone) {
    undone.stage = Stage::kReleasing;
    undone.to_release = std::move(names);
  });
  release_next(client, now, id);
}

void queued(ClientParts& client, Time now, AcquisitionId id, const locks::Queued& queued, Time last_asked) {
  AcquireProgress progress{queued.position, queued.by};
  const bool waited = client.acquisitions.at(id).stage == Stage::kWaiting;
  const bool changed = client.acquisitions.at(id).progress != progress;
  client.acquisitions.change(id, [&](Acquisition& acquisition) {
    acquisition.stage = Stage::kWaiting;
    if (!waited) acquisition.waiter = queued.waiter;
    if (changed) acquisition.progress = std::move(progress);
  });
  const Acquisition& acquisition = client.acquisitions.at(id);
  if (changed && acquisition.call) client.output.progress.push_back({acquisition.call, *acquisition.progress});
  const Time due = waited && !changed ? std::max(now, last_asked + kPauseBetweenWaits) : now;
  const wire::Wait wait{client.session.id(), acquisition.waiter, 0, LogIndex()};
  take_step(client, due, id, WaitInLine{wait, id, acquisition.wait_ends});
  if (!acquisition.call) leave_line(client, now, id);
}

void not_acquired(ClientParts& client, AcquisitionId id, std::optional<locks::Held> by, LogIndex applied) {
  const auto& progress = client.acquisitions.at(id).progress;
  NotAcquired outcome{std::move(by), 0};
  if (progress) {
    outcome.position = progress->position;
    if (progress->by.token) outcome.by = progress->by;
  }
  end_acquisition(client, id, std::move(outcome), applied);
}

// What is wrong with it as an answer to the step at which the acquisition is.
std::string_view detail_against(const Acquisition& acquisition, LogIndex at_least, const wire::Response& response) {
  const wire::ResponseBody& body = response.body;
  const bool is_granted = std::holds_alternative<locks::Granted>(body);
  const bool is_queued = std::holds_alternative<locks::Queued>(body);
  switch (acquisition.stage) {
    case Stage::kAsking:
      if (is_granted) return {};
      return (acquisition.is_once() ? std::holds_alternative<locks::Held>(body) : is_queued) ? "" : kWrongKind;
    case Stage::kWaiting:
      if (!is_granted && !is_queued) return kWrongKind;
      return response.applied < at_least ? kTooOld : "";
    case Stage::kCancelling: return is_granted || std::holds_alternative<locks::Cancelled>(body) ? "" : kWrongKind;
    case Stage::kReleasing:
      return std::holds_alternative<locks::Released>(body) || std::holds_alternative<locks::NotHolder>(body)
                 ? ""
                 : kWrongKind;
  }
  return kWrongKind;
}

// The line does not know it any more, or nothing is known of its place there.
void wait_refused(ClientParts& client, Time now, AcquisitionId id, bool claimed, const ClientError& error) {
  if (error.code != ErrorCode::kWaiterGone) {
    client.complete(client.acquisitions.take_call(id), indefinite(error), LogIndex());
    return leave_line(client, now, id);
  }
  client.requests.erase(client.acquisitions.at(id).request);
  if (!claimed) return end_acquisition(client, id, error, LogIndex());
  // What an earlier process left in line is gone: stand in line again.
  client.acquisitions.change(id, [](Acquisition& acquisition) { acquisition.stage = Stage::kAsking; });
  ask(client, now, id);
}

}  // namespace

void ask(ClientParts& client, Time now, AcquisitionId id) {
  ask_operation(client, now, id, client.acquisitions.at(id).as_asked());
}

bool was_never_asked(const ClientParts& client, const Acquisition& acquisition) {
  return acquisition.stage == Stage::kAsking && !std::get<RunOnce>(client.requests.at(acquisition.request).body).number;
}

void end_acquisition(ClientParts& client, AcquisitionId id, ClientOutcome outcome, LogIndex applied) {
  const CallId call = client.acquisitions.at(id).call;
  client.acquisitions.erase(id);
  client.complete(call, std::move(outcome), applied);
}

std::string_view on_step_answer(ClientParts& client, Time now, RequestId step, const wire::Response& response) {
  const OutstandingRequest& request = client.requests.at(step);
  const auto* operation = std::get_if<RunOnce>(&request.body);
  const auto* wait = std::get_if<WaitInLine>(&request.body);
  const AcquisitionId id = acquisition_of(request);
  const LogIndex at_least = wait ? wait->wait.at_least : LogIndex();
  if (const auto detail = detail_against(client.acquisitions.at(id), at_least, response); !detail.empty()) {
    return detail;
  }
  const bool claimed = operation && operation->claimed;
  if (operation) client.session.answered(operation->number);
  const auto* held = std::get_if<locks::Held>(&response.body);
  if (held && claimed) {
    client.requests.start_again(step, now);  // it was refused when it ran, which may be long ago
    return {};
  }
  const Time last_sent = request.last_sent;
  if (claimed) client.acquisitions.change(id, [](Acquisition& acquisition) { acquisition.claimed = true; });
  client.requests.erase(step);
  if (const auto* now_granted = std::get_if<locks::Granted>(&response.body)) {
    granted(client, now, id, *now_granted, response.applied);
  } else if (const auto* now_queued = std::get_if<locks::Queued>(&response.body)) {
    queued(client, now, id, *now_queued, last_sent);
  } else if (client.acquisitions.at(id).stage == Stage::kReleasing) {
    release_next(client, now, id);
  } else {
    not_acquired(client, id, held ? std::optional(*held) : std::nullopt, response.applied);
  }
  return {};
}

void on_step_refused(ClientParts& client, Time now, RequestId step, const ClientError& error) {
  const OutstandingRequest& request = client.requests.at(step);
  const auto* operation = std::get_if<RunOnce>(&request.body);
  const AcquisitionId id = acquisition_of(request);
  const bool claimed = client.acquisitions.at(id).claimed || (operation && operation->claimed);
  client.acquisitions.change(id, [](Acquisition& acquisition) { acquisition.claimed = false; });
  switch (client.acquisitions.at(id).stage) {
    case Stage::kAsking:
      if (claimed) return client.requests.start_again(step, now);
      client.requests.erase(step);
      if (error.code == ErrorCode::kWaitedFor) return not_acquired(client, id, std::nullopt, LogIndex());
      return end_acquisition(client, id, error, LogIndex());
    case Stage::kWaiting: return wait_refused(client, now, id, claimed, error);
    case Stage::kCancelling:
      client.requests.erase(step);
      if (error.code == ErrorCode::kWaiterGone) return not_acquired(client, id, std::nullopt, LogIndex());
      return end_acquisition(client, id, indefinite(error), LogIndex());
    case Stage::kReleasing: client.requests.erase(step); return release_next(client, now, id);
  }
}

void end_waits(ClientParts& client, Time now) {
  for (const AcquisitionId id : client.acquisitions.ended_waits(now)) leave_line(client, now, id);
}

// The call ends, and the acquisition goes on without it until nothing of it is left.
void expire_acquisitions(ClientParts& client, Time now) {
  for (const AcquisitionId id : client.acquisitions.late(now, client.lease.silent_since())) {
    const Acquisition& acquisition = client.acquisitions.at(id);
    client.complete(client.acquisitions.take_call(id), client.no_answer_within(acquisition.timeout), LogIndex());
    if (was_never_asked(client, acquisition)) {
      client.requests.erase(acquisition.request);
      client.acquisitions.erase(id);
    } else if (acquisition.stage == Stage::kWaiting) {
      leave_line(client, now, id);
    }
  }
}

void was_given_back(ClientParts& client, const std::string& name) {
  for (const AcquisitionId id : client.acquisitions.in_line_for(name)) {
    client.acquisitions.change(id, [&](Acquisition& acquisition) { acquisition.given_back.insert(name); });
  }
}

void release_unknown(ClientParts& client, Time now, const std::string& name) {
  Acquisition undone;
  undone.stage = Stage::kReleasing;
  undone.to_release = {name};
  release_next(client, now, client.acquisitions.add(std::move(undone)));
}

}  // namespace lockstep::client_core

// ClientParts: how calls end, and the invariants that connect the organs.
#include "protocol/client_core/client_parts.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/duration_words.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/client_core/copies.hpp"

namespace lockstep::client_core {

ClientParts::ClientParts(const ClientOptions& client_options)
    : options(client_options),
      session(options.saved, options.nonce, options.bounds.unacknowledged),
      lease(options.ttl, options.attempt_timeout, options.bounds.kept_renewals),
      endpoints(options),
      requests(options.bounds.kept_copies) {}

void ClientParts::complete(CallId call, ClientOutcome outcome, LogIndex applied) {
  if (!call) return;
  const std::size_t erased = calls.erase(call);
  INVARIANT(erased == 1, "a call ends once");
  output.completions.push_back({call, std::move(outcome), applied});
}

void ClientParts::answer_call(RequestId id, ClientOutcome outcome, LogIndex applied) {
  complete(requests.take_call(id), std::move(outcome), applied);
}

ClientError ClientParts::no_answer_within(Duration timeout) const {
  return ClientError{ErrorCode::kUnavailable, "no answer within " + in_words(timeout), SessionId(), false};
}

// ---- Invariants

void ClientParts::check() {
  INVARIANT(calls.size() == requests.counts().calls + acquisitions.calls(),
            "every waiting call has one request or one acquisition");
  INVARIANT(requests.counts().numbers == session.unanswered().size(), "every unanswered number has one request");
  INVARIANT(holds.held().empty() || session.is_open(), "locks are held by a session");
  INVARIANT(!lease.safe_until() || session.is_open(), "a lease is a session's");
  INVARIANT(acquisitions.in_line() == 0 || session.is_open(), "a place in line is a session's");
  INVARIANT(!is_retiring() || (requests.contains(retiring) && !session.is_open()),
            "a session is opened after the one before was given up");
  const HighWater now{session.id(),       session.next_number(),   session.acknowledged_below(),
                      lease.safe_until(), session.highest_index(), last_copy,
                      last_call};
  INVARIANT(now.highest_index >= seen.highest_index, "reads never go back");
  INVARIANT(now.last_copy >= seen.last_copy && now.last_call >= seen.last_call, "no call number is used twice");
  if (now.session && now.session == seen.session) {
    INVARIANT(now.next_number >= seen.next_number, "a number is used once");
    INVARIANT(now.acknowledged_below >= seen.acknowledged_below, "what was acknowledged stays so");
    INVARIANT(now.acknowledged_below <= now.next_number, "only a number that was used is acknowledged");
    INVARIANT(now.safe_until >= seen.safe_until, "L3: what was certain until then stays so");
  }
  seen = now;
}

void ClientParts::check_invariants() const {
  requests.check_invariants();
  acquisitions.check_invariants();
  holds.check_invariants();
  Time due = requests.next_deadline(Lanes());
  for (const auto& [id, request] : requests.all()) {
    const bool may_leave = may_be_sent(*this, request);
    if (may_leave) due = std::min(due, request.due);
    const auto* operation = std::get_if<RunOnce>(&request.body);
    if (operation == nullptr) continue;
    INVARIANT(operation->number || !may_leave, "an operation that may be sent was sent");
    INVARIANT(!operation->number || session.is_unanswered(operation->number), "a number in use has no answer yet");
    INVARIANT(!operation->number || operation->number >= session.acknowledged_below(),
              "no unanswered number is acknowledged");
    INVARIANT(!operation->acquisition || acquisitions.contains(operation->acquisition), "a step is an acquisition's");
  }
  INVARIANT(due == requests.next_deadline(open_lanes(*this)), "what is due is found");
  for (const auto& [id, acquisition] : acquisitions.all()) {
    const RequestKind& step = requests.at(acquisition.request).body;
    const auto* operation = std::get_if<RunOnce>(&step);
    const auto* wait = std::get_if<WaitInLine>(&step);
    INVARIANT((operation && operation->acquisition == id) || (wait && wait->acquisition == id),
              "an acquisition is always at some step");
    INVARIANT((wait != nullptr) == (acquisition.stage == Acquisition::Stage::kWaiting),
              "what stands in line asks what became of it");
  }
  for (const auto& [call, carrier] : calls) {
    const auto* request = std::get_if<RequestId>(&carrier);
    const CallId carried =
        request ? requests.at(*request).call : acquisitions.at(std::get<AcquisitionId>(carrier)).call;
    INVARIANT(carried == call, "a call is carried out by what it waits for");
  }
}

}  // namespace lockstep::client_core

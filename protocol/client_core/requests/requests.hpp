// The kinds of requests, each with what starts it, what it accepts as an answer and what a refusal means.
//
// Each kind has a file of its own in this folder, which also has what its copies say. accept() returns what is wrong
// with the answer; empty: it was one, and what it means has happened. Then the request may be gone, so the kind that
// was passed is not looked at afterwards. refused() is called with what certainly did not happen.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/client_core/client_parts.hpp"

namespace lockstep::client_core {

// What is wrong with an answer, as a sentence; empty: nothing.
using Detail = std::string_view;

// begin_session.cpp. Sends an Open, unless one is under way or its refusal is looked into.
void open_session(ClientParts& client, Time now);
Detail accept(ClientParts& client, Time now, RequestId id, const BeginSession& open, const wire::Response& response);
void refused(ClientParts& client, Time now, RequestId id, const BeginSession& open, const ClientError& error);

// run_once.cpp. Of an acquisition's step: acquiring.cpp.
Detail accept(ClientParts& client, Time now, RequestId id, const RunOnce& operation, const wire::Response& response);
void refused(ClientParts& client, Time now, RequestId id, const RunOnce& operation, const ClientError& error);

// retire_session.cpp. Started by session_end.cpp.
Detail accept(ClientParts& client, Time now, RequestId id, const RetireSession& retire, const wire::Response& response);

// wait_in_line.cpp. Started by acquiring.cpp.
Detail accept(ClientParts& client, Time now, RequestId id, const WaitInLine& wait, const wire::Response& response);
void refused(ClientParts& client, Time now, RequestId id, const WaitInLine& wait, const ClientError& error);

// read_state.cpp and watch_changes.cpp. Started by calls.
Detail accept(ClientParts& client, Time now, RequestId id, const ReadState& read, const wire::Response& response);
Detail accept(ClientParts& client, Time now, RequestId id, const WatchChanges& watch, const wire::Response& response);

// verify_hold.cpp. Some lock of this session was taken: which ones, the cluster tells.
void verify_holds(ClientParts& client, Time now);
Detail accept(ClientParts& client, Time now, RequestId id, const VerifyHold& verify, const wire::Response& response);
// Something took this lock. Nobody but an operator takes one from a session that lives.
void was_taken(ClientParts& client, const std::string& name, FencingToken token);

// read_taken_over.cpp. Started by a call; all of a takeover's logic.
Detail accept(ClientParts& client, Time now, RequestId id, const ReadTakenOver& taken, const wire::Response& response);

// settle_conflict.cpp. An Open was refused with this.
void settle_conflict(ClientParts& client, Time now, const ClientError& conflict);
Detail accept(ClientParts& client, Time now, RequestId id, const SettleConflict& settle,
              const wire::Response& response);

// Of every other kind: its call is told, and nothing is left of it.
template <typename Kind>
void refused(ClientParts& client, Time, RequestId id, const Kind&, const ClientError& error) {
  client.answer_call(id, error, LogIndex());
  client.requests.erase(id);
}

// The answer as an outcome, if it is one of those that the request can have.
template <typename... Answers>
std::optional<ClientOutcome> outcome_if(const wire::ResponseBody& body) {
  std::optional<ClientOutcome> outcome;
  const auto take = [&](const auto* answer) {
    if (answer) outcome = *answer;
  };
  (take(std::get_if<Answers>(&body)), ...);
  return outcome;
}

// What is left of a long poll, as a node is told. It is held back no longer than `longest`.
std::uint32_t poll_ms(Duration left, Duration longest);

}  // namespace lockstep::client_core

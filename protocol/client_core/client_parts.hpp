// The organs of one client, and the few things that all of its logic does with them.
//
// Each organ has an invariant of its own. What connects them stands in the files of this folder that are named for what
// happens: copies.cpp (sending), acquiring.cpp, session_end.cpp, keep_alive.cpp, and requests/ for each kind of
// request. Their functions take the parts and, where it matters, the time. check() is the cheap half of the invariants
// that connect the organs; it runs after each step, in production too. check_invariants() walks everything.
// A value: a copy goes its own way.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/client_core/acquisition_table.hpp"
#include "protocol/client_core/client_interface.hpp"
#include "protocol/client_core/client_lease.hpp"
#include "protocol/client_core/client_session.hpp"
#include "protocol/client_core/endpoints.hpp"
#include "protocol/client_core/holds.hpp"
#include "protocol/client_core/request_table.hpp"

namespace lockstep::client_core {

// What carries a call out.
using Carrier = std::variant<RequestId, AcquisitionId>;

// What may only rise, as it was after the last step.
struct HighWater {
  SessionId session;
  RequestNumber next_number;
  RequestNumber acknowledged_below;
  std::optional<Time> safe_until = {};
  LogIndex highest_index;
  CallNumber last_copy;
  CallId last_call;
};

struct ClientParts {
  explicit ClientParts(const ClientOptions& client_options);

  ClientOptions options;
  ClientSession session;
  ClientLease lease;
  Endpoints endpoints;
  RequestTable requests;
  AcquisitionTable acquisitions;
  Holds holds;

  std::optional<ClientError> session_error = {};  // the session ended for good: what every later operation is told
  std::optional<LossReason> lost = {};            // how the last session ended, while there is no new one
  std::optional<Time> open_sent = {};             // when an Open with the present nonce was first sent
  RequestId retiring = {};                        // the Close of a lost session; none: there is none to give up

  std::map<CallId, Carrier> calls = {};  // those that wait
  CallId last_call = {};
  CallNumber last_copy = {};
  HighWater seen = {};
  ClientOutput output = {};

  bool has_lease() const { return options.ttl > Duration::zero(); }
  bool is_retiring() const { return static_cast<bool>(retiring); }
  CallId next_call() { return last_call = last_call.next(); }
  CallNumber next_copy() { return last_copy = last_copy.next(); }

  // The end of a call; none: nobody waits.
  void complete(CallId call, ClientOutcome outcome, LogIndex applied);
  // The end of the call of a request, which stays until it is erased.
  void answer_call(RequestId id, ClientOutcome outcome, LogIndex applied);
  ClientError no_answer_within(Duration timeout) const;

  void check();
  void check_invariants() const;
};

}  // namespace lockstep::client_core

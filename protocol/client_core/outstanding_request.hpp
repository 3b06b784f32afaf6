// A request that has no answer yet, and the nine kinds of them.
//
// What only one kind has stands in that kind. OutstandingRequest has what every request has: whose call it is, and how
// its copies fare. A kind says which lane its next copy waits in and what that copy says. What an answer means stands
// with the kind in requests/. Each send of a request is a copy with a call number of its own.
// Values. Only the table of requests changes what it keeps indexes of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client_core/client_session.hpp"
#include "protocol/client_core/client_types.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep::client_core {

// Names a request inside one client. Order is the order in which they were started.
using RequestId = Ordinal<struct RequestIdTag>;
using AcquisitionId = Ordinal<struct AcquisitionIdTag>;

// What the next copy of a request waits for, beside its time. copies.cpp says which lanes are open.
enum class Lane : std::uint8_t {
  kFree,        // nothing
  kOpening,     // that a session is wanted, and the one before is given up
  kSettling,    // that a session is wanted
  kTakingOver,  // an open session
  kRepeating,   // an operation that has a number: that somebody waits for an operation
  kEnding,      // an operation without a number that ends something: a number, and that its locks are not in use
  kNew,         // any other operation without a number: beside that, that nothing is left behind
};
inline constexpr std::size_t kLanes = 7;

// L1. With the nonce and the last session in it; a retry repeats it as it is.
struct BeginSession {
  wire::OpenSession open;
  Lane lane() const { return Lane::kOpening; }
  wire::RequestBody says(Time now, const ClientSession& session) const;
};

// What changes the state: exactly once, under its number.
struct RunOnce {
  locks::Operation operation;
  RequestNumber number = {};                    // from its first send on
  AcquisitionId acquisition = {};               // whose step this is; none: a call's own
  std::optional<FencingToken> gives_back = {};  // of one that frees a lock: held with, when first sent
  bool claimed = false;                         // it was unfinished, and a new call has made it its own
  bool ends() const;                            // a Close, a Cancel, or what undoes an acquisition
  bool is_close() const { return std::holds_alternative<locks::Close>(operation); }
  Lane lane() const;
  wire::RequestBody says(Time now, const ClientSession& session) const;
};

// A lost session, closed so that what it left comes free. None of its numbers matters any more.
struct RetireSession {
  SessionId session;
  RequestNumber number;
  Lane lane() const { return Lane::kFree; }
  wire::RequestBody says(Time now, const ClientSession& session) const;
};

// A long poll: what became of an acquisition that stands in line.
struct WaitInLine {
  wire::Wait wait;
  AcquisitionId acquisition;
  Time ends{};  // of the acquisition's wait
  Lane lane() const { return Lane::kFree; }
  wire::RequestBody says(Time now, const ClientSession& session);
};

// One page of state, or the status of a node, for the application. `at_least` is what the newest copy asked for.
struct ReadState {
  std::variant<wire::ReadRequest, wire::StatusRequest> read;
  Lane lane() const { return Lane::kFree; }
  wire::RequestBody says(Time now, const ClientSession& session);
};

// A long poll: one page of changes, for the application.
struct WatchChanges {
  wire::WatchRequest watch;
  Time ends{};
  Lane lane() const { return Lane::kFree; }
  wire::RequestBody says(Time now, const ClientSession& session) const;
};

// An operator took some lock of this session: is it this one?
struct VerifyHold {
  wire::CheckRequest check;
  FencingToken token;  // what the lock is held with
  Lane lane() const { return Lane::kFree; }
  wire::RequestBody says(Time now, const ClientSession& session);
};

// L1. Which locks came with a session that was taken over: first whether there are any, then page by page.
struct ReadTakenOver {
  std::variant<wire::SessionsRequest, wire::WatchRequest> read;
  std::map<std::string, locks::Mode> locks = {};  // as far as it was told
  Lane lane() const { return Lane::kTakingOver; }
  wire::RequestBody says(Time now, const ClientSession& session);
};

// L1. An Open was refused since the client has had another session meanwhile: does that one live?
struct SettleConflict {
  wire::SessionsRequest sessions;
  ClientError conflict;
  Lane lane() const { return Lane::kSettling; }
  wire::RequestBody says(Time now, const ClientSession& session);
};

using RequestKind = std::variant<BeginSession, RunOnce, RetireSession, WaitInLine, ReadState, WatchChanges, VerifyHold,
                                 ReadTakenOver, SettleConflict>;

struct OutstandingRequest {
  RequestKind body;
  CallId call = {};             // whose answer it is; none: nobody's, or an acquisition's
  Time deadline = Time::max();  // of the call
  Duration timeout{};           // the call's own, for the detail of an error
  bool in_flight = false;       // a copy was sent to `endpoint` and is waited for until `due`,
  Time due{};                   // else the next copy is sent at `due`
  std::size_t endpoint = 0;
  Time last_sent{};
  std::uint32_t failures = 0;           // in a row, for the backoff
  std::vector<CallNumber> copies = {};  // whose answers are still believed, the newest last
  std::uint64_t sent = 0;               // copies ever; what an earlier process sent counts as one

  bool another_copy_was_sent() const { return sent > 1; }
  Duration patience() const { return due - last_sent; }  // with the copy in flight
};

// A node may hold it back, so its silence says nothing.
bool polls(const RequestKind& body);
// It ends with the session.
bool is_of_session(const RequestKind& body);
Lane lane_of(const RequestKind& body);

}  // namespace lockstep::client_core

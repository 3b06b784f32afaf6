// What clients and nodes say to each other: the fields, not the bytes.
//
// A client sends a Request to any node and gets exactly one Response with the same call number. The
// call number names one copy of a request; the (session, number) inside names the request itself.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/modes.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep::wire {

using Secret = std::array<std::uint8_t, kSecretSize>;

// locks::Open as the client sends it: with the secret itself, of which the node logs only a hash.
struct OpenSession {
  ClientId client;
  Secret secret{};
  std::uint64_t nonce = 0;
  std::uint32_t ttl_ms = 0;
  SessionId replaces{};
  std::string note{};
  friend bool operator==(const OpenSession&, const OpenSession&) = default;
};

using ReadMode = lockstep::ReadMode;

// Both modes wait until `at_least` is applied, so that a client's reads never go back.
struct CheckRequest {
  using Answer = struct CheckAnswer;
  std::string name;
  ReadMode mode = ReadMode::kLocal;
  LogIndex at_least;
  friend bool operator==(const CheckRequest&, const CheckRequest&) = default;
};

struct ListRequest {
  using Answer = struct ListAnswer;
  std::string prefix;
  std::string after;  // names sorting after this one: the last of the page before, or empty
  std::uint32_t limit = kMaxListPage;
  ReadMode mode = ReadMode::kLocal;
  LogIndex at_least;
  friend bool operator==(const ListRequest&, const ListRequest&) = default;
};

struct CountRequest {
  using Answer = struct CountAnswer;
  std::string prefix;
  std::string after;  // names sorting after this one: where the answer before stopped, or empty
  ReadMode mode = ReadMode::kLocal;
  LogIndex at_least;
  friend bool operator==(const CountRequest&, const CountRequest&) = default;
};

struct StatusRequest {
  using Answer = struct StatusAnswer;
  friend bool operator==(const StatusRequest&, const StatusRequest&) = default;
};

// L2: the client lives. Its own deadline counts from when it sent this one, never from a copy.
struct KeepAlive {
  SessionId session;
  friend bool operator==(const KeepAlive&, const KeepAlive&) = default;
};

// What has become of a request that was answered Queued. Held back at any node until that changes, or for
// so long. Answered Queued, Granted, or the error waiter_gone.
struct Wait {
  SessionId session;
  WaiterId waiter;
  std::uint32_t up_to_ms = 0;
  LogIndex at_least;
  friend bool operator==(const Wait&, const Wait&) = default;
};

// The grants that ended, of one name or of all, oldest first.
struct HistoryRequest {
  using Answer = struct HistoryAnswer;
  std::string name;         // empty: all
  std::uint64_t after = 0;  // the position of the last event of the page before, or 0
  std::uint32_t limit = kMaxHistoryPage;
  LogIndex at_least;
  friend bool operator==(const HistoryRequest&, const HistoryRequest&) = default;
};

struct SessionsRequest {
  using Answer = struct SessionsAnswer;
  SessionId after;  // the last of the page before, or none
  std::uint32_t limit = kMaxSessionsPage;
  LogIndex at_least;
  friend bool operator==(const SessionsRequest&, const SessionsRequest&) = default;
};

// Every change of the locks whose names start with `prefix`, in order and without a gap. Without `from` it
// begins with the full state. That may come in pages, by name, while time goes on: each page brings the
// changes since the page before as well, and the client drops those of names that it has not had yet.
struct WatchRequest {
  using Answer = struct WatchAnswer;
  std::string prefix;
  LogIndex from;               // the index of the last answer, or none
  std::string after;           // while the full state was not complete: the last name of it; else empty
  std::uint32_t up_to_ms = 0;  // how long to wait for a change
  friend bool operator==(const WatchRequest&, const WatchRequest&) = default;
};

// An Execute is a type of its own for each of its operations.
using RequestBody = std::variant<OpenSession, locks::Execute, CheckRequest, ListRequest, StatusRequest, KeepAlive, Wait,
                                 HistoryRequest, SessionsRequest, WatchRequest, CountRequest>;

// What is answered from a node's state, changes nothing, and names the index that must be applied first.
using ReadRequest = std::variant<CheckRequest, ListRequest, HistoryRequest, SessionsRequest, CountRequest>;

inline LogIndex at_least_of(const ReadRequest& request) {
  return std::visit([](const auto& read) { return read.at_least; }, request);
}

// kLocal for those that have no other mode.
inline ReadMode mode_of(const ReadRequest& request) {
  return std::visit(
      [](const auto& read) {
        if constexpr (requires { read.mode; }) {
          return read.mode;
        } else {
          return ReadMode::kLocal;
        }
      },
      request);
}

inline RequestBody body_of(const ReadRequest& request) {
  return std::visit([](const auto& read) { return RequestBody(read); }, request);
}

struct Request {
  CallNumber call;
  RequestBody body;
  friend bool operator==(const Request&, const Request&) = default;
};

// How old the answer may be: the state is at least as new as the cluster's was `age` ago. None if this
// node has not heard from a quorum since it started.
struct CheckAnswer {
  std::optional<locks::LockView> lock;  // none: free, and nobody waits
  std::optional<std::uint64_t> age_ms;
  friend bool operator==(const CheckAnswer&, const CheckAnswer&) = default;
};

struct ListAnswer {
  std::vector<locks::LockView> locks;
  bool more = false;
  std::optional<std::uint64_t> age_ms;
  friend bool operator==(const ListAnswer&, const ListAnswer&) = default;
};

struct CountAnswer {
  locks::LockCount count;
  std::optional<std::uint64_t> age_ms;
  friend bool operator==(const CountAnswer&, const CountAnswer&) = default;
};

struct KeptAlive {
  LogIndex forced_at;  // the last entry by which an operator took a lock of this session; none: no operator did
  friend bool operator==(const KeptAlive&, const KeptAlive&) = default;
};

struct HistoryAnswer {
  std::vector<locks::HistoryEvent> events;
  bool more = false;
  friend bool operator==(const HistoryAnswer&, const HistoryAnswer&) = default;
};

struct SessionsAnswer {
  std::vector<locks::SessionView> sessions;
  bool more = false;
  friend bool operator==(const SessionsAnswer&, const SessionsAnswer&) = default;
};

// First apply `changes`, then add `locks`: what results is the state at `index`, as far as it was sent.
struct WatchAnswer {
  bool reset = false;  // forget what was known: the full state begins here, since `from` was none or too old
  LogIndex index;      // to go on from
  std::vector<locks::LockChange> locks;    // of the full state: every hold, as if it were granted now
  std::vector<locks::LockChange> changes;  // after `from`, up to `index`
  bool more = false;                       // the full state is not complete: ask at once, with `after`
  friend bool operator==(const WatchAnswer&, const WatchAnswer&) = default;
};

// What a ReadRequest is answered with.
using ReadAnswer = std::variant<CheckAnswer, ListAnswer, HistoryAnswer, SessionsAnswer, CountAnswer>;

using Role = NodeRole;

struct MemberStatus {
  std::string name;
  std::string client_endpoint;
  NodeId id;  // none while the cluster forms
  friend bool operator==(const MemberStatus&, const MemberStatus&) = default;
};

struct StatusAnswer {
  std::string name;
  NodeId node;
  ClusterId cluster;  // none while the cluster forms
  Role role = Role::kForming;
  Term term;
  std::string leader;  // a member's name; empty if none is known
  LogIndex last_index;
  LogIndex commit_index;
  LogIndex applied_index;
  LogIndex durable_index;
  std::uint64_t state_hash = 0;
  std::uint64_t locks = 0;
  std::uint64_t sessions = 0;
  std::uint64_t pending = 0;          // requests waiting at this node
  std::uint64_t rejected_frames = 0;  // did not decode, since start
  std::optional<std::uint64_t> age_ms;
  std::uint64_t pid = 0;
  std::string version;
  std::vector<MemberStatus> members;
  friend bool operator==(const StatusAnswer&, const StatusAnswer&) = default;
};

struct ErrorAnswer {
  ErrorCode code{};
  std::string detail;         // for a person: names the field, the limit, the session
  SessionId current_session;  // with kSessionConflict
  friend bool operator==(const ErrorAnswer&, const ErrorAnswer&) = default;
};

// A locks::Refused is sent as an ErrorAnswer; the other results as they are.
using ResponseBody = std::variant<locks::SessionOpened, locks::Granted, locks::Held, locks::Released, locks::NotHolder,
                                  CheckAnswer, ListAnswer, StatusAnswer, ErrorAnswer, locks::Queued, locks::Cancelled,
                                  locks::Closed, KeptAlive, HistoryAnswer, SessionsAnswer, WatchAnswer, CountAnswer>;

struct Response {
  CallNumber call;   // none if the request was too broken to tell
  LogIndex applied;  // what the node had applied; a client sends the highest it has seen with its reads
  ResponseBody body;
  friend bool operator==(const Response&, const Response&) = default;
};

}  // namespace lockstep::wire

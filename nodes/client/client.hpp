// The C++ library: preempt, release and check locks of a Lockstep cluster.
//
//   auto client = lockstep::Client::create({.endpoints = {"tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102"}});
//   if (!client) return complain(client.error().detail);
//   auto answer = client->preempt("backups/nightly");
//   if (answer && answer->granted) write_with_token(answer->token);
//
// Every call blocks until it is answered or its time is over. A request is repeated at the next endpoint
// under the same number when a node is silent, so it runs at most once whatever dies.
//
// Errors are returned, never thrown. error.definite says whether the operation certainly did not and will
// not happen; after an indefinite one the operation may have happened or may yet, and the client settles
// that first, before it sends anything else: a later `held` that names yourself means that it did.
//
// Threads: every member may be called from any thread; calls of one client queue up behind one mutex.
// Use a client per thread for calls at the same time. Ownership: a client owns its connections. The
// session it opened stays in the cluster, with its locks, when the client is destroyed: release them.
// A process must not fork while it has a client (libzmq).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "protocol/client_core/client_core.hpp"

namespace lockstep {

class Context;

struct Error {
  std::optional<ErrorCode> code;  // as the cluster's table of errors has it; none: it is of this machine
  std::string name;               // "unavailable", "session_expired", ...; here: "invalid_endpoint", "not_saved"
  bool definite = true;           // it did not happen and never will
  std::string detail;             // a sentence for a person
  SessionId current_session;      // with session_conflict: the client's living session
};

template <typename T>
using Expected = tl::expected<T, Error>;

struct ClientConfig {
  std::vector<std::string> endpoints = {"tcp://127.0.0.1:7101"};  // asked in this order; at least one
  std::optional<ClientId> client_id = {};                         // none: make_client_id()
  Duration timeout = std::chrono::seconds(5);                     // of a call that names none of its own
  Duration attempt_timeout = std::chrono::seconds(1);             // silence of a node before the next one is asked
  // ZeroMQ's context, to share one between many clients of a process. None: the client's own.
  std::shared_ptr<Context> context = {};
  // keep_session() will be called: a repeated operation then takes the answer of its unfinished copy.
  bool keeps_session = false;
};

// What a client that outlives its process stores: see Client::keep_session.
struct SessionKeeper {
  wire::Secret secret{};  // what the session was, or will be, opened with
  SavedSession saved;
  // Makes it durable. Called before anything is sent that needs it, from within the client's calls; it
  // must not call the client. An error ends the call that needed it, and every later one.
  std::function<tl::expected<void, std::string>(const SavedSession&)> save;
};

struct PreemptAnswer {
  bool granted = false;                // false: held, by `owner`, who may be this client itself
  ClientId owner;                      // this client, if granted
  FencingToken token;                  // of the grant; hand it to the resource, which refuses lower ones
  std::optional<WallTime> since = {};  // when it was granted; of a lock that was held
  LogIndex applied_index;
};

struct ReleaseAnswer {
  bool released = false;               // false: this client does not hold it
  std::optional<ClientId> owner = {};  // who does; nobody: it is free
  LogIndex applied_index;
};

struct CheckAnswer {
  std::optional<locks::LockView> lock = {};  // none: free
  // The answer is at least as new as the cluster's state was so long ago. None: the node cannot tell.
  std::optional<std::chrono::milliseconds> age = {};
  LogIndex applied_index;
};

struct ListAnswer {
  std::vector<locks::LockView> locks;  // in order of name
  bool more = false;                   // ask again, after the last of these
  std::optional<std::chrono::milliseconds> age = {};
  LogIndex applied_index;
};

class Client {
 public:
  // Fails only if an endpoint is not one; connecting goes on in the background.
  static Expected<Client> create(const ClientConfig& config);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Takes the lock if nobody has it.
  Expected<PreemptAnswer> preempt(const std::string& name, std::optional<Duration> timeout = {});
  Expected<ReleaseAnswer> release(const std::string& name, std::optional<Duration> timeout = {});
  // Who has it, from the map of the node that answers: at least as new as all this client has seen, and
  // with kLinearizable as new as the moment of the call.
  Expected<CheckAnswer> check(const std::string& name, wire::ReadMode mode = wire::ReadMode::kLocal,
                              std::optional<Duration> timeout = {});
  // At most `limit` (and wire::kMaxListPage) locks whose names start with `prefix` and sort after `after`.
  Expected<ListAnswer> list(const std::string& prefix, const std::string& after = {},
                            std::size_t limit = wire::kMaxListPage, wire::ReadMode mode = wire::ReadMode::kLocal,
                            std::optional<Duration> timeout = {});
  // Of the first node that answers.
  Expected<wire::StatusAnswer> status(std::optional<Duration> timeout = {});

  // Goes on with a session that an earlier process kept, and keeps it. Only before the first operation:
  // which session it is may depend on the cluster, which status() tells.
  Expected<void> keep_session(SessionKeeper keeper);
  ClientId client_id() const;
  LogIndex highest_index() const;

 private:
  struct Body;
  explicit Client(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace lockstep

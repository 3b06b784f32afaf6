// A whole node without I/O: raft, the state machine, and the requests that wait here.
//
// A shell (the server's loop, the simulator, the explorer) hands in one event at a time with the time
// it happened, takes the output, and acts on it. The same events in the same order give the same
// output, always. A Replica is a value: a copy goes its own way.
//
// Neither thread-safe nor re-entrant. Nothing here throws.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/notice.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/formation.hpp"
#include "protocol/raft/raft.hpp"
#include "protocol/replica/pending_requests.hpp"
#include "protocol/replica/reads.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct InitialMember {
  std::string name;
  std::string client_endpoint;  // for status only
};

struct ReplicaOptions {
  std::string name;                           // one of the initial members
  std::vector<InitialMember> initial_members; // in the order of the configuration file
  locks::StateLimits state_limits;            // used if this node forms the cluster
  raft::Timing timing;
  raft::Bounds bounds;
  Duration request_lifetime = std::chrono::seconds(10);       // then `unavailable`
  std::size_t max_pending_bytes = 64 * 1024 * 1024;           // then `busy`
  Duration barrier_interval = std::chrono::milliseconds(500); // how old `age` may get on a healthy node
  std::uint64_t seed = 0;                                     // from the system's random device
  std::uint64_t pid = 0;                                      // for status only
  std::string version;                                        // for status only
};

// A message of a peer came in on `connection`; what answers it goes back there.
struct PeerMessage {
  ConnectionId connection;
  raft::Message message;
};
struct ClientRequest {
  ConnectionId connection;
  wire::Request request;
};
// A client's frame did not decode. The node answers with the error and counts it.
struct BadFrame {};
// The disk has made the write durable. Writes complete in the order they were asked.
struct Persisted {
  WriteId write;
};
// Nothing happened but time.
struct Tick {};

using Event = std::variant<PeerMessage, ClientRequest, BadFrame, Persisted, Tick>;

struct ClientReply {
  ConnectionId connection;
  wire::Response response;
};

// What the shell must do. Whatever order it chooses is safe: what must be durable before it is said
// has been held back inside until Persisted came. Publishing before writing is fastest (R15).
struct Output {
  std::vector<raft::Write> writes;     // to the disk, in this order
  std::vector<raft::Outgoing> messages;  // may be lost, repeated, delayed
  std::vector<ClientReply> replies;
  std::vector<Notice> notices;
  std::optional<std::string> fatal;  // the node cannot go on, and why: a configuration error. Exit with 2.
};

class Replica {
 public:
  Replica(const ReplicaOptions& options, const raft::Restored& restored, Now now);

  void step(Now now, const Event& event);
  Output take_output();
  // When to step with a Tick if nothing else happens before. May be in the past.
  Time next_deadline() const;

  // Views, for status, tests and checkers.
  wire::StatusAnswer status(Time now) const;
  const raft::Raft* raft() const { return raft_ ? &*raft_ : nullptr; }  // none while the cluster forms
  const locks::StateMachine& state() const { return state_; }
  LogIndex applied_index() const { return applied_; }

 private:
  // ...
};

}  // namespace lockstep

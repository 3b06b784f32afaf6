// What nodes say to each other: the fields, not the bytes (those are protocol/wire's).
//
// Every message has the same header. One for another node, another cluster or an older term is
// dropped, with two exceptions that answer instead, because the answer's header brings the sender up
// to date: requests (Fetch, Forward, Barrier, VoteRequest) and the answers to a pre-vote.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/raft/entry.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep::raft {

// R16: a hash of the state after applying `index`, so that replicas that differ are found.
struct StateHash {
  LogIndex index;
  std::uint64_t hash = 0;
  friend bool operator==(const StateHash&, const StateHash&) = default;
};

// AppendEntries (Raft section 5.3), published once to everyone, or the answer to one node's Fetch.
// Without entries it is a heartbeat; its previous index is then the leader's last (R7).
struct Append {
  LogIndex previous_index;
  Term previous_term;
  std::vector<Entry> entries;
  LogIndex commit;
  Round round;
  CallNumber fetch;  // none on PUB
  std::optional<StateHash> state_hash;
  friend bool operator==(const Append&, const Append&) = default;
};

// RequestVote (Raft section 5.2), or the question whether one would be granted (thesis section 9.6).
struct VoteRequest {
  CallNumber number;
  bool pre_vote = false;
  LogIndex last_index;
  Term last_term;
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};

struct Vote {
  CallNumber number;
  bool pre_vote = false;
  bool granted = false;
  NodeId leader;  // the one the voter hears, if any: whom to fetch from
  friend bool operator==(const Vote&, const Vote&) = default;
};

// "My log agrees with yours up to `match` and has it on disk, and I heard your broadcast `round`."
struct Ack {
  LogIndex match;
  Round round;
  friend bool operator==(const Ack&, const Ack&) = default;
};

// "My entry `index` is of `term`: send what follows." Answered by an Append that names the number, or by a part of
// a snapshot if the leader's log no longer reaches back so far.
struct Fetch {
  CallNumber number;
  LogIndex index;
  Term term;
  LogIndex snapshot = {};    // of which the asker has a part; none: it has not
  std::uint64_t offset = 0;  // how many bytes of it
  friend bool operator==(const Fetch&, const Fetch&) = default;
};

// What a Fetch is answered with whose sender misses entries that the leader has dropped (S3).
struct SnapshotPart {
  CallNumber fetch;
  SnapshotHead head;
  std::uint64_t offset = 0;  // of `bytes` in the state's bytes
  std::string bytes;
  friend bool operator==(const SnapshotPart&, const SnapshotPart&) = default;
};

// Clients' commands on their way to the leader. Answered only by NotLeader or Busy; else by the log.
struct Forward {
  CallNumber number;
  std::vector<std::string> commands;
  friend bool operator==(const Forward&, const Forward&) = default;
};

// "Up to which index must I have applied to answer a linearizable read that began before this? And
// these sessions were heard from: start their leases again" (L2). Raft only carries the sessions.
struct Barrier {
  CallNumber number;
  std::vector<SessionId> renewals;
  friend bool operator==(const Barrier&, const Barrier&) = default;
};

// What became of a renewal. Unknown: it must not be relied on, and says nothing for certain.
enum class Renewal : std::uint8_t { kRenewed = 1, kDead = 2, kUnknown = 3 };

struct BarrierAnswer {
  CallNumber number;
  LogIndex index;
  std::vector<Renewal> renewals;  // of the Barrier's sessions, in their order
  friend bool operator==(const BarrierAnswer&, const BarrierAnswer&) = default;
};

struct NotLeader {
  CallNumber number;
  NodeId leader;  // none if not known
  friend bool operator==(const NotLeader&, const NotLeader&) = default;
};

struct Busy {
  CallNumber number;
  friend bool operator==(const Busy&, const Busy&) = default;
};

// R17, before the cluster exists: who I am, and whom my configuration lists as initial members.
struct Hello {
  std::string name;
  std::vector<std::string> initial_members;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// R17: entry 1, from the first listed member to all, and from any formed node to one that missed it.
struct Form {
  Configuration configuration;
  WallTime time{};
  friend bool operator==(const Form&, const Form&) = default;
};

struct HelloRefused {
  std::string reason;
  friend bool operator==(const HelloRefused&, const HelloRefused&) = default;
};

using MessageBody = std::variant<Append, VoteRequest, Vote, Ack, Fetch, Forward, Barrier, BarrierAnswer, NotLeader,
                                 Busy, Hello, Form, HelloRefused, SnapshotPart>;

struct Message {
  ClusterId cluster;  // none in a Hello of a blank node
  Term term;          // the sender's current term
  NodeId from;
  NodeId to;  // none on PUB, and before the addressee's id is known
  MessageBody body;
  friend bool operator==(const Message&, const Message&) = default;
};

// Which way a message leaves: once to every subscriber, over the DEALER to a member, or back over
// the ROUTER on the connection its request came in on.
struct Publish {
  friend bool operator==(const Publish&, const Publish&) = default;
};
struct ToMember {
  std::string name;
  friend bool operator==(const ToMember&, const ToMember&) = default;
};
struct ToConnection {
  ConnectionId connection;
  friend bool operator==(const ToConnection&, const ToConnection&) = default;
};
using Destination = std::variant<Publish, ToMember, ToConnection>;

struct Outgoing {
  Destination to;
  Message message;
};

}  // namespace lockstep::raft

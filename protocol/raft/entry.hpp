// What the log is made of.
//
// An entry is one decision: nothing (a new leader's no-op), the cluster's configuration (entry 1), or
// one command of the state machine, as bytes that raft never looks into. One command is one entry,
// so that an entry's index can serve as a session id or a fencing token.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/types.hpp"

namespace lockstep::raft {

struct Member {
  NodeId id;
  std::string name;
  friend bool operator==(const Member&, const Member&) = default;
};

// Entry 1 of every log, the same bytes on every node. Votes and acknowledgements are counted by node
// id, never by name. A change of members will be a later entry of this type.
struct Configuration {
  ClusterId cluster;
  std::vector<Member> voters;
  std::string state_limits;  // the state machine's own, opaque here
  friend bool operator==(const Configuration&, const Configuration&) = default;

  const Member* find(NodeId id) const {
    for (const Member& member : voters) {
      if (member.id == id) return &member;
    }
    return nullptr;
  }
  const Member* find(const std::string& name) const {
    for (const Member& member : voters) {
      if (member.name == name) return &member;
    }
    return nullptr;
  }
};

struct Noop {
  friend bool operator==(const Noop&, const Noop&) = default;
};

struct Command {
  std::string bytes;
  friend bool operator==(const Command&, const Command&) = default;
};

using EntryBody = std::variant<Noop, Configuration, Command>;

struct Entry {
  Term term;
  WallTime time{};  // the leader's wall clock, never below the entry before: for display only
  EntryBody body;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// What an entry weighs in frames, buffers and the bound on uncommitted bytes.
inline std::size_t size_of(const Entry& entry) {
  constexpr std::size_t kOverhead = 32;
  if (const auto* command = std::get_if<Command>(&entry.body)) return kOverhead + command->bytes.size();
  return kOverhead;
}

// The part of a node's durable state that is not the log. Kept by the disk as one record.
struct HardState {
  ClusterId cluster;  // none while the node is blank
  Term term;
  NodeId vote;            // whom this node voted for in `term`; none if nobody
  LogIndex repair_until;  // after acknowledged data was damaged (S2): no vote and no ack before this is durable again
  friend bool operator==(const HardState&, const HardState&) = default;
};

struct Snapshot;  // snapshot.hpp

// What identifies an entry (Raft section 5.3). Index 0, of term 0, is before the first.
struct EntryId {
  LogIndex index;
  Term term;
  friend bool operator==(const EntryId&, const EntryId&) = default;
};

// One write a node asks of its disk, numbered in the order asked. A snapshot takes the place of the whole log
// (S3). Entries take the place of all that the log held from `first` on. Within one write the snapshot becomes
// durable first, then the entries, then the hard state.
struct Write {
  WriteId id;
  LogIndex first;  // index of entries.front(); none without entries
  std::vector<Entry> entries;
  std::optional<HardState> hard_state;
  std::shared_ptr<const Snapshot> snapshot = {};  // none: no snapshot
};

// What a disk gave back when the node started, all of it durable.
struct Restored {
  NodeId node;
  HardState hard_state;
  std::vector<Entry> entries;                     // that follow `base`
  EntryId base = {};                              // at or before the snapshot's last entry
  std::shared_ptr<const Snapshot> snapshot = {};  // the newest; none: the log begins with entry 1
};

}  // namespace lockstep::raft

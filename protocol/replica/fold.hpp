// S6: a snapshot is made of the one before it and of the log since, by the same steps by which a node applies
// its log, and not of the living state, which nobody has to stop for it.
//
// Pure functions: the server calls fold() on a thread of its own, the simulator at once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <tl/expected.hpp>

#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/snapshot.hpp"

namespace lockstep {

// The state after every entry up to `index`, all of them committed, as this node's own replica has it.
struct Compaction {
  LogIndex index;
  std::uint64_t state_hash = 0;
  locks::Bounds bounds = {};
  friend bool operator==(const Compaction&, const Compaction&) = default;
};

// What applying one entry to the state means, and what came of it.
struct AppliedEntry {
  std::optional<locks::Command> command = {};  // none: the entry is no command
  std::optional<locks::Outcome> outcome = {};  // none: nobody waits for one
};
AppliedEntry apply_entry(locks::StateMachine& state, LogIndex index, const raft::Entry& entry);

// An error, to be said of the snapshot ("is damaged (...)"), if the bytes are no state, or not the one that the head
// names.
tl::expected<locks::StateMachine, std::string> restore_state(const raft::Snapshot& snapshot,
                                                             const locks::Bounds& bounds = {});

// `older`: the snapshot to begin with; none: entry 1 does. `entries`: the log from `first` on, which must reach
// from the entry after `older`, or from before it, up to `wanted.index`. An error, a sentence for a person, if what
// the disk gave back does not lead to the state that the replica has: then one of the two is wrong, and the node must
// not go on.
tl::expected<raft::Snapshot, std::string> fold(const raft::Snapshot* older, LogIndex first,
                                               std::span<const raft::Entry> entries, const Compaction& wanted);

}  // namespace lockstep

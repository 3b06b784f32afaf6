// R16: equal logs give equal states. The hashes of this node's state at multiples of an interval, and those
// that the leader's messages told; one that differs ends the process.
// A value: copyable, not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/raft/messages.hpp"

namespace lockstep {

class StateHashes {
 public:
  // Remembers so many of each kind.
  explicit StateHashes(std::size_t kept) : kept_(kept) {}

  // This node's state, with `own.index` the last entry applied.
  void note_own(const raft::StateHash& own);
  // `applied`: how far this node is; what is said of later entries is compared when they are applied.
  void note_leaders(const std::vector<raft::StateHash>& hashes, LogIndex applied);

 private:
  std::size_t kept_;
  std::map<LogIndex, std::uint64_t> own_;      // the last few
  std::map<LogIndex, std::uint64_t> leaders_;  // of entries that are not applied here yet
};

}  // namespace lockstep

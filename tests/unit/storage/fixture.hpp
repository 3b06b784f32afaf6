// Short ways to say what the storage tests say all the time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "nodes/storage/storage.hpp"
#include "protocol/raft/entry.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep::test {

using Writes = std::vector<raft::Write>;

// An entry that says `name`, and is the larger the longer that is.
inline raft::Entry entry(std::uint64_t term, const std::string& name) {
  const locks::Command command = locks::Execute{SessionId(1), RequestNumber(1), RequestNumber(1), locks::Preempt{name}};
  return {Term(term), WallTime(std::chrono::milliseconds(1000 + static_cast<std::int64_t>(term))),
          raft::Command{wire::encode(command)}};
}

// Entries that weigh about 300 bytes each.
inline std::vector<raft::Entry> large_entries(std::uint64_t term, std::size_t count) {
  return std::vector<raft::Entry>(count, entry(term, std::string(255, 'x')));
}

inline raft::HardState hard_state(std::uint64_t term, std::uint64_t vote = 0) {
  raft::HardState result;
  result.term = Term(term);
  result.vote = NodeId(vote);
  return result;
}

inline raft::Write write(std::uint64_t id, std::uint64_t first, std::vector<raft::Entry> entries,
                         std::optional<raft::HardState> state = std::nullopt) {
  return {WriteId(id), LogIndex(first), std::move(entries), state, nullptr};
}

// Small, so that a few entries fill a segment: it has room for 13 large ones.
inline constexpr std::uint64_t kSegmentBytes = 12 * 1024;

inline StorageOptions options() {
  StorageOptions result;
  result.folder = "data";
  result.fresh_node_id = NodeId(77);
  result.seed = 1;
  result.segment_bytes = kSegmentBytes;
  return result;
}

inline Storage open(Disk& disk, const StorageOptions& with = options()) {
  auto storage = Storage::open(disk, with);
  if (!storage) FAIL("cannot open: " << storage.error().detail);
  return *std::move(storage);
}

// Applies all, and returns how many writes were acknowledged before an error or a full disk.
inline std::size_t acknowledged(Storage& storage, std::span<const raft::Write> writes) {
  std::size_t done = 0;
  while (done < writes.size()) {
    const auto persisted = storage.persist(writes.subspan(done));
    if (!persisted || persisted->out_of_space) break;
    done += persisted->count;
  }
  return done;
}

inline void must_persist(Storage& storage, const Writes& writes) {
  REQUIRE(acknowledged(storage, writes) == writes.size());
}

// What a log that took these writes must hold: the meaning of raft::Write, in four lines.
inline void follow(std::vector<raft::Entry>& log, const raft::Write& write) {
  if (write.entries.empty()) return;
  log.resize(write.first.value() - 1);
  log.insert(log.end(), write.entries.begin(), write.entries.end());
}

}  // namespace lockstep::test

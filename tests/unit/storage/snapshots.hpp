// A state machine for storage's tests: its state is the list of all entries, so whatever a node finds on its disk can
// be compared with what was written, whether it is in a snapshot or in the log.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/storage.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace lockstep::test {

inline std::string state_of(std::span<const raft::Entry> entries) {
  std::string state;
  for (const raft::Entry& one : entries) {
    const std::string body = wire::encode(one.body);
    append(state, one.term.value());
    append(state, static_cast<std::uint64_t>(one.time.time_since_epoch().count()));
    append(state, static_cast<std::uint32_t>(body.size()));
    state += body;
  }
  return state;
}

inline std::vector<raft::Entry> entries_in(std::string_view state) {
  std::vector<raft::Entry> entries;
  while (!state.empty()) {
    const std::size_t body_bytes = get<std::uint32_t>(state, 16);
    const WallTime time(std::chrono::milliseconds(static_cast<std::int64_t>(get<std::uint64_t>(state, 8))));
    entries.push_back(
        {Term(get<std::uint64_t>(state, 0)), time, *wire::decode_entry_body(state.substr(20, body_bytes))});
    state.remove_prefix(20 + body_bytes);
  }
  return entries;
}

inline raft::Snapshot snapshot_of(std::span<const raft::Entry> entries) {
  raft::Snapshot snapshot;
  snapshot.state = state_of(entries);
  snapshot.head.index = LogIndex(entries.size());
  snapshot.head.term = entries.back().term;
  snapshot.head.time = entries.back().time;
  snapshot.head.configuration = {
      ClusterId(5), {{NodeId(77), "a"}, {NodeId(78), "b"}}, wire::encode(locks::StateLimits{})};
  snapshot.head.formed = entries.front().time;
  snapshot.head.state_hash = crc32c(snapshot.state);
  snapshot.head.state_bytes = snapshot.state.size();
  return snapshot;
}

inline Fold fold_up_to(LogIndex index) {
  return [index](const raft::Snapshot* older, LogIndex first,
                 std::span<const raft::Entry> entries) -> tl::expected<raft::Snapshot, std::string> {
    std::vector<raft::Entry> all;
    if (older != nullptr) all = entries_in(older->state);
    const LogIndex next = LogIndex(all.size()).next();
    if (first > next || first + entries.size() <= index) return tl::unexpected(std::string("the log does not reach"));
    const auto after = entries.subspan(next - first, index - next + 1);
    all.insert(all.end(), after.begin(), after.end());
    return snapshot_of(all);
  };
}

inline StorageResult<raft::Compacted> compact(Storage& storage, std::uint64_t index) {
  storage.start_compaction(LogIndex(index), fold_up_to(LogIndex(index)), [] {});
  return storage.finish_compaction();
}

inline void must_compact(Storage& storage, std::uint64_t index) {
  const auto end = compact(storage, index);
  if (!end) FAIL("cannot compact: " << end.error().detail);
  REQUIRE(end->snapshot);
  REQUIRE(end->snapshot->index == LogIndex(index));
}

inline raft::Write installation(std::uint64_t id, std::span<const raft::Entry> state,
                                std::vector<raft::Entry> entries = {},
                                std::optional<raft::HardState> hard_state = std::nullopt) {
  raft::Write result{WriteId(id), LogIndex(), std::move(entries), hard_state, nullptr};
  if (!result.entries.empty()) result.first = LogIndex(state.size() + 1);
  result.snapshot = std::make_shared<const raft::Snapshot>(snapshot_of(state));
  return result;
}

// All entries, those that the snapshot stands for too. Checks that the log and the snapshot fit together.
inline std::vector<raft::Entry> everything(const raft::Restored& restored) {
  if (!restored.snapshot) {
    REQUIRE(restored.base == raft::EntryId{});
    return restored.entries;
  }
  const raft::SnapshotHead& head = restored.snapshot->head;
  std::vector<raft::Entry> all = entries_in(restored.snapshot->state);
  REQUIRE(*restored.snapshot == snapshot_of(all));
  REQUIRE(restored.base.index <= head.index);
  REQUIRE(restored.base.index + restored.entries.size() >= head.index);
  if (restored.base.index) REQUIRE(restored.base.term == all[restored.base.index.value() - 1].term);
  bool agrees = true;
  for (std::size_t i = 0; i < restored.entries.size(); ++i) {
    const std::size_t place = restored.base.index.value() + i;
    if (place < all.size()) {
      agrees = agrees && all[place] == restored.entries[i];
    } else {
      all.push_back(restored.entries[i]);
    }
  }
  REQUIRE(agrees);
  return all;
}

inline std::vector<std::string> names_of_kind(const std::set<std::string>& names, const std::string& prefix) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    if (name.starts_with(prefix)) result.push_back(name);
  }
  return result;
}

}  // namespace lockstep::test

// Builds a state from a snapshot, applies entries to it, and encodes it again.
#include "protocol/replica/fold.hpp"

#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/state_codec.hpp"

namespace lockstep {
namespace {

std::string up_to(const Compaction& wanted) { return " up to index " + std::to_string(wanted.index.value()); }

}  // namespace

AppliedEntry apply_entry(locks::StateMachine& state, LogIndex index, const raft::Entry& entry) {
  AppliedEntry applied;
  if (const auto* configuration = std::get_if<raft::Configuration>(&entry.body)) {
    INVARIANT(index == LogIndex(1), "a cluster forms once (R17)");
    const auto limits = wire::decode_state_limits(configuration->state_limits);
    INVARIANT(limits.has_value(), "entry 1 carries the state's limits");
    state = locks::StateMachine(*limits, state.bounds());
  } else if (const auto* command = std::get_if<raft::Command>(&entry.body)) {
    auto decoded = wire::decode_command(command->bytes);
    INVARIANT(decoded.has_value(), "what cannot be read never enters a log");
    applied.outcome = state.apply(index, entry.time, *decoded);
    applied.command = *std::move(decoded);
  }
  return applied;
}

tl::expected<locks::StateMachine, std::string> restore_state(const raft::Snapshot& snapshot,
                                                             const locks::Bounds& bounds) {
  const auto damaged = [](const std::string& how) { return tl::unexpected("is damaged (" + how + ")"); };
  auto state = wire::decode_state(snapshot.state, bounds);
  if (!state && state.error().code == ErrorCode::kUnsupportedVersion) {
    return tl::unexpected("is of another version of Lockstep (" + to_string(state.error()) + ")");
  }
  if (!state) return damaged(to_string(state.error()));
  if (state->hash() != snapshot.head.state_hash) return damaged("its state has another hash");
  if (state->last_applied() > snapshot.head.index) return damaged("its state is of a later index");
  return *std::move(state);
}

tl::expected<raft::Snapshot, std::string> fold(const raft::Snapshot* older, LogIndex first,
                                               std::span<const raft::Entry> entries, const Compaction& wanted) {
  locks::StateMachine state(locks::StateLimits{}, wanted.bounds);
  raft::SnapshotHead head;
  if (older != nullptr) {
    auto restored = restore_state(*older, wanted.bounds);
    if (!restored) return tl::unexpected("the snapshot" + up_to({older->head.index}) + " " + restored.error());
    state = *std::move(restored);
    head = older->head;
  }
  const LogIndex last = first.previous() + entries.size();
  if (first > head.index.next() || last < wanted.index || wanted.index <= head.index) {
    return tl::unexpected("the log on the disk does not reach from index " + std::to_string(head.index.next().value()) +
                          up_to(wanted));
  }
  for (LogIndex index = head.index.next(); index <= wanted.index; index = index.next()) {
    const raft::Entry& entry = entries[index - first];
    apply_entry(state, index, entry);
    if (const auto* configuration = std::get_if<raft::Configuration>(&entry.body)) {
      // Entry 1, as apply_entry() has made sure.
      head.configuration = *configuration;
      head.formed = entry.time;
    }
    head.term = entry.term;
    head.time = entry.time;
  }
  if (state.hash() != wanted.state_hash) {
    return tl::unexpected("the snapshot and the log on the disk" + up_to(wanted) +
                          " lead to another state than this node has (S6)");
  }
  head.index = wanted.index;
  head.state_hash = wanted.state_hash;
  raft::Snapshot snapshot{std::move(head), wire::encode_state(state)};
  snapshot.head.state_bytes = snapshot.state.size();
  // Nobody would find out before it is needed.
  if (!restore_state(snapshot, wanted.bounds))
    return tl::unexpected("the state" + up_to(wanted) + " cannot be read back once written");
  return snapshot;
}

}  // namespace lockstep

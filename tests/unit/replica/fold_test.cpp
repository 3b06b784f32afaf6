// S6: what a snapshot and the log after it lead to, and what is said of those that lead nowhere.
#include "protocol/replica/fold.hpp"

#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/state_codec.hpp"

namespace lockstep::fold_test {
namespace {

// Entry 1, and `sessions` entries that each open a session.
std::vector<raft::Entry> log_with(std::size_t sessions) {
  raft::Configuration formed;
  formed.cluster = ClusterId(7);
  formed.state_limits = wire::encode(locks::StateLimits{});
  std::vector<raft::Entry> log{{Term(1), WallTime(std::chrono::milliseconds(100)), formed}};
  for (std::size_t i = 1; i <= sessions; ++i) {
    locks::Open open;
    open.client.bytes[0] = static_cast<std::uint8_t>(i);
    open.nonce = i;
    log.push_back(
        {Term(2), WallTime(std::chrono::milliseconds(100 + i)), raft::Command{wire::encode(locks::Command(open))}});
  }
  return log;
}

std::uint64_t hash_after(const std::vector<raft::Entry>& log) {
  locks::StateMachine state;
  LogIndex index;
  for (const raft::Entry& entry : log) apply_entry(state, index = index.next(), entry);
  return state.hash();
}

raft::Snapshot snapshot_of(const std::vector<raft::Entry>& log) {
  auto folded = fold(nullptr, LogIndex(1), log, {LogIndex(log.size()), hash_after(log)});
  REQUIRE(folded);
  return *std::move(folded);
}

std::string violation_in(const raft::Snapshot& snapshot) {
  const auto restored = restore_state(snapshot);
  return restored ? "" : restored.error();
}

}  // namespace

TEST_CASE("a snapshot and the log after it fold to what the whole log folds to (S6)") {
  const std::vector<raft::Entry> log = log_with(6);
  const raft::Snapshot older = snapshot_of(log_with(3));
  const auto newer = fold(&older, LogIndex(3), std::span(log).subspan(2), {LogIndex(7), hash_after(log)});
  REQUIRE(newer);
  CHECK(*newer == snapshot_of(log));
  CHECK(newer->head.formed == log.front().time);
}

TEST_CASE("a state other than the one that the node has is an error (S6)") {
  const std::vector<raft::Entry> log = log_with(2);
  const auto folded = fold(nullptr, LogIndex(1), log, {LogIndex(3), hash_after(log) ^ 1});
  REQUIRE_FALSE(folded);
  CHECK(folded.error().find("another state than this node has (S6)") != std::string::npos);
}

TEST_CASE("of a snapshot that cannot be read it is said whether it is damaged or of another version") {
  const raft::Snapshot good = snapshot_of(log_with(2));
  CHECK(violation_in(good) == "");

  raft::Snapshot cut_short = good;
  cut_short.state.pop_back();
  CHECK(violation_in(cut_short).starts_with("is damaged (state."));

  raft::Snapshot other_version = good;
  other_version.state[1] = 2;  // after the byte that says how many fields there are
  CHECK(violation_in(other_version).starts_with("is of another version of Lockstep (state.version: "));

  raft::Snapshot other_state = good;
  other_state.head.state_hash ^= 1;
  CHECK(violation_in(other_state) == "is damaged (its state has another hash)");

  raft::Snapshot too_early = good;
  too_early.head.index = LogIndex(1);
  CHECK(violation_in(too_early) == "is damaged (its state is of a later index)");

  const auto folded = fold(&other_version, LogIndex(4), {}, {LogIndex(4), 0});
  REQUIRE_FALSE(folded);
  CHECK(folded.error().starts_with("the snapshot up to index 3 is of another version of Lockstep ("));
}

}  // namespace lockstep::fold_test

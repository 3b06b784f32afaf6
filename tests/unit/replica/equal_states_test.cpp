// R16 and S6: a state that is not what it should be is found out, and nothing goes on with it.
#include <doctest/doctest.h>

#include "protocol/replica/fold.hpp"
#include "protocol/replica/state_hashes.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/support/aborts.hpp"

namespace lockstep::equal_states_test {
namespace {

constexpr LogIndex kIndex(1024);
const raft::StateHash kHash{kIndex, 7};
const raft::StateHash kOther{kIndex, 8};

std::vector<raft::Entry> first_entry() {
  raft::Configuration configuration;
  configuration.cluster = ClusterId(5);
  configuration.state_limits = wire::encode(locks::StateLimits{});
  return {raft::Entry{Term(1), WallTime(), configuration}};
}

constexpr LogIndex kFirst(1);
std::uint64_t right_hash() { return locks::StateMachine(locks::StateLimits{}).hash(); }

}  // namespace

TEST_CASE("a node whose state differs from the leader's aborts when it hears the leader's hash (R16)") {
  StateHashes hashes(64);
  hashes.note_own(kHash);
  CHECK(test::aborts([&] { hashes.note_leaders({kOther}, kIndex); }));
  CHECK_FALSE(test::aborts([&] { hashes.note_leaders({kHash}, kIndex); }));
}

TEST_CASE("a node that is behind aborts when it has applied as far and differs (R16)") {
  StateHashes hashes(64);
  hashes.note_leaders({kOther}, LogIndex(1000));
  CHECK(test::aborts([&] { hashes.note_own(kHash); }));
  CHECK_FALSE(test::aborts([&] { hashes.note_own(kOther); }));
}

TEST_CASE("hashes of different indexes are not compared (R16)") {
  StateHashes hashes(64);
  hashes.note_own(kHash);
  CHECK_FALSE(test::aborts([&] { hashes.note_leaders({{LogIndex(2048), 8}}, kIndex); }));
}

TEST_CASE("a log that leads to another state than the living one makes no snapshot (S6)") {
  const auto entries = first_entry();
  CHECK(fold(nullptr, kFirst, entries, {kFirst, right_hash()}).has_value());
  CHECK_FALSE(fold(nullptr, kFirst, entries, {kFirst, right_hash() + 1}).has_value());
}

TEST_CASE("a snapshot whose state is not the one its head names is not restored (R16)") {
  auto snapshot = *fold(nullptr, kFirst, first_entry(), {kFirst, right_hash()});
  CHECK(restore_state(snapshot).has_value());
  snapshot.head.state_hash += 1;
  CHECK_FALSE(restore_state(snapshot).has_value());
}

}  // namespace lockstep::equal_states_test

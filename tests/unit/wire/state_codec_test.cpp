// S6: the whole state as bytes. What is read back must go on exactly as what was written would have.
#include "protocol/wire/state_codec.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/largest_allocation.hpp"
#include "tests/support/msgpack_bytes.hpp"
#include "tests/unit/locks/random_commands.hpp"

namespace lockstep::state_codec_test {

using namespace lockstep::locks;
using namespace lockstep::testing;

namespace {

StateMachine read_back(const StateMachine& state) {
  const std::string bytes = wire::encode_state(state);
  auto read = wire::decode_state(bytes);
  REQUIRE_MESSAGE(read, wire::to_string(read.error()));
  REQUIRE(read->hash() == state.hash());
  REQUIRE(read->recomputed_hash() == state.hash());
  REQUIRE(read->last_applied() == state.last_applied());
  REQUIRE(wire::encode_state(*read) == bytes);
  return *std::move(read);
}

// Applies one command to both, which must do the same.
std::optional<Outcome> apply_to_both(StateMachine& state, StateMachine& twin, LogIndex index, const Command& command) {
  const WallTime time{std::chrono::milliseconds(index.value())};
  auto outcome = state.apply(index, time, command);
  const auto twins = twin.apply(index, time, command);
  REQUIRE(outcome.has_value() == twins.has_value());
  if (outcome) {
    REQUIRE(outcome->key == twins->key);
    REQUIRE(outcome->result == twins->result);
  }
  REQUIRE(state.take_changes() == twin.take_changes());
  REQUIRE(state.take_settled_waiters() == twin.take_settled_waiters());
  REQUIRE(state.hash() == twin.hash());
  return outcome;
}

// What the comparison met among the states that were read back.
struct Met {
  std::size_t answers = 0;
  std::size_t waiters = 0;
  std::size_t granted_waiters = 0;
  std::size_t free_but_waited_for = 0;
  std::size_t groups = 0;
  std::size_t ended = 0;

  void note(const StateMachine& state) {
    waiters += state.locks().waiter_count();
    ended = std::max(ended, state.sessions().ended().size());
    for (const SessionId id : state.sessions().in_order()) answers += state.sessions().find(id)->answers.size();
    for (const NamedLock& lock : state.locks().in_order()) {
      free_but_waited_for += lock.second.holds.empty();
      groups += lock.second.holds.size() > 1;
      for (const auto& [session, hold] : lock.second.holds) granted_waiters += hold.waiter != WaiterId();
    }
  }
};

void compare_runs(std::uint64_t seed, const StateLimits& limits, std::uint64_t unrest, int commands, int every,
                  Met& met) {
  CAPTURE(seed);
  StateMachine state(limits);
  StateMachine twin(limits);
  RandomCommands random(seed, unrest);
  LogIndex index(1);
  for (int i = 0; i < commands; ++i) {
    CAPTURE(i);
    if (i % every == 0) {
      met.note(state);
      twin = read_back(twin);
      REQUIRE(wire::encode_state(twin) == wire::encode_state(state));
    }
    index = index.next();
    const Command command = random.next(index);
    const auto outcome = apply_to_both(state, twin, index, command);
    if (outcome) random.learned(command, outcome->result);
  }
}

}  // namespace

TEST_CASE("a state read back is the same, and goes on answering as the one that was written (S6)") {
  Met met;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random limits(seed);
    const auto draw = [&] { return static_cast<std::uint32_t>(2 + limits.below(20)); };
    compare_runs(seed, StateLimits{draw(), draw(), draw(), draw()}, seed % 4 * 5 + 1, 1'500, 23, met);
  }
  CHECK(met.answers > 1000);
  CHECK(met.waiters > 1000);
  CHECK(met.granted_waiters > 1000);
  CHECK(met.free_but_waited_for > 100);
  CHECK(met.groups > 100);
  CHECK(met.ended > 100);
}

TEST_CASE("a state read back forgets the same ended sessions and the same history") {
  StateMachine state(StateLimits{.locks = 10, .sessions = 2, .locks_per_session = 10, .waiters_per_lock = 10});
  LogIndex index(1);
  const auto next = [&] { return index = index.next(); };
  const auto open = [&](std::uint64_t i) {
    Open request;
    std::memcpy(request.client.bytes.data(), &i, sizeof i);
    request.nonce = i;
    return request;
  };
  const SessionId holder = session_opened_by(next());
  state.apply(index, WallTime{}, open(1'000'000));
  for (std::uint64_t i = 1; i <= kKeptHistory + 10; ++i) {
    const RequestNumber number(2 * i);
    state.apply(next(), WallTime{}, Execute{holder, number, number, Preempt{"name"}});
    state.apply(next(), WallTime{}, Execute{holder, number.next(), number, Release{"name"}});
  }
  state.apply(next(), WallTime{}, Execute{holder, RequestNumber(1'000'000), RequestNumber(1'000'000), Preempt{"name"}});
  for (std::uint64_t i = 1; i <= kKeptEndedSessions + 10; ++i) state.apply(next(), WallTime{}, open(i));
  REQUIRE(state.sessions().ended().size() == kKeptEndedSessions);
  REQUIRE(state.history().size() == kKeptHistory);

  StateMachine twin = read_back(state);
  for (std::uint64_t i = 1; i <= kKeptEndedSessions + 10; ++i) {
    const ClientId client = open(i).client;
    REQUIRE(state.sessions().last_of(client) == twin.sessions().last_of(client));
  }
  CHECK_FALSE(twin.sessions().last_of(open(9).client));
  CHECK(twin.sessions().last_of(open(10).client));
  for (std::uint64_t i = 1; i <= 30; ++i) apply_to_both(state, twin, next(), open(i));
  for (std::uint64_t i = 1'000'001; i < 1'000'030; ++i) {
    apply_to_both(state, twin, next(), Execute{holder, RequestNumber(2 * i), RequestNumber(2 * i), Release{"name"}});
    apply_to_both(state, twin, next(),
                  Execute{holder, RequestNumber(2 * i + 1), RequestNumber(2 * i), Preempt{"name"}});
  }
  CHECK(wire::encode_state(state) == wire::encode_state(twin));
}

TEST_CASE("a state without anything in it can be read back") {
  read_back(StateMachine());
  read_back(StateMachine(StateLimits{1, 2, 3, 4}));
}

TEST_CASE("equal states have equal bytes, whichever way they came about") {
  Machine one = machine_with_everything();
  Machine other = machine_with_everything();
  one.expire(SessionId(1'000));  // nobody's: nothing changes
  other.execute(SessionId(1'000), 1, Preempt{"a"});
  CHECK(one.state.hash() == other.state.hash());
  CHECK(wire::encode_state(one.state) == wire::encode_state(other.state));
  CHECK(wire::encode_state(StateMachine(one.state)) == wire::encode_state(one.state));
}

TEST_CASE("the bytes of a state cut short anywhere are refused") {
  const std::string bytes = wire::encode_state(machine_with_everything().state);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // Copied, so that a sanitizer sees any read past the end.
    const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto read = wire::decode_state({cut.data(), cut.size()});
    REQUIRE_FALSE(read);
    REQUIRE_FALSE(read.error().detail.empty());
  }
  CHECK_FALSE(wire::decode_state(bytes + '\0'));
}

TEST_CASE("the bytes of a state with one byte changed are refused, or are a state that can go on") {
  std::string bytes = wire::encode_state(machine_with_everything().state);
  Random values(1);
  int accepted = 0;
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CAPTURE(i);
    const char original = bytes[i];
    for (int round = 0; round < 24; ++round) {  // every bit, then any values
      const int value = round < 8 ? original ^ (1 << round) : static_cast<int>(values.below(256));
      if (static_cast<char>(value) == original) continue;
      bytes[i] = static_cast<char>(value);
      auto read = wire::decode_state(bytes);
      ++(read ? accepted : refused);
      if (!read) continue;
      REQUIRE(read->hash() == read->recomputed_hash());
      StateMachine twin = read_back(*read);
      RandomCommands random(values.next(), 20);
      LogIndex index = read->last_applied();
      for (int k = 0; k < 10; ++k) {
        index = index.next();
        apply_to_both(*read, twin, index, Expire{SessionId(2 + static_cast<std::uint64_t>(k)), k % 2 == 0});
        index = index.next();
        const Command command = random.next(index);
        const auto outcome = apply_to_both(*read, twin, index, command);
        if (outcome) random.learned(command, outcome->result);
      }
    }
    bytes[i] = original;
  }
  CHECK(accepted > 1000);  // of texts, clients, fingerprints
  CHECK(refused > 1000);
}

TEST_CASE("what the bytes of a state claim costs nothing until it is there") {
  const std::string claims[] = {from_hex("ddffffffff"), from_hex("dcffff"),     from_hex("dbffffffff"),
                                from_hex("c6ffffffff"), from_hex("dd00000040"), from_hex("dd00002710")};
  const std::string bytes = wire::encode_state(machine_with_everything().state);
  const auto check_claim = [&](const std::vector<std::string>& elements) {
    const std::string changed = packed_array(elements);
    forget_largest_allocation();
    CHECK_FALSE(wire::decode_state(changed));
    CHECK(largest_allocation() < 20'000 + bytes.size());
  };
  const std::vector<std::string> sections = elements_of(bytes);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    for (const std::string& claim : claims) {
      std::vector<std::string> changed = sections;
      changed[i] = claim;
      check_claim(changed);
      if (i < 3) continue;
      const std::vector<std::string> fields = elements_of(elements_of(sections[i]).front());
      for (std::size_t k = 0; k < fields.size(); ++k) {
        std::vector<std::string> record = fields;
        record[k] = claim;
        changed[i] = packed_array({packed_array(record)});
        check_claim(changed);
      }
    }
  }
}

TEST_CASE("a state of another version or with a contradiction in it is refused, and told why") {
  std::vector<std::string> sections = elements_of(wire::encode_state(machine_with_everything().state));
  sections[0] = packed_number(2);
  auto read = wire::decode_state(packed_array(sections));
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::kUnsupportedVersion);
  CHECK(read.error().field == "state.version");

  sections[0] = packed_number(1);
  REQUIRE(wire::decode_state(packed_array(sections)));
  sections[3] = packed_array({});  // no session lives
  read = wire::decode_state(packed_array(sections));
  REQUIRE_FALSE(read);
  CHECK(wire::to_string(read.error()) == "state: lock \"a\" is held by a session that does not live");
}

TEST_CASE("200,000 locks are written and read back in no time") {
  StateMachine state(
      StateLimits{.locks = 200'000, .sessions = 100, .locks_per_session = 20'000, .waiters_per_lock = 1});
  LogIndex index(1);
  for (std::uint8_t i = 0; i < 20; ++i) {
    index = index.next();
    const SessionId session = session_opened_by(index);
    state.apply(index, WallTime{}, open_as(i, 1));
    for (std::uint64_t k = 1; k <= 10'000; ++k) {
      index = index.next();
      const std::string name = "orders/" + std::to_string(i) + "/item/" + std::to_string(k);
      state.apply(index, WallTime{}, Execute{session, RequestNumber(k), RequestNumber(k), Preempt{name}});
    }
  }
  REQUIRE(state.lock_count() == 200'000);
  using Clock = std::chrono::steady_clock;
  const auto ms = [](auto time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time).count(); };
  const auto start = Clock::now();
  const std::string bytes = wire::encode_state(state);
  const auto encoded = Clock::now();
  const auto read = wire::decode_state(bytes);
  const auto decoded = Clock::now();
  MESSAGE(bytes.size() << " bytes, written in " << ms(encoded - start) << " ms, read in " << ms(decoded - encoded)
                       << " ms");
  REQUIRE(read);
  CHECK(read->hash() == state.hash());
}

}  // namespace lockstep::state_codec_test

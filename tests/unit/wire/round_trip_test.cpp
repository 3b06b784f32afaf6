#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"
#include "tests/support/msgpack_bytes.hpp"
#include "tests/support/random_message.hpp"

namespace lockstep::round_trip_test {

using namespace lockstep::testing;

namespace {

template <typename T>
void check_round_trip(const T& message, wire::Decoded<T> (*decode)(std::string_view)) {
  const std::string bytes = wire::encode(message);
  const wire::Decoded<T> decoded = decode(bytes);
  if (!decoded) FAIL_CHECK(wire::to_string(decoded.error()) << " in " << to_hex(bytes));
  if (!decoded) return;
  CHECK(*decoded == message);
  CHECK(wire::encode(*decoded) == bytes);
}

}  // namespace

TEST_CASE("every message between nodes decodes to what was encoded") {
  Random random(1);
  for (const raft::Message& message : random_frames<raft::Message>(random, 300)) {
    check_round_trip(message, wire::decode_message);
  }
}

TEST_CASE("every request and every response decodes to what was encoded") {
  Random random(2);
  for (const wire::Request& request : random_frames<wire::Request>(random, 300)) {
    check_round_trip(request, wire::decode_request);
  }
  for (const wire::Response& response : random_frames<wire::Response>(random, 300)) {
    check_round_trip(response, wire::decode_response);
  }
}

TEST_CASE("what the log keeps decodes to what was encoded") {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    check_round_trip(random_entry_body(random), wire::decode_entry_body);
    check_round_trip(random_command(random), wire::decode_command);
    locks::StateLimits limits;
    limits.locks = static_cast<std::uint32_t>(random.next());
    limits.sessions = static_cast<std::uint32_t>(random.next());
    limits.locks_per_session = static_cast<std::uint32_t>(random.next());
    limits.waiters_per_lock = static_cast<std::uint32_t>(random.next());
    check_round_trip(limits, wire::decode_state_limits);
  }
}

TEST_CASE("the largest lists that are allowed decode") {
  raft::Message message{ClusterId(1), Term(2), NodeId(3), NodeId(), {}};
  raft::Append append;
  append.entries.resize(wire::kMaxEntries, raft::Entry{Term(1), WallTime{}, raft::Noop{}});
  message.body = append;
  check_round_trip(message, wire::decode_message);

  Random random(4);
  raft::Forward forward;
  forward.commands.resize(wire::kMaxForward, wire::encode(random_command(random, wire::CommandOrigin::kForwarded)));
  message.body = forward;
  check_round_trip(message, wire::decode_message);

  wire::ListAnswer answer;
  locks::LockView view;
  view.name = std::string(wire::kMaxLockName, 'n');
  view.holders.resize(1);
  answer.locks.resize(wire::kMaxListPage, view);
  check_round_trip(wire::Response{CallNumber(1), LogIndex(2), answer}, wire::decode_response);
}

TEST_CASE("one element more than a list may have is refused") {
  raft::Message message{ClusterId(1), Term(2), NodeId(3), NodeId(), {}};
  raft::Append append;
  append.entries.resize(wire::kMaxEntries + 1, raft::Entry{Term(1), WallTime{}, raft::Noop{}});
  message.body = append;
  const auto decoded = wire::decode_message(wire::encode(message));
  REQUIRE_FALSE(decoded);
  CHECK(wire::to_string(decoded.error()) == "append.entries: expected 0 to 65536 elements, got 65537");
}

TEST_CASE("equal messages have equal bytes, from however many objects they were built") {
  Random one(5);
  Random other(5);
  const auto messages = random_frames<raft::Message>(one, 20);
  const auto again = random_frames<raft::Message>(other, 20);
  for (std::size_t i = 0; i < messages.size(); ++i) CHECK(wire::encode(messages[i]) == wire::encode(again[i]));
}

TEST_CASE("msgpack-c reads every frame as one array with nothing left over") {
  Random random(6);
  for (const raft::Message& message : random_frames<raft::Message>(random, 20)) {
    const std::string bytes = wire::encode(message);
    std::size_t used = 0;
    const msgpack::object_handle whole = msgpack::unpack(bytes.data(), bytes.size(), used);
    CHECK(whole.get().type == msgpack::type::ARRAY);
    CHECK(used == bytes.size());
    CHECK(packed_array(elements_of(bytes)) == bytes);
  }
}

TEST_CASE("texts for people are cut to their limit, between characters, and then decode") {
  wire::ErrorAnswer error{ErrorCode::kBusy, std::string(wire::kMaxErrorDetail - 1, 'd') + "\xC3\xA9", {}};
  const auto decoded = wire::decode_response(wire::encode(wire::Response{CallNumber(1), LogIndex(1), error}));
  REQUIRE(decoded);
  CHECK(std::get<wire::ErrorAnswer>(decoded->body).detail == std::string(wire::kMaxErrorDetail - 1, 'd'));
}

TEST_CASE("a clock before 1970 is sent as 1970") {
  const raft::Form form{{ClusterId(1), {{NodeId(1), "a"}}, wire::encode(locks::StateLimits{})},
                        WallTime(std::chrono::milliseconds(-5))};
  const auto decoded = wire::decode_message(wire::encode(raft::Message{ClusterId(1), Term(1), NodeId(1), {}, form}));
  REQUIRE(decoded);
  CHECK(std::get<raft::Form>(decoded->body).time == WallTime{});
}

}  // namespace lockstep::round_trip_test

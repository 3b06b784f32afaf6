// The bytes of a few messages, written out, so that the format cannot change unnoticed. If one of these
// fails, other versions of this program can no longer read what this one writes: a change of the format
// needs a new version number, not new bytes here.
#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/state_codec.hpp"
#include "tests/support/msgpack_bytes.hpp"

namespace lockstep::golden_test {

using lockstep::testing::from_hex;
using lockstep::testing::to_hex;

namespace {

ClientId client() { return *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8"); }

const locks::Execute kPreemptJobs{SessionId(5), RequestNumber(9), RequestNumber(8), locks::Preempt{"jobs/42"}};

template <typename T>
void check_golden(const T& message, wire::Decoded<T> (*decode)(std::string_view), std::string_view hex) {
  CHECK(to_hex(wire::encode(message)) == hex);
  const auto decoded = decode(from_hex(hex));
  REQUIRE(decoded);
  CHECK(*decoded == message);
}

}  // namespace

TEST_CASE("the bytes of requests") {
  using wire::Request;
  const auto check = [](const Request& request, std::string_view hex) {
    check_golden(request, wire::decode_request, hex);
  };
  check({CallNumber(7), kPreemptJobs}, "97020207050908a76a6f62732f3432");
  check({CallNumber(300), wire::CheckRequest{"a", wire::ReadMode::kLinearizable, LogIndex(17)}},
        "960204cd012ca1610111");
  check({CallNumber(1), wire::ListRequest{"a", "", 1000, wire::ReadMode::kLocal, LogIndex()}},
        "98020501a161a0cd03e80000");
  check({CallNumber(1), wire::StatusRequest{}}, "93020601");

  wire::OpenSession open{client(), {}, ~0ULL, 0, SessionId(), ":"};
  open.secret.fill(0x5a);
  check({CallNumber(1), open},
        "99020101c4106ba7b8109dad11d180b400c04fd430c8"
        "c4205a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
        "cfffffffffffffffff0000"
        "a13a");
}

TEST_CASE("the bytes of responses") {
  using wire::Response;
  const auto check = [](const Response& response, std::string_view hex) {
    check_golden(response, wire::decode_response, hex);
  };
  check({CallNumber(7), LogIndex(12), locks::Granted{FencingToken(12)}}, "950202070c0c");
  check({CallNumber(7), LogIndex(12),
         locks::Held{client(), FencingToken(9), WallTime(std::chrono::milliseconds(1000)), "j", "m"}},
        "990203070cc4106ba7b8109dad11d180b400c04fd430c809cd03e8a16aa16d");
  check({CallNumber(7), LogIndex(12), wire::CheckAnswer{}}, "960206070cc0c0");
  check({CallNumber(), LogIndex(12), wire::ErrorAnswer{ErrorCode::kBusy, "full", SessionId()}},
        "970209000c05a466756c6c00");
}

TEST_CASE("the bytes of messages between nodes") {
  using raft::Message;
  const auto check = [](const Message& message, std::string_view hex) {
    check_golden(message, wire::decode_message, hex);
  };
  check({ClusterId(255), Term(3), NodeId(256), NodeId(65536), raft::Ack{LogIndex(10), Round(2)}},
        "9802ccff0403cd0100ce000100000a02");
  check({ClusterId(), Term(), NodeId(2), NodeId(), raft::Hello{"a", {"a", "b"}}}, "9802000b000200a16192a161a162");
  check({ClusterId(10), Term(1), NodeId(2), NodeId(),
         raft::Form{{ClusterId(10), {{NodeId(2), "a"}}, wire::encode(locks::StateLimits{})},
                    WallTime(std::chrono::milliseconds(1000))}},
        "98020a0c010200930a919202a161c41194ce000f4240ce000186a0cd2710cd2710cd03e8");
}

TEST_CASE("the bytes of an Append with a no-op and a command") {
  raft::Append append;
  append.previous_index = LogIndex(4);
  append.previous_term = Term(2);
  append.entries = {{Term(2), WallTime(std::chrono::milliseconds(1000)), raft::Noop{}},
                    {Term(2), WallTime(std::chrono::milliseconds(1001)), raft::Command{wire::encode(kPreemptJobs)}}};
  append.commit = LogIndex(3);
  append.round = Round(6);
  append.state_hash = raft::StateHash{LogIndex(1024), 0x0123456789abcdef};
  check_golden(raft::Message{ClusterId(1), Term(2), NodeId(3), NodeId(), append}, wire::decode_message,
               "9d020101020300"                // version, cluster, type, term, from, to
               "0402"                          // previous index and term
               "92"                            // two entries
               "9302cd03e8c4029101"            // term, time, body: [noop]
               "9302cd03e9c411"                // term, time, body:
               "9203c40d"                      // [command, bytes:
               "9502050908a76a6f62732f3432"    // [preempt, session, number, acknowledged below, name]]
               "030600"                        // commit, round, fetch
               "92cd0400cf0123456789abcdef");  // state hash
}

TEST_CASE("the bytes of a state: one session that holds a lock, and an earlier grant of it") {
  locks::StateMachine state(locks::StateLimits{10, 3, 2, 1});
  const auto at = [](int ms) { return WallTime(std::chrono::milliseconds(ms)); };
  const auto ask = [](std::uint64_t number, const locks::Operation& operation) {
    return locks::Execute{SessionId(2), RequestNumber(number), RequestNumber(number), operation};
  };
  state.apply(LogIndex(2), at(20), locks::Open{client(), {}, 7, 0, SessionId(), "me"});
  state.apply(LogIndex(3), at(30), ask(1, locks::Preempt{"a"}));
  state.apply(LogIndex(4), at(40), ask(2, locks::Release{"a"}));
  state.apply(LogIndex(5), at(50), ask(3, locks::Preempt{"a"}));
  const std::string bytes = wire::encode_state(state);
  CHECK(to_hex(bytes) ==
        "9801940a03020105"
        "919b02c4106ba7b8109dad11d180b400c04fd430c8"
        "c4200000000000000000000000000000000000000000000000000000000000000000"
        "0700a26d6514050003"
        "919303cf124632829ac247b4920205"
        "909194a16101009196020005323200"
        "90919a01a16101c4106ba7b8109dad11d180b400c04fd430c8031e2801c0a0");
  const auto decoded = wire::decode_state(bytes);
  REQUIRE(decoded);
  CHECK(decoded->hash() == state.hash());
}

}  // namespace lockstep::golden_test

#include "tools/lockstep/json/message_json.hpp"

#include <doctest/doctest.h>

#include "nodes/text/hex.hpp"
#include "tests/support/random_message.hpp"

namespace lockstep::message_json_test {

using namespace lockstep::testing;

namespace {

template <typename Frame>
void check_round_trips(std::uint64_t seed) {
  Random random(seed);
  for (const Frame& frame : random_frames<Frame>(random, 100)) {
    const std::string text = to_line(to_json(frame));
    const auto read = message_from_json(text);
    if (!read) FAIL_CHECK(read.error() << " in " << text);
    if (!read) continue;
    REQUIRE(std::holds_alternative<Frame>(*read));
    CHECK(std::get<Frame>(*read) == frame);
    CHECK(encode(*read) == wire::encode(frame));
  }
}

template <typename Frame>
Frame frame_of(std::string_view text) {
  const auto read = message_from_json(text);
  if (!read) FAIL(read.error());
  REQUIRE(std::holds_alternative<Frame>(*read));
  return std::get<Frame>(*read);
}

std::string problem_with(std::string_view text) {
  const auto read = message_from_json(text);
  return read ? "" : read.error();
}

}  // namespace

TEST_CASE("every message comes back from JSON as it went") {
  check_round_trips<raft::Message>(1);
  check_round_trips<wire::Request>(2);
  check_round_trips<wire::Response>(3);
}

TEST_CASE("a request as a person writes it") {
  const auto check = frame_of<wire::Request>(R"({"type": "check", "name": "jobs/42"})");
  CHECK(check == wire::Request{CallNumber(1), wire::CheckRequest{"jobs/42", wire::ReadMode::kLocal, LogIndex()}});

  const auto release = frame_of<wire::Request>(
      R"({"type": "release", "call": 9, "session": 5, "number": 3, "acknowledged_below": 2, "name": "a"})");
  const locks::Execute execute{SessionId(5), RequestNumber(3), RequestNumber(2), locks::Release{"a"}};
  CHECK(release == wire::Request{CallNumber(9), execute});
}

TEST_CASE("a node's message as a person writes it") {
  const auto fetch = frame_of<raft::Message>(R"({"type": "fetch", "cluster": 7, "term": 3, "number": 1, "index": 5})");
  CHECK(fetch ==
        raft::Message{ClusterId(7), Term(3), NodeId(1), NodeId(), raft::Fetch{CallNumber(1), LogIndex(5), Term()}});

  const auto forward = frame_of<raft::Message>(
      R"({"type": "forward", "commands": [{"type": "preempt", "session": 5, "number": 1, "name": "a"}, "ff00"]})");
  const locks::Execute execute{SessionId(5), RequestNumber(1), RequestNumber(), locks::Preempt{"a"}};
  const raft::Forward expected{CallNumber(), {wire::encode(locks::Command(execute)), std::string("\xff\0", 2)}};
  CHECK(std::get<raft::Forward>(forward.body) == expected);
}

TEST_CASE("a message is shown with the names of docs/protocol.md, its type first") {
  const wire::Response response{CallNumber(7), LogIndex(12),
                                wire::ErrorAnswer{ErrorCode::kInvalidName, "is empty", {}}};
  CHECK(to_line(to_json(response)) ==
        R"({"type":"error","call":7,"applied":12,"code":"invalid_name","detail":"is empty","current_session":0})");
  const raft::Message message{ClusterId(1), Term(2), NodeId(3), NodeId(4),
                              raft::Vote{.number = CallNumber(5), .pre_vote = true, .granted = false, .leader = {}}};
  CHECK(to_line(to_json(message)) == R"({"type":"vote","cluster":1,"term":2,"from":3,"to":4,)"
                                     R"("number":5,"pre_vote":true,"granted":false,"leader":0})");
  CHECK(to_line(to_json(wire::Response{CallNumber(7), LogIndex(12), wire::CheckAnswer{}})) ==
        R"({"type":"check_answer","call":7,"applied":12,"lock":null,"age_ms":null})");
}

TEST_CASE("entries are shown with what is in them") {
  raft::Append append;
  const locks::Execute execute{SessionId(5), RequestNumber(1), RequestNumber(1), locks::Preempt{"a"}};
  append.entries = {{Term(2), WallTime(std::chrono::milliseconds(1000)), raft::Noop{}},
                    {Term(2), WallTime(std::chrono::milliseconds(1001)), raft::Command{wire::encode(execute)}}};
  const Json json = to_json(raft::Message{ClusterId(1), Term(2), NodeId(3), NodeId(), append});
  CHECK(to_line(json["entries"]) ==
        R"([{"term":2,"time_ms":1000,"body":{"type":"noop"}},)"
        R"({"term":2,"time_ms":1001,"body":{"type":"command",)"
        R"("command":{"type":"preempt","session":5,"number":1,"acknowledged_below":1,"name":"a"}}}])");
}

TEST_CASE("an unknown key is an error that names it") {
  CHECK(problem_with(R"({"type": "check", "nam": "a"})") == "check: unknown key 'nam'");
  CHECK(problem_with(R"({"type": "append", "entries": [{"term": 1, "tim": 2, "body": {"type": "noop"}}]})") ==
        "append.entries[0]: unknown key 'tim'");
  CHECK(problem_with(R"({"type": "forward", "commands": [{"type": "open", "name": "a"}]})") ==
        "forward.commands[0]: unknown key 'name'");
}

TEST_CASE("a value of the wrong type is an error that names the key") {
  CHECK(problem_with(R"({"type": "check", "at_least": 3.0})") ==
        "check.at_least: expected an unsigned integer, got the number 3.0");
  CHECK(problem_with(R"({"type": "check", "at_least": -1})") ==
        "check.at_least: expected an unsigned integer, got the integer -1");
  CHECK(problem_with(R"({"type": "check", "at_least": "1"})") ==
        "check.at_least: expected an unsigned integer, got a string");
  CHECK(problem_with(R"({"type": "check", "name": 5})") == "check.name: expected a string, got the integer 5");
  CHECK(problem_with(R"({"type": "check", "mode": "fast"})") ==
        "check.mode: expected one of local, linearizable, got 'fast'");
  CHECK(problem_with(R"({"type": "list", "limit": 4294967296})") == "list.limit: does not fit into 32 bits");
  CHECK(problem_with(R"({"type": "vote", "granted": 1})") == "vote.granted: expected true or false, got the integer 1");
  CHECK(problem_with(R"({"type": "open_session", "client": "me"})") ==
        "open_session.client: expected a UUID like 6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  CHECK(problem_with(R"({"type": "open_session", "secret": "00ff"})") ==
        "open_session.secret: expected 32 bytes, got 2");
  CHECK(problem_with(R"({"type": "open_session", "secret": "0"})") ==
        "open_session.secret: expected hexadecimal digits");
  CHECK(problem_with(R"({"type": "append", "entries": {}})") == "append.entries: expected an array, got an object");
  CHECK(problem_with(R"({"type": "append", "entries": [5]})") ==
        "append.entries[0]: expected an object, got the integer 5");
  CHECK(problem_with(R"({"type": "append", "entries": [{"body": {}}]})") ==
        "append.entries[0].body.type: is missing, one of noop, configuration, command");
  CHECK(problem_with(R"({"type": "form", "configuration": []})") ==
        "form.configuration: expected an object, got an array");
}

TEST_CASE("what is no message at all") {
  CHECK(problem_with("") == "the message is not JSON");
  CHECK(problem_with("{") == "the message is not JSON");
  CHECK(problem_with("[]") == "the message is not a JSON object");
  CHECK(problem_with("{}").starts_with("the message has no \"type\", one of open_session, "));
  CHECK(problem_with(R"({"type": "chek"})").starts_with("the message has the unknown type 'chek'; the types are "));
}

TEST_CASE("an acquire as a person writes it, also one that no node takes") {
  const auto acquire =
      frame_of<wire::Request>(R"({"type": "acquire", "session": 5, "number": 1, "names": ["a", "b"]})");
  const locks::Execute execute{SessionId(5), RequestNumber(1), RequestNumber(), locks::Acquire{{"a", "b"}}};
  CHECK(acquire == wire::Request{CallNumber(1), execute});
  const auto backwards = frame_of<wire::Request>(R"({"type": "acquire", "names": ["b", "a"]})");
  CHECK_FALSE(wire::decode_request(wire::encode(backwards)));
}

TEST_CASE("an expire in a forward can be sent, to see it refused (L4)") {
  const auto forward =
      frame_of<raft::Message>(R"({"type": "forward", "commands": [{"type": "expire", "session": 5}]})");
  const raft::Forward expected{CallNumber(), {wire::encode(locks::Command(locks::Expire{SessionId(5)}))}};
  CHECK(std::get<raft::Forward>(forward.body) == expected);
  CHECK_FALSE(wire::decode_message(wire::encode(forward)));
}

TEST_CASE("limits are not checked, so that what breaks them can be sent") {
  const auto too_long = frame_of<wire::Request>(R"({"type": "check", "name": ")" + std::string(300, 'x') + "\"}");
  const auto decoded = wire::decode_request(wire::encode(too_long));
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ErrorCode::kInvalidName);
}

TEST_CASE("bytes as hexadecimal digits") {
  const std::string bytes("\x00\x9f\xff", 3);
  CHECK(to_hex(bytes) == "009fff");
  CHECK(from_hex("009fff") == bytes);
  CHECK(from_hex(" 00 9F\nFf ") == bytes);
  CHECK(from_hex("") == "");
  for (const char* bad : {"0", "0 0", "zz", "00f", "0x00"}) {
    CAPTURE(bad);
    CHECK_FALSE(from_hex(bad));
  }
}

}  // namespace lockstep::message_json_test

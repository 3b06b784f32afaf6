// Each way in which a frame can be wrong, and what is answered: the field, the problem, the code.
#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"
#include "tests/support/msgpack_bytes.hpp"
#include "tests/support/random_message.hpp"

namespace lockstep::refusal_test {

using namespace lockstep::testing;

namespace {

using Elements = std::vector<std::string>;

std::string n(std::uint64_t value) { return packed_number(value); }

wire::DecodeError error_of_request(const std::string& bytes) {
  const auto decoded = wire::decode_request(bytes);
  REQUIRE_FALSE(decoded);
  return decoded.error();
}

const std::string kOurs = n(wire::kVersion);  // a frame begins with the version

std::string problem_with_request(const Elements& elements) {
  return wire::to_string(error_of_request(packed_array(elements)));
}

std::string problem_with_message(const std::string& bytes) {
  const auto decoded = wire::decode_message(bytes);
  return decoded ? "" : wire::to_string(decoded.error());
}

// version, cluster, type, term, from, to, and what follows
std::string message(const raft::MessageBody& blank, const Elements& fields) {
  Elements elements{kOurs, n(9), n(static_cast<std::uint64_t>(wire::type_of(blank))), n(2), n(3), n(4)};
  elements.insert(elements.end(), fields.begin(), fields.end());
  return packed_array(elements);
}

std::string append_with_entries(const Elements& entries) {
  return message(raft::Append{}, {n(0), n(0), packed_array(entries), n(0), n(1), n(0), packed_nil()});
}

std::string entry(const std::string& body) { return packed_array({n(1), n(0), packed_bytes(body)}); }

const std::string kPreempt = packed_array({n(2), n(5), n(6), n(6), packed_text("a")});

// Calls `check(bytes, decode error or nullptr)` for one frame of every type, changed by `change`.
template <typename Frame, typename Change>
void for_each_changed(wire::Decoded<Frame> (*decode)(std::string_view), Change change) {
  Random random(11);
  for (const Frame& frame : random_frames<Frame>(random, 5)) {
    const std::string_view type = to_string(wire::type_of(frame.body));
    CAPTURE(type);
    change(elements_of(wire::encode(frame)), std::string(type), [&](const std::string& bytes) {
      const auto decoded = decode(bytes);
      return decoded ? std::string() : wire::to_string(decoded.error());
    });
  }
}

// The same checks for all three kinds of frame.
template <typename Change>
void for_every_type(Change change) {
  for_each_changed(wire::decode_message, change);
  for_each_changed(wire::decode_request, change);
  for_each_changed(wire::decode_response, change);
}

}  // namespace

TEST_CASE("no field of any message may be of a kind that no field has") {
  for_every_type([](const Elements& elements, const std::string&, const auto& problem_with) {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      for (const char* wrong : {"ca40400000", "cb4008000000000000", "ff", "80", "d400aa", "c1"}) {
        Elements changed = elements;
        changed[i] = from_hex(wrong);
        CAPTURE(i);
        CAPTURE(wrong);
        CHECK(problem_with(packed_array(changed)).find("got ") != std::string::npos);
      }
    }
  });
}

TEST_CASE("a message that lacks its last field is refused, and the field named") {
  for_every_type([](Elements elements, const std::string& type, const auto& problem_with) {
    elements.pop_back();
    const std::string problem = problem_with(packed_array(elements));
    CHECK(problem.ends_with(": is missing"));
    const bool only_header =
        problem.find(".call:") != std::string::npos || problem.find(".applied:") != std::string::npos;
    if (!only_header) CHECK(problem.starts_with(type + "."));
  });
}

TEST_CASE("a message with a field too many is refused") {
  for_every_type([](Elements elements, const std::string& type, const auto& problem_with) {
    const std::string count = std::to_string(elements.size());
    elements.push_back(packed_nil());
    CHECK(problem_with(packed_array(elements)) ==
          type + ": expected " + count + " fields, got " + std::to_string(elements.size()));
  });
}

TEST_CASE("bytes after the message are refused") {
  for_every_type([](const Elements& elements, const std::string& type, const auto& problem_with) {
    CHECK(problem_with(packed_array(elements) + '\0') == type + ": 1 byte left over");
    CHECK(problem_with(packed_array(elements) + packed_array(elements)).ends_with("bytes left over"));
  });
}

TEST_CASE("a type that does not exist is refused, and the call still answered") {
  for (const std::uint64_t type : {0U, 18U, 255U, 256U}) {
    const auto error = error_of_request(packed_array({kOurs, n(type), n(77)}));
    CHECK(wire::to_string(error) == "request.type: unknown value " + std::to_string(type));
    CHECK(error.call == CallNumber(77));
  }
  CHECK(problem_with_message(packed_array({kOurs, n(9), n(15), n(2), n(3), n(4)})) == "message.type: unknown value 15");
}

TEST_CASE("another version is its own error, before anything else is looked at") {
  const auto error = error_of_request(packed_array({n(wire::kVersion + 1), packed_text("newer"), n(77), packed_nil()}));
  CHECK(error.code == ErrorCode::kUnsupportedVersion);
  CHECK(wire::to_string(error) == "request.version: expected 2, got 3");
  CHECK(error.call == CallNumber(77));
  const auto of_message = wire::decode_message(packed_array({n(0)}));
  REQUIRE_FALSE(of_message);
  CHECK(of_message.error().code == ErrorCode::kUnsupportedVersion);
}

TEST_CASE("a refused request is answered by its call wherever it is wrong") {
  Random random(12);
  for (const wire::Request& request : random_frames<wire::Request>(random, 3)) {
    const Elements elements = elements_of(wire::encode(request));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i == 2) continue;  // the call itself
      Elements changed = elements;
      changed[i] = from_hex("cb4008000000000000");  // 3.0
      CHECK(error_of_request(packed_array(changed)).call == request.call);
    }
  }
}

TEST_CASE("what is no message at all has no call") {
  for (const std::string& bytes : {std::string(), std::string("\x00", 1), std::string("hello"), packed_array({}),
                                   packed_text("status"), from_hex("8101"), packed_array({packed_array({n(1)})})}) {
    const auto error = error_of_request(bytes);
    CHECK(error.code == ErrorCode::kBadRequest);
    CHECK_FALSE(error.call);
  }
  CHECK(wire::to_string(error_of_request("")) == "request: expected an array, got the end of the bytes");
  CHECK(problem_with_request({kOurs, n(6), n(0)}) == "request.call: expected 1 to 18446744073709551615, got 0");
}

TEST_CASE("a lock name that is not one is an invalid name, in every message that has one") {
  const std::string too_long(256, 'x');
  for (const std::string& name : {std::string(), too_long, std::string("a\nb"), std::string("\xC0\x80", 2)}) {
    const std::string text = packed_text(name);
    for (const Elements& elements :
         {Elements{kOurs, n(2), n(7), n(1), n(1), n(1), text}, Elements{kOurs, n(3), n(7), n(1), n(1), n(1), text},
          Elements{kOurs, n(4), n(7), text, n(0), n(0)}}) {
      const auto error = error_of_request(packed_array(elements));
      CHECK(error.code == ErrorCode::kInvalidName);
      CHECK(error.field.ends_with(".name"));
      CHECK(error.call == CallNumber(7));
    }
    if (name.empty()) continue;
    for (const Elements& elements : {Elements{kOurs, n(5), n(7), text, packed_text(""), n(1), n(0), n(0)},
                                     Elements{kOurs, n(5), n(7), packed_text(""), text, n(1), n(0), n(0)}}) {
      CHECK(error_of_request(packed_array(elements)).code == ErrorCode::kInvalidName);
    }
  }
  // A name of the wrong type is not a name at all.
  CHECK(error_of_request(packed_array({kOurs, n(4), n(7), n(5), n(0), n(0)})).code == ErrorCode::kBadRequest);
}

TEST_CASE("a TTL is 0 or from a second to a day") {
  const auto code_for = [](std::uint64_t ttl) -> std::optional<ErrorCode> {
    const auto decoded =
        wire::decode_request(packed_array({kOurs, n(1), n(7), packed_bytes(std::string(16, 'c')),
                                           packed_bytes(std::string(32, 's')), n(1), n(ttl), n(0), packed_text("")}));
    return decoded ? std::nullopt : std::optional(decoded.error().code);
  };
  for (const std::uint64_t good : {0ULL, 1000ULL, 86'400'000ULL}) CHECK_FALSE(code_for(good));
  for (const std::uint64_t bad : {1ULL, 999ULL, 86'400'001ULL, ~0ULL}) CHECK(code_for(bad) == ErrorCode::kInvalidTtl);
}

TEST_CASE("limits of single fields") {
  const auto open = [](std::size_t client, std::size_t secret) {
    return problem_with_request({kOurs, n(1), n(7), packed_bytes(std::string(client, 'c')),
                                 packed_bytes(std::string(secret, 's')), n(1), n(0), n(0), packed_text("")});
  };
  CHECK(open(15, 32) == "open_session.client: expected 16 bytes, got 15");
  CHECK(open(16, 33) == "open_session.secret: expected 32 bytes, got 33");
  const auto list = [](std::uint64_t limit, std::uint64_t mode) {
    return problem_with_request({kOurs, n(5), n(7), packed_text(""), packed_text(""), n(limit), n(mode), n(0)});
  };
  CHECK(list(0, 0) == "list.limit: expected 1 to 1000, got 0");
  CHECK(list(1001, 0) == "list.limit: expected 1 to 1000, got 1001");
  CHECK(list(1, 2) == "list.mode: unknown value 2");
  CHECK(problem_with_message(packed_array({kOurs, n(9), n(7), n(2), n(0), n(4), n(1)})) ==
        "message.from: expected 1 to 18446744073709551615, got 0");
  const std::string name = packed_text("a b");
  CHECK(problem_with_message(message(raft::Hello{}, {name, packed_array({packed_text("a")})})) ==
        "hello.name: has a character other than letters, digits, '-', '_' and '.' at byte 1");
  CHECK(problem_with_message(message(raft::Hello{}, {packed_text("a"), packed_array({})})) ==
        "hello.initial_members: expected 1 to 7 elements, got 0");
  CHECK(problem_with_message(message(raft::HelloRefused{}, {packed_text(std::string(1025, 'r'))})) ==
        "hello_refused.reason: is 1025 bytes long, at most 1024 are allowed");
}

TEST_CASE("a request longer than a request may be is refused unread") {
  const std::string bytes(wire::kMaxClientRequest + 1, '\x01');
  CHECK(wire::to_string(error_of_request(bytes)) == "request: is 32769 bytes long, at most 32768 are allowed");
  CHECK(wire::to_string(error_of_request(bytes.substr(1))) == "request: expected an array, got an integer");
}

TEST_CASE("nothing unreadable enters a log: entries of an Append are read to the end") {
  const std::string noop = packed_array({n(1)});
  CHECK(problem_with_message(append_with_entries({entry(noop)})).empty());
  CHECK(problem_with_message(append_with_entries({entry(noop), packed_array({packed_text("1")})})) ==
        "append.entries[1].term: expected an unsigned integer, got a string");
  CHECK(problem_with_message(append_with_entries({packed_array({n(0), n(0), packed_bytes(noop)})})) ==
        "append.entries[0].term: expected 1 to 9223372036854775807, got 0");
  CHECK(problem_with_message(append_with_entries({entry("")})) ==
        "append.entries[0].body: expected an array, got the end of the bytes");
  CHECK(problem_with_message(append_with_entries({entry(packed_array({n(4)}))})) ==
        "append.entries[0].body.type: unknown value 4");
  CHECK(problem_with_message(append_with_entries({entry(noop + "x")})) == "append.entries[0].body: 1 byte left over");
  CHECK(problem_with_message(append_with_entries({packed_array({n(1), n(0), packed_bytes(noop), n(0)})})) ==
        "append.entries[0]: expected 3 fields, got 4");
  CHECK(problem_with_message(append_with_entries({entry(std::string(wire::kMaxEntryBody + 1, '\x90'))})) ==
        "append.entries[0].body: is 40961 bytes long, at most 40960 are allowed");
}

TEST_CASE("nothing unreadable enters a log: commands are read to the end") {
  const auto in_entry = [](const std::string& command) {
    return problem_with_message(append_with_entries({entry(packed_array({n(3), packed_bytes(command)}))}));
  };
  const auto in_forward = [](const std::string& command) {
    return problem_with_message(
        message(raft::Forward{}, {n(1), packed_array({packed_bytes(kPreempt), packed_bytes(command)})}));
  };
  const std::string bad_name = packed_array({n(2), n(5), n(6), n(6), packed_text("a\tb")});
  CHECK(in_entry(kPreempt).empty());
  CHECK(in_forward(kPreempt).empty());
  CHECK(in_entry(bad_name) == "append.entries[0].body.command.name: has a control character at byte 1");
  CHECK(in_forward(bad_name) == "forward.commands[1].name: has a control character at byte 1");
  CHECK(in_entry("junk") == "append.entries[0].body.command: expected an array, got an integer");
  CHECK(in_forward("") == "forward.commands[1]: expected an array, got the end of the bytes");
  CHECK(in_forward(packed_array({n(10)})) == "forward.commands[1].type: unknown value 10");
  CHECK(in_forward(packed_array({n(3), n(5), n(6), n(6)})) == "forward.commands[1].name: is missing");
  CHECK(in_forward(kPreempt + kPreempt) == "forward.commands[1]: 7 bytes left over");
  // L4: who could send one would end whose session it likes.
  const std::string expire = wire::encode(locks::Command(locks::Expire{SessionId(5)}));
  CHECK(in_entry(expire).empty());
  CHECK(in_forward(expire) == "forward.commands[1]: only a leader makes an expire, and only for its own log");
}

TEST_CASE("a configuration must have readable limits and members with ids") {
  const auto form = [](const std::string& id, const std::string& limits) {
    const std::string member = packed_array({id, packed_text("a")});
    const std::string configuration = packed_array({n(9), packed_array({member}), packed_bytes(limits)});
    return problem_with_message(message(raft::Form{}, {configuration, n(0)}));
  };
  const std::string limits = wire::encode(locks::StateLimits{});
  CHECK(form(n(1), limits).empty());
  CHECK(form(n(0), limits) == "form.configuration.voters[0].id: expected 1 to 18446744073709551615, got 0");
  CHECK(form(n(1), "") == "form.configuration.state_limits: expected an array, got the end of the bytes");
  CHECK(form(n(1), packed_array({n(1), n(2), n(1ULL << 32)})) ==
        "form.configuration.state_limits.locks_per_session: expected 0 to 4294967295, got 4294967296");
}

}  // namespace lockstep::refusal_test

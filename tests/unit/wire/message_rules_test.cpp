#include "protocol/wire/message_rules.hpp"

#include <doctest/doctest.h>

#include "tests/support/random_message.hpp"

namespace lockstep::message_rules_test {

using namespace lockstep::wire;

namespace {

DecodeError violation_of(const RequestBody& body) {
  const auto violation = find_violation(body);
  REQUIRE(violation.has_value());
  return *violation;
}

DecodeError violation_of(const locks::Operation& operation) {
  const auto violation = find_violation(operation);
  REQUIRE(violation.has_value());
  return *violation;
}

DecodeError wrong(ErrorCode code, std::string field, std::string detail) {
  return {code, std::move(field), std::move(detail), {}};
}

}  // namespace

TEST_CASE("a message that keeps to its rules has no violation, and one that has none can be decoded") {
  Random random(5);
  for (const Request& request : testing::random_frames<Request>(random, 50)) {
    CHECK_FALSE(find_violation(request.body).has_value());
    CHECK(decode_request(encode(request)).has_value());
  }
}

TEST_CASE("a text that breaks its rule is named by its field, with the code that a node would answer") {
  CHECK(violation_of(CheckRequest{}) == wrong(ErrorCode::kInvalidName, "name", "is empty"));
  CHECK(violation_of(ListRequest{"a\n", "", 1, {}, {}}) ==
        wrong(ErrorCode::kInvalidName, "prefix", "has a control character at byte 1"));
  CHECK(violation_of(ListRequest{"a", "\xFF", 1, {}, {}}) ==
        wrong(ErrorCode::kInvalidName, "after", "is not valid UTF-8 at byte 0"));
  const std::string why(kMaxWhy + 1, 'w');
  CHECK(violation_of(locks::ForceRelease{"a", why}) ==
        wrong(ErrorCode::kBadRequest, "why", "is 257 bytes long, at most 256 are allowed"));
}

TEST_CASE("a number out of its range is a violation") {
  CHECK(violation_of(ListRequest{"", "", 0, {}, {}}) ==
        wrong(ErrorCode::kBadRequest, "limit", "expected 1 to 1000, got 0"));
  OpenSession open;
  for (const std::uint32_t ttl_ms : {1U, 999U, 86'400'001U}) {
    open.ttl_ms = ttl_ms;
    CHECK(violation_of(open) ==
          wrong(ErrorCode::kInvalidTtl, "ttl_ms", "expected 0 or 1000 to 86400000, got " + std::to_string(ttl_ms)));
  }
  open.ttl_ms = 0;
  CHECK_FALSE(find_violation(RequestBody(open)).has_value());
}

TEST_CASE("a value that its enumeration does not have is a violation") {
  CHECK(violation_of(CheckRequest{"a", static_cast<ReadMode>(7), {}}) ==
        wrong(ErrorCode::kBadRequest, "mode", "unknown value 7"));
}

TEST_CASE("an item of a list is named by its place, and the list by how many items it has") {
  CHECK(violation_of(locks::Acquire{}) == wrong(ErrorCode::kBadRequest, "names", "expected 1 to 16 elements, got 0"));
  CHECK(violation_of(locks::Acquire{{"a", "b", std::string(256, 'x')}}) ==
        wrong(ErrorCode::kInvalidName, "names[2]", "is 256 bytes long, at most 255 are allowed"));
}

TEST_CASE("a rule that concerns several fields is seen") {
  CHECK(violation_of(locks::Acquire{{"b", "a"}}).detail == "must be in order, each once");
  CHECK(violation_of(locks::Acquire{{"a"}, locks::Mode::kPermit}).field == "permits");
  CHECK(violation_of(locks::Acquire{{"a"}, locks::Mode::kShared, 3}).field == "permits");
  CHECK_FALSE(find_violation(locks::Operation(locks::Acquire{{"a"}, locks::Mode::kPermit, 3})).has_value());
}

TEST_CASE("the first violation in the order of the fields is told") {
  CHECK(violation_of(ListRequest{"\n", "\n", 0, {}, {}}).field == "prefix");
}

}  // namespace lockstep::message_rules_test

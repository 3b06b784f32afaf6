// Every form of every msgpack value, written by msgpack-c or by hand, given to one field.
#include <doctest/doctest.h>

#include <limits>

#include "protocol/wire/codec.hpp"
#include "tests/support/msgpack_bytes.hpp"

namespace lockstep::reader_test {

using namespace lockstep::testing;

namespace {

// A Check request whose name and at_least are as given.
std::string check_with(const std::string& name, const std::string& at_least) {
  return packed_array(
      {packed_number(wire::kVersion), packed_number(4), packed_number(7), name, packed_number(0), at_least});
}

std::string problem_with_at_least(const std::string& value) {
  const auto decoded = wire::decode_request(check_with(packed_text("a"), value));
  return decoded ? "" : wire::to_string(decoded.error());
}

std::string problem_with_name(const std::string& value) {
  const auto decoded = wire::decode_request(check_with(value, packed_number(0)));
  return decoded ? "" : wire::to_string(decoded.error());
}

std::uint64_t at_least_read_from(std::string_view hex) {
  const auto decoded = wire::decode_request(check_with(packed_text("a"), from_hex(hex)));
  REQUIRE(decoded);
  return std::get<wire::CheckRequest>(decoded->body).at_least.value();
}

}  // namespace

TEST_CASE("an unsigned integer is read from every form that holds one") {
  CHECK(at_least_read_from("05") == 5);
  CHECK(at_least_read_from("7f") == 127);
  CHECK(at_least_read_from("cc05") == 5);
  CHECK(at_least_read_from("cd0005") == 5);
  CHECK(at_least_read_from("ce00000005") == 5);
  CHECK(at_least_read_from("cf0000000000000005") == 5);
  CHECK(at_least_read_from("d005") == 5);
  CHECK(at_least_read_from("d17fff") == 0x7fff);
  CHECK(at_least_read_from("d27fffffff") == 0x7fffffff);
  CHECK(at_least_read_from("d37fffffffffffffff") == 0x7fffffffffffffff);
}

TEST_CASE("unsigned integers that msgpack-c writes are read, at every power of two") {
  for (int bit = 0; bit < 63; ++bit) {
    for (const std::uint64_t n : {(1ULL << bit) - 1, 1ULL << bit, (1ULL << bit) + 1}) {
      CHECK(at_least_read_from(to_hex(packed_number(n))) == n);
    }
  }
}

TEST_CASE("nothing else is taken for an integer") {
  const std::string expected = "check.at_least: expected an unsigned integer, got ";
  CHECK(problem_with_at_least(from_hex("ca40400000")) == expected + "a floating-point number");          // 3.0f
  CHECK(problem_with_at_least(from_hex("cb4008000000000000")) == expected + "a floating-point number");  // 3.0
  for (const char* negative : {"ff", "e0", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff", "d080"}) {
    CHECK(problem_with_at_least(from_hex(negative)) == expected + "a negative integer");
  }
  CHECK(problem_with_at_least(packed_nil()) == expected + "nil");
  CHECK(problem_with_at_least(from_hex("c3")) == expected + "a boolean");
  CHECK(problem_with_at_least(packed_text("5")) == expected + "a string");
  CHECK(problem_with_at_least(packed_bytes("5")) == expected + "bytes");
  CHECK(problem_with_at_least(packed_array({})) == expected + "an array");
  for (const char* map : {"80", "8101", "de0001", "df00000001"}) {
    CHECK(problem_with_at_least(from_hex(map)) == expected + "a map");
  }
  for (const char* extension : {"c70100aa", "c8000100aa", "c90000000100aa", "d400aa", "d500aaaa", "d6", "d7", "d8"}) {
    CHECK(problem_with_at_least(from_hex(extension)) == expected + "an extension");
  }
  CHECK(problem_with_at_least(from_hex("c1")) == expected + "a byte that is not msgpack");
  for (const char* cut : {"", "cc", "cd00", "ce000000", "cf00000000000000", "d0", "d100", "d2000000"}) {
    CHECK(problem_with_at_least(from_hex(cut)) == expected + "the end of the bytes");
  }
}

TEST_CASE("an index above what arithmetic leaves room for is refused") {
  CHECK(problem_with_at_least(packed_number(wire::kMaxOrdinal)).empty());
  CHECK(problem_with_at_least(packed_number(wire::kMaxOrdinal + 1)) ==
        "check.at_least: expected 0 to 9223372036854775807, got 9223372036854775808");
}

TEST_CASE("a string is read from every form that holds one, and from no other") {
  CHECK(problem_with_name(from_hex("a161")).empty());
  CHECK(problem_with_name(from_hex("d90161")).empty());
  CHECK(problem_with_name(from_hex("da000161")).empty());
  CHECK(problem_with_name(from_hex("db0000000161")).empty());
  CHECK(problem_with_name(from_hex("c40161")) == "check.name: expected a string, got bytes");
  CHECK(problem_with_name(from_hex("61")) == "check.name: expected a string, got an integer");
  CHECK(problem_with_name(packed_array({packed_text("a")})) == "check.name: expected a string, got an array");
}

TEST_CASE("bytes are read from every form that holds them") {
  raft::EntryBody configuration = raft::Configuration{ClusterId(1), {{NodeId(1), "a"}}, ""};
  const std::string limits = wire::encode(locks::StateLimits{});
  const std::string size = to_hex(std::string(1, static_cast<char>(limits.size())));
  for (const std::string& header : {"c4" + size, "c500" + size, "c6000000" + size}) {
    const std::string member = packed_array({packed_number(1), packed_text("a")});
    const auto decoded = wire::decode_entry_body(
        packed_array({packed_number(2), packed_number(1), packed_array({member}), from_hex(header) + limits}));
    REQUIRE(decoded);
    CHECK(std::get<raft::Configuration>(*decoded).state_limits == limits);
  }
}

TEST_CASE("an array is read from every form that holds one") {
  for (const char* array : {"93", "dc0003", "dd00000003"}) {
    const auto decoded = wire::decode_request(from_hex(std::string(array) + "020601"));
    REQUIRE(decoded);
    CHECK(std::holds_alternative<wire::StatusRequest>(decoded->body));
  }
}

}  // namespace lockstep::reader_test

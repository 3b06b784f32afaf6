#include "protocol/wire/field_rules.hpp"

#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"

namespace lockstep::field_rules_test {

using namespace lockstep::wire;

namespace {

bool is_valid_lock_name(std::string_view name) { return validate_lock_name(name).empty(); }

}  // namespace

TEST_CASE("a lock name is 1 to 255 bytes of UTF-8") {
  CHECK(is_valid_lock_name("a"));
  CHECK(is_valid_lock_name("jobs/nightly 42: \"caf\xC3\xA9\" \xF0\x9F\x94\x92"));
  CHECK(is_valid_lock_name(std::string(255, 'x')));
  CHECK(validate_lock_name("") == "is empty");
  CHECK(validate_lock_name(std::string(256, 'x')) == "is 256 bytes long, at most 255 are allowed");
  // The limit counts bytes, not characters.
  CHECK_FALSE(is_valid_lock_name(std::string(254, 'x') + "\xC3\xA9"));
}

TEST_CASE("a lock name has no control characters") {
  for (int c = 0; c < 0x20; ++c) {
    CHECK(validate_lock_name(std::string("ab") + static_cast<char>(c)) == "has a control character at byte 2");
  }
  CHECK_FALSE(is_valid_lock_name("\x7F"));
  CHECK_FALSE(is_valid_lock_name("\xC2\x80"));  // U+0080
  CHECK_FALSE(is_valid_lock_name("\xC2\x9F"));  // U+009F
  CHECK(is_valid_lock_name(" "));
  CHECK(is_valid_lock_name("~"));
  CHECK(is_valid_lock_name("\xC2\xA0"));  // U+00A0
}

TEST_CASE("what RFC 3629 does not call UTF-8 is refused, with the place") {
  for (const char* bad : {
           "\x80",
           "\xBF",  // a continuation that continues nothing
           "\xC0\xAF",
           "\xC1\xBF",  // overlong, two bytes
           "\xE0\x80\xAF",
           "\xE0\x9F\xBF",  // overlong, three bytes
           "\xF0\x80\x80\xAF",
           "\xF0\x8F\xBF\xBF",  // overlong, four bytes
           "\xED\xA0\x80",
           "\xED\xBF\xBF",  // surrogates
           "\xF4\x90\x80\x80",
           "\xF5\x80\x80\x80",  // above U+10FFFF
           "\xF8\x88\x80\x80\x80",
           "\xFE",
           "\xFF",  // never in UTF-8
           "\xC3",
           "\xE2\x82",
           "\xF0\x9F\x94",  // cut short
           "\xC3(",
           "\xE2\x28\xA1",
           "\xF0\x9F(\x92",
       }) {
    CAPTURE(bad);
    CHECK(validate_lock_name(bad) == "is not valid UTF-8 at byte 0");
    CHECK(validate_lock_name(std::string("caf\xC3\xA9 ") + bad) == "is not valid UTF-8 at byte 6");
    CHECK_FALSE(validate_text(bad, any_text(100)).empty());
  }
  for (const char* good : {"\xC2\xA1", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(good);
    CHECK(is_valid_lock_name(good));
  }
}

TEST_CASE("a member name has letters, digits, '-', '_' and '.' only") {
  CHECK(validate_text("node-1_A.example", kMemberName).empty());
  for (const char* bad : {"a b", "a/b", "a:b", "caf\xC3\xA9", "a\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(validate_text(bad, kMemberName).empty());
  }
  CHECK(validate_text("", kMemberName) == "is empty");
  CHECK(validate_text("", kMemberNameOrNone).empty());
  CHECK(validate_text(std::string(64, 'n'), kMemberName).empty());
  CHECK_FALSE(validate_text(std::string(65, 'n'), kMemberName).empty());
}

TEST_CASE("an endpoint has no spaces and no control characters") {
  CHECK(validate_text("tcp://127.0.0.1:7101", kEndpoint).empty());
  CHECK_FALSE(validate_text("tcp://127.0.0.1: 7101", kEndpoint).empty());
  CHECK_FALSE(validate_text("tcp://\x1b[2J", kEndpoint).empty());
}

TEST_CASE("a text is cut between characters, never inside one") {
  CHECK(clipped("abc", 3) == "abc");
  CHECK(clipped("abc", 2) == "ab");
  CHECK(clipped("caf\xC3\xA9", 4) == "caf");
  CHECK(clipped("caf\xC3\xA9", 5) == "caf\xC3\xA9");
  CHECK(clipped("\xF0\x9F\x94\x92", 3).empty());
}

}  // namespace lockstep::field_rules_test

#include "nodes/text/hex.hpp"

#include <doctest/doctest.h>

#include <array>

namespace lockstep::hex_test {

TEST_CASE("bytes become two digits each, and come back in either case, with blanks between them") {
  CHECK(to_hex(std::string_view("\x00\x7f\xff", 3)) == "007fff");
  CHECK(from_hex("007fFF") == std::string("\x00\x7f\xff", 3));
  CHECK(from_hex(" 00 7f\nff ") == std::string("\x00\x7f\xff", 3));
  CHECK(from_hex("") == std::string());
  for (const char* bad : {"0", "0g", "0 0", "00x"}) CHECK_FALSE(from_hex(bad));
}

TEST_CASE("a number is its eight bytes, the highest first") {
  CHECK(to_hex(std::uint64_t{0x0123456789abcdef}) == "0123456789abcdef");
  CHECK(number_from_hex("0123456789ABCDEF") == 0x0123456789abcdef);
  for (const char* bad : {"", "123", "0123456789abcdeg", "0123456789abcdef0", "0123456789abcd f"}) {
    CHECK_FALSE(number_from_hex(bad));
  }
}

TEST_CASE("a fixed number of bytes is filled only by exactly their digits") {
  std::array<std::uint8_t, 2> bytes{};
  CHECK(fill_from_hex("a1b2", bytes));
  CHECK(bytes == std::array<std::uint8_t, 2>{0xa1, 0xb2});
  for (const char* bad : {"a1", "a1b2c3", "a1 b2", "a1b"}) CHECK_FALSE(fill_from_hex(bad, bytes));
}

}  // namespace lockstep::hex_test

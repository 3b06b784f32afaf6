#include "nodes/text/printable.hpp"

#include <doctest/doctest.h>

namespace lockstep::printable_test {

TEST_CASE("what people write is repeated as they wrote it") {
  for (const char* text : {"", "jobs/42", "a b", "Zürich/Grüße", "日本", "\xf0\x9f\x94\x92", "back\\slash"}) {
    CHECK(printable(text, kShownWord) == text);
  }
}

TEST_CASE("control characters and bytes that are no UTF-8 are escaped") {
  CHECK(printable("a\tb\nc\rd", kShownWord) == "a\\tb\\nc\\rd");
  CHECK(printable("\x1b[31mred\x7f", kShownWord) == "\\x1b[31mred\\x7f");
  CHECK(printable(std::string_view("a\0b", 3), kShownWord) == "a\\x00b");
  CHECK(printable("\xc2\x9b"
                  "31m",
                  kShownWord) == "\\xc2\\x9b31m");  // U+009B does what ESC [ does
  CHECK(printable("\xff\xc3", kShownWord) == "\\xff\\xc3");
  CHECK(printable("\xc3(", kShownWord) == "\\xc3(");
}

TEST_CASE("of what is long the middle is left out, between characters") {
  CHECK(printable(std::string(80, 'x'), 80) == std::string(80, 'x'));
  const std::string cut = printable(std::string(500, 'a') + std::string(500, 'z'), 21);
  CHECK(cut == std::string(9, 'a') + "..." + std::string(9, 'z'));
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  const std::string shown = printable(umlauts, 22);
  CHECK(shown == "üüüüü...üüüü");
  CHECK(printable(shown, 22) == shown);
  CHECK(printable(std::string(100, '\x1b'), 40).size() <= 40);
}

}  // namespace lockstep::printable_test

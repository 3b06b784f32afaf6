#include "protocol/base/duration_words.hpp"

#include <doctest/doctest.h>

namespace lockstep::duration_words_test {

using namespace std::chrono_literals;

TEST_CASE("below a second a duration is told in ms, and a measured one as a person would say it") {
  CHECK(in_words(0s) == "0 ms");
  CHECK(in_words(1499us) == "1 ms");
  CHECK(in_words(63ms) == "63 ms");
  CHECK(in_words(297ms) == "300 ms");
  CHECK(in_words(994ms) == "990 ms");
}

TEST_CASE("below a minute it is told in s, to a tenth") {
  CHECK(in_words(995ms) == "1 s");
  CHECK(in_words(4998ms) == "5 s");
  CHECK(in_words(1500ms) == "1.5 s");
  CHECK(in_words(40'080ms) == "40.1 s");
  CHECK(in_words(59'949ms) == "59.9 s");
}

TEST_CASE("above it is told in the two largest units") {
  CHECK(in_words(59'950ms) == "1 min");
  CHECK(in_words(200s) == "3 min 20 s");
  CHECK(in_words(1h) == "1 h");
  CHECK(in_words(1h + 59s) == "1 h");
  CHECK(in_words(3h + 59min + 59s) == "3 h 59 min");
  CHECK(in_words(24h) == "1 day");
  CHECK(in_words(51h + 5min) == "2 days 3 h");
}

TEST_CASE("clocks that disagree give no time below zero") { CHECK(in_words(-5s) == "0 ms"); }

}  // namespace lockstep::duration_words_test

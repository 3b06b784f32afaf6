#include "nodes/text/duration.hpp"

#include <doctest/doctest.h>

namespace lockstep::duration_test {

using namespace std::chrono_literals;

namespace {
std::string problem_of(std::string_view text) {
  const auto parsed = parse_duration(text);
  return parsed ? "" : parsed.error();
}
}  // namespace

TEST_CASE("a duration is a whole number and a unit") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("10s") == 10s);
  CHECK(*parse_duration("2m") == 2min);
  CHECK(*parse_duration("1h") == 1h);
  CHECK(*parse_duration("0s") == 0s);
  CHECK(*parse_duration("8760h") == 8760h);
}

TEST_CASE("anything else is refused with the words that would do") {
  for (const std::string text :
       {"", "10", "s", "ms10", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "10S", "1d", "1s2", "1e3s"}) {
    CAPTURE(text);
    CHECK(problem_of(text) == "expected a duration such as 500ms, 10s or 2m, not '" + text + "'");
  }
}

TEST_CASE("a duration above a year is refused, however large the number") {
  CHECK(problem_of("8761h") == "'8761h' is longer than a year");
  CHECK(problem_of("99999999999999999999999ms") == "'99999999999999999999999ms' is longer than a year");
  CHECK(problem_of("18446744073709551615m") == "'18446744073709551615m' is longer than a year");
}

TEST_CASE("a duration is printed so that it can be read back") {
  for (const std::string text : {"0s", "1ms", "500ms", "1s", "90s", "2m", "1h", "8760h"}) {
    CHECK(format_duration(*parse_duration(text)) == text);
  }
  CHECK(format_duration(1500us) == "1ms");
}

}  // namespace lockstep::duration_test

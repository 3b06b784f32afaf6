#include "protocol/base/deadlines.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/aborts.hpp"

namespace lockstep::deadlines_test {
namespace {
constexpr Time at(int ms) { return Time(std::chrono::milliseconds(ms)); }
}  // namespace

TEST_CASE("what is due is taken once, earliest first") {
  Deadlines<int> deadlines;
  CHECK(deadlines.next() == Time::max());
  deadlines.add(at(30), 1);
  deadlines.add(at(10), 2);
  deadlines.add(at(20), 3);
  CHECK(deadlines.next() == at(10));
  CHECK(deadlines.take_due(at(9)).empty());
  CHECK(deadlines.take_due(at(20)) == std::vector{2, 3});
  CHECK(deadlines.next() == at(30));
  CHECK(deadlines.size() == 1);
}

TEST_CASE("things with one deadline are due in order of their ids") {
  Deadlines<int> deadlines;
  deadlines.add(at(10), 2);
  deadlines.add(at(10), 1);
  CHECK(deadlines.take_due(at(10)) == std::vector{1, 2});
}

TEST_CASE("what was removed is not due") {
  Deadlines<std::string> deadlines;
  deadlines.add(at(10), "a");
  deadlines.add(at(10), "b");
  deadlines.remove(at(10), "a");
  CHECK(deadlines.take_due(at(10)) == std::vector<std::string>{"b"});
}

TEST_CASE("an owner that names another deadline than it added is wrong") {
  CHECK(test::aborts([] {
    Deadlines<int> deadlines;
    deadlines.add(at(10), 1);
    deadlines.remove(at(20), 1);
  }));
}

}  // namespace lockstep::deadlines_test

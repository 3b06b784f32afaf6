// What a limited page has, and what it says.
#include "tools/lockstep/commands/pages.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace lockstep::pages_test {
namespace {

using Numbers = std::vector<int>;

Newest<int> newest_of(std::size_t limit, const Numbers& numbers) {
  Newest<int> newest(limit);
  for (const int number : numbers) newest.add(number);
  return newest;
}

}  // namespace

TEST_CASE("of a long row the last are kept") {
  const Newest<int> newest = newest_of(2, {1, 2, 3});
  CHECK(newest.oldest_first() == Numbers{2, 3});
  CHECK(newest.newest_first() == Numbers{3, 2});
  CHECK(newest.is_cut());
  CHECK(newest.seen() == 3);
  CHECK_FALSE(newest_of(2, {1, 2}).is_cut());
  CHECK(newest_of(kNoLimit, {1, 2}).oldest_first() == Numbers{1, 2});
}

TEST_CASE("the last object of a page that was cut says that there are more") {
  GlobalOptions options;
  options.json = true;
  const auto lines_of = [&](const Numbers& numbers, bool is_cut) {
    std::ostringstream printed;
    std::streambuf* const stdout_buffer = std::cout.rdbuf(printed.rdbuf());
    CHECK(show_lines(options, numbers, is_cut, [](int number) {
      Report report;
      report.json["number"] = number;
      return report;
    }));
    std::cout.rdbuf(stdout_buffer);
    return printed.str();
  };
  CHECK(lines_of({1, 2}, true) == "{\"number\":1}\n{\"number\":2,\"more\":true}\n");
  CHECK(lines_of({1, 2}, false) == "{\"number\":1}\n{\"number\":2}\n");
  CHECK(lines_of({}, true).empty());
}

}  // namespace lockstep::pages_test

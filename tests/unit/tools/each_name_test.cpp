// Names that are asked about one after another.
#include "tools/lockstep/commands/each_name.hpp"

#include <doctest/doctest.h>

#include <map>

namespace lockstep::each_name_test {
namespace {

using Words = std::vector<std::string>;

Report answer(const std::string& name, int exit_code) {
  Report report;
  report.json["name"] = name;
  report.exit_code = exit_code;
  return report;
}

Report error(const std::string& name, ErrorCode code) { return report_of(name, Error{code, true, "why", SessionId()}); }

struct Asked {
  explicit Asked(const Words& words) {
    CLI::App app;
    names.add_arguments(app);
    app.parse(Words(words.rbegin(), words.rend()));
  }
  Report run(const std::map<std::string, Report>& answers) {
    // What it prints is no part of this test.
    std::ostringstream printed;
    std::streambuf* const stdout_buffer = std::cout.rdbuf(printed.rdbuf());
    Report last = names.run(true, [&](const std::string& name) {
      asked.push_back(name);
      return answers.at(name);
    });
    std::cout.rdbuf(stdout_buffer);
    lines = printed.str();
    return last;
  }
  EachName names;
  Words asked;
  std::string lines;
};

}  // namespace

TEST_CASE("each name is asked about in its turn, and the highest exit code is that of all") {
  Asked asked({"a", "b", "c"});
  const Report last = asked.run({{"a", answer("a", 0)}, {"b", answer("b", 1)}, {"c", answer("c", 0)}});
  CHECK(asked.asked == Words{"a", "b", "c"});
  CHECK(asked.lines == "{\"name\":\"a\"}\n{\"name\":\"b\"}\n");
  CHECK(last.json["name"] == "c");
  CHECK(last.exit_code == 1);
  CHECK(Asked({"a"}).run({{"a", answer("a", 0)}}).exit_code == 0);
}

TEST_CASE("an error ends it") {
  Asked asked({"a", "b", "c"});
  const Report last = asked.run({{"a", answer("a", 1)}, {"b", error("b", ErrorCode::kUnavailable)}});
  CHECK(asked.asked == Words{"a", "b"});
  CHECK(last.is_error);
  CHECK(last.json["name"] == "b");
  CHECK(last.exit_code == 3);
}

TEST_CASE("a second run goes on with the name that the first got an error for") {
  Asked asked({"a", "b", "c"});
  asked.run({{"a", answer("a", 1)}, {"b", error("b", ErrorCode::kSessionExpired)}});
  const Report last = asked.run({{"b", answer("b", 0)}, {"c", answer("c", 0)}});
  CHECK(asked.asked == Words{"a", "b", "b", "c"});
  CHECK(last.exit_code == 1);
}

TEST_CASE("a bad name, and one that is given twice, are refused before anything is asked") {
  CHECK_FALSE(Asked({"a", "b"}).names.refuse());
  CHECK(Asked({"a", "b\n"}).names.refuse()->json["error"] == "invalid_name");
  CHECK(Asked({"a", "b", "a"}).names.refuse()->json["detail"] == "a name was given twice");
  CHECK(Asked({"a", "b"}).names.about() == "a, b");
}

}  // namespace lockstep::each_name_test

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/process.hpp"
#include "tests/torture/story.hpp"
#include "tests/torture/summary.hpp"

using namespace lockstep;
using namespace lockstep::torture;

namespace {

Story full_story() {
  Story story;
  const std::vector<locks::Operation> operations = {locks::Preempt{"a"},
                                                    locks::Release{"a"},
                                                    locks::Acquire{{"a", "b"}, locks::Mode::kShared, 0, true, 7},
                                                    locks::Acquire{{"s"}, locks::Mode::kPermit, 3, false, 8},
                                                    locks::Cancel{WaiterId(6)},
                                                    locks::ForceRelease{"a", "why"},
                                                    locks::CloseSession{SessionId(3), "why"},
                                                    locks::Close{}};
  for (const auto& operation : operations) story.runs(1, operation);
  story.expires(2);
  story.history.entries.push_back({story.history.entries.size() + 1, 2, std::monostate()});
  story.sees_held(1, "a", {10, 20}, 9, 2, 4).answer->locks[0].waiters = {
      {Story::uuid(1), SessionId(2), WaiterId(9), locks::Mode::kShared, {}, {}}};
  story.history.calls.back().answer->locks[0].waiter_count = 1;
  story.refused(2, Verb::kAcquire, "a", {30, 40}, "unavailable", false).wait_ms = 50;
  story.calls(2, Verb::kClose, "", 50);
  story.history.leases = {{1, 5, 77, ""}, {2, 6, {}, "expired"}};
  story.history.faults = {{"kill", {"a", "b"}, true, "detail", 3, 9}};
  story.history.findings = {{"rule", "text"}};
  story.history.run = {5, 3, 24, 60, {"disk: no mount namespace"}, 1, 99};
  return story;
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream text(file);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("A history that is written and read is the same, in every kind of line") {
  const lockstep::testing::TemporaryFolder folder;
  const Story story = full_story();
  write(story.history, folder.path() / "once");
  History read;
  read_into(read, folder.path() / "once");
  write(read, folder.path() / "again");
  CHECK(lines_of(folder.path() / "once") == lines_of(folder.path() / "again"));
  CHECK(lines_of(folder.path() / "once").size() == 1 + 1 + 2 + 1 + 3 + 2 + story.history.entries.size());
  REQUIRE(read.entries.size() == story.history.entries.size());
  for (std::size_t i = 0; i < read.entries.size(); ++i) CHECK(read.entries[i].body == story.history.entries[i].body);
  CHECK(read.calls[0].answer->locks == story.history.calls[0].answer->locks);
  CHECK(read.calls[1].is_indefinite());
  CHECK_FALSE(read.calls[2].answer);
}

TEST_CASE("Of two lines about one call the later one counts, and a line without an end does not") {
  const lockstep::testing::TemporaryFolder folder;
  Story story;
  story.calls(1, Verb::kCheck, "a", 10);
  const std::string before = to_line(story.history.calls[0]);
  story.history.calls[0].answer = Answer();
  const std::string after = to_line(story.history.calls[0]);
  std::ofstream(folder.path() / "record") << before << "\n" << after << "\n" << after.substr(0, 30);
  History read;
  read_into(read, folder.path() / "record");
  REQUIRE(read.calls.size() == 1);
  CHECK(read.calls[0].answer.has_value());
}

TEST_CASE("A wrong line is told with its file and number") {
  const lockstep::testing::TemporaryFolder folder;
  std::ofstream(folder.path() / "record") << R"({"type":"finding","rule":"r","text":"t"})"
                                          << "\nnonsense\n";
  History read;
  std::string problem;
  try {
    read_into(read, folder.path() / "record");
  } catch (const std::exception& error) {
    problem = error.what();
  }
  CHECK(problem.starts_with((folder.path() / "record").string() + ":2: "));
}

TEST_CASE("A summary tells the longest silence, and how long a fault at the leader was felt") {
  Story story;
  story.history.run.load_from = 0;
  story.history.run.load_to = Story::moment(1000);
  for (const auto& from_to : {std::pair(10, 20), std::pair(95, 430), std::pair(120, 400), std::pair(500, 900)}) {
    story.answered(1, Verb::kPreempt, "a", from_to, Result::kHeld, 5);
  }
  story.answered(1, Verb::kCheck, "a", {100, 110}, Result::kSeen, 5);  // any node can answer that alone
  story.history.faults = {{"kill", {"a"}, true, "", Story::moment(90), Story::moment(95)},
                          {"kill", {"b"}, false, "", Story::moment(91), Story::moment(95)},
                          {"pause", {"a"}, true, "", Story::moment(450), Story::moment(460)}};
  const Summary summary = summarize(story.history);
  CHECK(summary.unavailable == Story::moment(470));
  CHECK(summary.unavailable_from == Story::moment(430));
  CHECK(summary.failovers == std::vector<Nanoseconds>{Story::moment(310), Story::moment(450)});
  CHECK(percentile(summary.failovers, 50) == Story::moment(310));
  CHECK(percentile(summary.failovers, 99) == Story::moment(450));
}

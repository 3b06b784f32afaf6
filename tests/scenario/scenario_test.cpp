// Replays every story of this folder (*.txt) and compares its trace. `scenarios --rewrite` makes the files
// say what happens now: look at the difference, and commit it only if you can explain each line.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "tests/scenario/script.hpp"

namespace {

bool rewrite = false;

std::vector<std::filesystem::path> stories() {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : std::filesystem::directory_iterator(SCENARIO_FOLDER)) {
    if (file.path().extension() == ".txt") paths.push_back(file.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Where two texts part: the number of the line, and what each says there.
std::string first_difference(const std::string& expected, const std::string& actual) {
  const auto [left, right] = std::mismatch(expected.begin(), expected.end(), actual.begin(), actual.end());
  const auto line_number = std::count(expected.begin(), left, '\n') + 1;
  const auto line_around = [](const std::string& text, std::string::const_iterator at) {
    auto begin = at;
    while (begin != text.begin() && *(begin - 1) != '\n') --begin;
    return std::string(begin, std::find(at, text.end(), '\n'));
  };
  return "line " + std::to_string(line_number) + "\n  the story says: " + line_around(expected, left) +
         "\n  what happens:   " + line_around(actual, right);
}

}  // namespace

TEST_CASE("every story happens as it is told") {
  const auto paths = stories();
  REQUIRE(!paths.empty());
  for (const auto& path : paths) {
    INFO(path.filename().string());
    const std::string told = content_of(path);
    const std::string happened = lockstep::raft::replay(told);
    if (rewrite) {
      std::ofstream(path) << happened;
    } else {
      CHECK_MESSAGE(happened == told, first_difference(told, happened));
    }
  }
}

int main(int argc, char** argv) {
  rewrite = std::any_of(argv + 1, argv + argc, [](const char* arg) { return std::string_view(arg) == "--rewrite"; });
  doctest::Context context(argc, argv);
  return context.run();
}

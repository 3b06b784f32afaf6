// What Tab offers at the prompt of the shell.
#include "tools/lockstep/commands/shell_completion.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace lockstep::shell_completion_test {
namespace {

using Words = std::vector<std::string>;

bool offers(const std::string& line, const std::string& word) {
  const Words words = shell_completions(line);
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string after_tab(const std::string& line) { return line + rest_of(line, shell_completions(line)); }

}  // namespace

TEST_CASE("commands, their other names and the shell's own words are completed") {
  CHECK(after_tab("chec") == "check ");
  CHECK(after_tab("unl") == "unlock ");
  CHECK(after_tab("qui") == "quit ");
  CHECK(after_tab("session cl") == "session close ");
  CHECK(shell_completions("he") == Words{"help"});
  for (const char* word : {"preempt", "acquire", "status", "help"}) CHECK(offers("", word));
}

TEST_CASE("options are those of the command, once the word begins like one") {
  CHECK(after_tab("check door --lin") == "check door --linearizable ");
  CHECK(offers("release door -", "--force"));
  CHECK(offers("ls -", "--limit"));
  CHECK_FALSE(offers("check -", "--force"));
  CHECK(shell_completions("check ").empty());  // names are not known
}

TEST_CASE("what several begin with is put in, and they are offered") {
  CHECK(shell_completions("session") == Words{"sessions", "session"});
  CHECK(after_tab("sess") == "session");
  CHECK(after_tab("release a --wh") == "release a --why ");
  CHECK(rest_of("x", {"xab", "xac"}) == "a");
  CHECK(rest_of("x", {}).empty());
}

TEST_CASE("nothing is offered where nothing is known") {
  CHECK(shell_completions("nonsense ").empty());
  CHECK(shell_completions("nonsense").empty());
  CHECK(shell_completions("check 'a b").empty());
}

}  // namespace lockstep::shell_completion_test

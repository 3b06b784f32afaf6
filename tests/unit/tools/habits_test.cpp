// What people type out of habit, and a letter wrong.
#include "tools/lockstep/commands/habits.hpp"

#include <doctest/doctest.h>

#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/run_command.hpp"

namespace lockstep::habits_test {
namespace {

using Words = std::vector<std::string>;

struct Program {
  Program() {
    app.fallthrough();
    app.require_subcommand(1);
    add_global_options(app, line.global);
    add_run_command(app, line);
    add_one_shot_commands(app, line);
  }
  // What is left for us of `words`, and the command that was taken.
  std::pair<Words, Words> split(Words words) {
    Words command = take_command(app, words);
    return {words, command};
  }
  std::string problem_of(Words words) {
    std::reverse(words.begin(), words.end());
    try {
      app.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      return what_is_wrong(app, error);
    }
    return {};
  }
  CLI::App app{"", "lockstep"};
  CommandLine line;
};

using Split = std::pair<Words, Words>;

}  // namespace

TEST_CASE("a word is close to another by two slips, if they are at most a third of it") {
  const Words commands{"check", "release", "run", "acquire", "status"};
  CHECK(did_you_mean("chekc", commands) == "did you mean 'check'?");
  CHECK(did_you_mean("relaese", commands) == "did you mean 'release'?");
  CHECK(did_you_mean("aquire", commands) == "did you mean 'acquire'?");
  CHECK(did_you_mean("stat", commands) == "did you mean 'status'?");
  CHECK(did_you_mean("rnu", commands) == "did you mean 'run'?");
  CHECK(did_you_mean("ran", {"fan", "run"}) == "did you mean 'fan'?");  // the first of the closest
  for (const char* far : {"steal", "x", "", "r", "nr"}) CHECK(did_you_mean(far, commands).empty());
  CHECK(did_you_mean("check", {}).empty());
}

TEST_CASE("an unknown command or option is answered with the one that may be meant") {
  CHECK(Program().problem_of({"chekc", "a"}) == "unknown command 'chekc'; did you mean 'check'?");
  CHECK(Program().problem_of({"steal", "a"}) == "unknown command 'steal'");
  CHECK(Program().problem_of({"session", "clsoe"}) == "unknown command 'clsoe'; did you mean 'close'?");
  CHECK(Program().problem_of({"check", "a", "--linearisable"}) ==
        "unknown option '--linearisable'; did you mean '--linearizable'?");
  CHECK(Program().problem_of({"--serevr", "x", "status"}) == "unknown option '--serevr'; did you mean '--server'?");
  CHECK(Program().problem_of({"--timeuot=5s", "status"}) == "unknown option '--timeuot=5s'; did you mean '--timeout'?");
  CHECK(Program().problem_of({"check", "-nightly"}) ==
        "unknown option '-nightly'; a name that begins with - goes after --");
  CHECK(Program().problem_of({}) == "a command is missing");
  CHECK(Program().problem_of({"session"}) == "a command is missing");
}

TEST_CASE("what the parser would say in its own words is said in those of a person") {
  CHECK(Program().problem_of({"status", "foo"}) == "status takes no argument: 'foo'");
  CHECK(Program().problem_of({"preempt", "a", "b"}) == "preempt takes no more arguments: 'b'");
  CHECK(Program().problem_of({"acquire", "a", "--wait"}) == "--wait needs a duration, such as 30s");
  CHECK(Program().problem_of({"status", "--timeout"}) == "--timeout needs a duration, such as 30s");
  CHECK(Program().problem_of({"list", "--after"}) == "--after needs a value, its NAME");
  CHECK(Program().problem_of({"preempt"}) == "NAME is required");
}

TEST_CASE("a mistake in an option of every command is one of the program, and not of the command") {
  const auto is_global = [](Words words) {
    Program program;
    std::reverse(words.begin(), words.end());
    try {
      program.app.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      return is_about_global_option(program.app, error);
    }
    return false;
  };
  CHECK(is_global({"check", "a", "--timeout", "abc"}));
  CHECK(is_global({"--client-id", "bob", "check", "a"}));
  CHECK(is_global({"check", "a", "--server", "7101"}));
  CHECK_FALSE(is_global({"acquire", "a", "--wait", "abc"}));
  CHECK_FALSE(is_global({"check"}));
  CHECK_FALSE(is_global({"check", "a", "--linearisable"}));
}

TEST_CASE("the other names of the commands are understood, and names that begin with - have a way") {
  for (const Words& words : {Words{"lock", "a"}, {"unlock", "a"}, {"try", "a"}, {"ls"}, {"check", "--", "-n"}}) {
    CHECK(Program().problem_of(words) == "");
  }
}

TEST_CASE("the command of run is what stands after --, or after one name") {
  Program program;
  CHECK(program.split({"run", "a", "b", "--", "ls", "-l"}) == Split{{"run", "a", "b"}, {"ls", "-l"}});
  CHECK(program.split({"run", "a", "ls", "-l"}) == Split{{"run", "a"}, {"ls", "-l"}});
  CHECK(program.split({"run", "-n", "a", "ls", "-n"}) == Split{{"run", "-n", "a"}, {"ls", "-n"}});
  CHECK(program.split({"run", "-w", "10", "a", "ls"}) == Split{{"run", "-w", "10", "a"}, {"ls"}});
  CHECK(program.split({"run", "a", "--ttl", "5s", "ls"}) == Split{{"run", "a", "--ttl", "5s"}, {"ls"}});
  CHECK(program.split({"--server", "x", "run", "--timeout", "1s", "a", "ls"}) ==
        Split{{"--server", "x", "run", "--timeout", "1s", "a"}, {"ls"}});
  CHECK(program.split({"run", "a", "--ttl=5s", "sh", "-c", "x", "--", "y"}) ==
        Split{{"run", "a", "--ttl=5s", "sh", "-c", "x"}, {"y"}});  // a -- is always ours first
  CHECK(program.split({"run", "--", "-n", "--", "ls"}) == Split{{"run", "--", "-n"}, {"ls"}});
  CHECK(program.split({"run", "a", "--", "sh", "--", "x"}) == Split{{"run", "a"}, {"sh", "--", "x"}});
  for (const Words& nothing : {Words{},
                               {"run"},
                               {"run", "a"},
                               {"run", "--help"},
                               {"run", "a", "--help"},
                               {"run", "--"},
                               {"run", "--", "ls", "-l"},
                               {"check", "run"}}) {
    CHECK(program.split(nothing) == Split{nothing, {}});
  }
}

TEST_CASE("help and version are understood as commands, too, and brackets are not split") {
  CHECK(with_help_as_option({"help"}) == Words{"--help"});
  CHECK(with_help_as_option({"help", "run"}) == Words{"run", "--help"});
  CHECK(with_help_as_option({"version"}) == Words{"--version"});
  CHECK(with_help_as_option({"check", "help"}) == Words{"check", "help"});
  CHECK(with_help_as_option({}).empty());
  CHECK(refuse_words({"acquire", "[a,b]"}));
  CHECK_FALSE(refuse_words({"--server", "[::1]", "acquire", "a[1]", "[b"}));
}

TEST_CASE("what asks for a text of the program itself is known by its words") {
  Program program;
  for (const Words& words :
       {Words{"--help"}, {"check", "-h"}, {"--version"}, {"manual"}, {"--server", "x", "completion", "zsh"}}) {
    CHECK(asks_for_a_text(program.app, words));
  }
  for (const Words& words : {Words{}, {"check", "manual"}, {"--server", "manual", "status"}, {"run", "a"}}) {
    CHECK_FALSE(asks_for_a_text(program.app, words));
  }
}

TEST_CASE("a server is one word: what stands behind it is a name") {
  Program program;
  CHECK(program.problem_of({"list", "--server", "localhost:7102", "backups"}).empty());
  CHECK(program.line.global.servers == std::vector<std::string>{"tcp://localhost:7102"});
  Program several;
  CHECK(several.problem_of({"--server", "a,[::1]:7102", "check", "backups"}).empty());
  CHECK(several.line.global.servers == std::vector<std::string>{"tcp://a:7101", "tcp://[::1]:7102"});
}

TEST_CASE("durations and servers are understood as people type them") {
  CHECK(*read_duration("10") == std::chrono::seconds(10));
  CHECK(*read_duration("500ms") == std::chrono::milliseconds(500));
  for (const char* wrong : {"", "-1", "1.5", "ten", "10 s"}) CHECK_FALSE(read_duration(wrong));
  const auto completed = [](std::string text) {
    const std::string wrong = read_server(text);
    return wrong.empty() ? text : "wrong";
  };
  CHECK(completed("localhost:7102") == "tcp://localhost:7102");
  CHECK(completed("localhost") == "tcp://localhost:7101");
  CHECK(completed(" 10.0.0.1 ") == "tcp://10.0.0.1:7101");
  CHECK(completed("[::1]") == "tcp://[::1]:7101");
  CHECK(completed("[::1]:7102") == "tcp://[::1]:7102");
  CHECK(completed("tcp://a:7102") == "tcp://a:7102");
  for (const char* wrong : {"7101", "", "tcp://a", "udp://a:1", "a:0", "a b"}) CHECK(completed(wrong) == "wrong");
}

}  // namespace lockstep::habits_test

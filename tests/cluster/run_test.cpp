// Goal: `lockstep run` holds its lock while the command runs, and no longer than that; and the command never runs
// without it. Method: the built program and real nodes, with commands that say when they began and ended.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/support/cluster.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/user.hpp"
#include "tests/support/wait_until.hpp"
#include "tools/lockstep/run/process_group.hpp"

using namespace lockstep;
using lockstep::run::group_lives;
using lockstep::testing::Ended;
using lockstep::testing::lockstep_program;
using lockstep::testing::Process;
using lockstep::testing::Result;
using lockstep::testing::StartedCluster;
using lockstep::testing::User;
using lockstep::testing::wait_until;
using nlohmann::json;

namespace {

std::vector<std::string> run_of(const std::vector<std::string>& arguments, const std::string& script) {
  std::vector<std::string> command{"run"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"--", "/bin/sh", "-c", script});
  return command;
}

bool is_free(User& user, const std::string& name) { return user.run({"check", name, "--linearizable"}).exit_code == 1; }

// A script that names the processes of a group that live. What has ended and is not reaped yet (Z) does not.
std::string living_of(pid_t group) {
  return "ps -eo pgid=,stat= | awk '$1 == " + std::to_string(group) + " && $2 !~ /^Z/'";
}

// Deaf to what can be ignored, and so is its child.
constexpr const char* kStubborn =
    "trap '' TERM INT HUP; (trap '' TERM INT HUP; while :; do sleep 0.1; done) & "
    "echo $$ > pid; while :; do sleep 0.1; done";

// A shell with job control, or without it, at a terminal of its own.
class ShellAtTerminal {
 public:
  ShellAtTerminal(User& user, const std::string& options, const std::string& script) {
    const std::vector<std::string> command = user.command_of({"/bin/sh", options, script});
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    shell_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    REQUIRE(shell_ >= 0);
    if (shell_ != 0) return;
    if (chdir(user.folder().c_str()) == 0) execv(words[0], words.data());
    _exit(127);
  }
  ~ShellAtTerminal() {
    close(terminal_);  // what runs there gets SIGHUP
    if (shell_ != 0) {
      ::kill(shell_, SIGKILL);
      waitpid(shell_, nullptr, 0);
    }
  }
  ShellAtTerminal(const ShellAtTerminal&) = delete;
  ShellAtTerminal& operator=(const ShellAtTerminal&) = delete;

  void type(const std::string& keys) {
    REQUIRE(write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  // Reads what the terminal shows, until it shows that.
  void wait_for(const std::string& text) {
    std::string shown;
    while (shown.find(text) == std::string::npos) {
      char key = 0;
      REQUIRE(read(terminal_, &key, 1) == 1);
      shown.push_back(key);
    }
  }
  void wait() {
    REQUIRE(wait_until([&] { return waitpid(shell_, nullptr, WNOHANG) == shell_; }));
    shell_ = 0;
  }

 private:
  int terminal_ = -1;
  pid_t shell_ = 0;
};

pid_t wait_for_pid(User& user) {
  REQUIRE(wait_until([&] { return user.file("pid").ends_with('\n'); }));
  return std::stoi(user.file("pid"));
}

}  // namespace

TEST_CASE("the command runs with its lock and token, its output and status are ours, and the lock is free after it") {
  StartedCluster cluster(3);
  User user(cluster);
  const Result done =
      user.run(run_of({"a", "b"}, "echo \"$LOCKSTEP_LOCK\"; echo $LOCKSTEP_TOKEN; cat; exit 7"), "in\n");
  CHECK(done.exit_code == 7);
  std::istringstream lines(done.out);
  std::string first, second, token, input;
  REQUIRE(std::getline(lines, first));
  REQUIRE(std::getline(lines, second));
  REQUIRE(std::getline(lines, token));
  REQUIRE(std::getline(lines, input));
  CHECK(first == "a");
  CHECK(second == "b");
  CHECK(std::stoul(token) > 0);
  CHECK(input == "in");
  CHECK(is_free(user, "a"));
  CHECK(is_free(user, "b"));
  CHECK(user.run(run_of({"a"}, "kill -KILL $$")).exit_code == 137);
  CHECK(user.run({"run", "a", "--", "/no/such/command"}).exit_code == 127);
}

TEST_CASE("while the command runs its lock is held, others are told by whom, and wait for it") {
  StartedCluster cluster(3);
  User first(cluster);
  User second(cluster);
  Process holder =
      first.start(run_of({"a", "--note", "the first"}, "echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done"));
  wait_for_pid(first);
  const json held = second.run_json({"check", "a", "--linearizable"}).object();
  CHECK(held["result"] == "held");
  CHECK(held["holders"][0]["note"] == "the first");
  const Result refused = second.run(run_of({"a", "--no-wait"}, "echo ran"));
  CHECK(refused.exit_code == 120);
  CHECK(refused.out.empty());
  CHECK(second.run(run_of({"a", "--wait", "100ms"}, "echo ran")).exit_code == 120);

  Process waiting = second.start(run_of({"a"}, "echo ran"));
  REQUIRE(wait_until([&] { return second.file("err").find("the first") != std::string::npos; }));
  CHECK(second.file("err").find("position 1 in line") != std::string::npos);
  CHECK(second.file("out").empty());
  std::ofstream(first.folder() / "go") << "\n";
  CHECK(holder.wait().exit_code == 0);
  CHECK(waiting.wait().exit_code == 0);
  CHECK(second.file("out") == "ran\n");
}

TEST_CASE("shared and permits are taken together with others") {
  StartedCluster cluster(1);
  User first(cluster);
  User second(cluster);
  for (const std::vector<std::string>& kind : {std::vector<std::string>{"a", "--shared"}, {"b", "--permits", "2"}}) {
    Process holder = first.start(run_of(kind, "echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done"));
    wait_for_pid(first);
    std::vector<std::string> once = kind;
    once.push_back("--no-wait");
    CHECK(second.run(run_of(once, "exit 5")).exit_code == 5);
    CHECK(second.run(run_of({kind.front(), "--no-wait"}, "true")).exit_code != 0);
    std::ofstream(first.folder() / "go") << "\n";
    CHECK(holder.wait().exit_code == 0);
    std::filesystem::remove(first.folder() / "go");
    std::filesystem::remove(first.folder() / "pid");
  }
}

TEST_CASE("signals reach the command, and Ctrl-C while waiting leaves nothing behind") {
  StartedCluster cluster(3);
  User user(cluster);
  Process running = user.start(run_of({"a"}, "trap 'exit 9' TERM; echo $$ > pid; while :; do sleep 0.05; done"));
  wait_for_pid(user);
  User other(cluster);
  Process waiting = other.start(run_of({"a"}, "echo ran"));
  REQUIRE(wait_until([&] { return other.file("err").find("position 1") != std::string::npos; }));
  waiting.signal(SIGINT);
  CHECK(waiting.wait().exit_code == 130);
  CHECK(other.file("out").empty());
  CHECK(user.run_json({"check", "a", "--linearizable"}).object()["waiter_count"] == 0);
  running.signal(SIGTERM);
  CHECK(running.wait().exit_code == 9);
  CHECK(is_free(user, "a"));
}

TEST_CASE("when an operator takes the lock the command is ended, and the exit code says that it was lost") {
  StartedCluster cluster(3);
  User user(cluster);
  User operating(cluster);
  Process running = user.start(run_of({"a", "--grace", "200ms"}, kStubborn));
  const pid_t group = wait_for_pid(user);
  CHECK(operating.run({"release", "a", "--force", "--why", "test"}).exit_code == 0);
  CHECK(running.wait().exit_code == 123);
  CHECK_FALSE(group_lives(group));
  CHECK(user.file("err").find("lost") != std::string::npos);
}

TEST_CASE("when no node answers any more the command is ended") {
  StartedCluster cluster(3);
  User user(cluster);
  Process running = user.start(run_of({"a", "--ttl", "3s", "--grace", "500ms"}, kStubborn));
  const pid_t group = wait_for_pid(user);
  for (const std::string& name : cluster.names()) cluster.pause(name);
  CHECK(running.wait().exit_code == 123);  // when: unit_run, with a clock of its own
  CHECK_FALSE(group_lives(group));
  for (const std::string& name : cluster.names()) cluster.resume(name);
}

TEST_CASE("the death of the leader is survived") {
  StartedCluster cluster(3);
  User user(cluster);
  Process running = user.start(run_of({"a"}, "echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done; exit 4"));
  wait_for_pid(user);
  cluster.kill(cluster.leader());
  std::ofstream(user.folder() / "go") << "\n";
  CHECK(running.wait().exit_code == 4);
  CHECK(is_free(user, "a"));
}

TEST_CASE("when `run` is killed its command dies, and the lock comes free when the lease has run out") {
  StartedCluster cluster(3);
  User user(cluster);
  User other(cluster);
  Process running = user.start(run_of({"a", "--ttl", "3s", "--grace", "300ms"}, kStubborn));
  const pid_t group = wait_for_pid(user);
  running.signal(SIGKILL);
  CHECK(running.wait().signal == SIGKILL);
  const Result next = other.run(run_of({"a", "--wait", "25s"}, "echo ran"));
  CHECK(next.exit_code == 0);
  CHECK_FALSE(group_lives(group));
}

TEST_CASE("when `run` is stopped its command dies before anybody else has the lock") {
  StartedCluster cluster(3);
  User user(cluster);
  User other(cluster);
  Process running = user.start(run_of({"a", "--ttl", "3s", "--grace", "300ms"}, kStubborn));
  const pid_t group = wait_for_pid(user);
  running.signal(SIGSTOP);
  const Result next = other.run(run_of({"a", "--wait", "25s"}, living_of(group)));
  CHECK(next.out.empty());
  running.signal(SIGCONT);
  CHECK(running.wait().exit_code == 123);
}

TEST_CASE("a run that is started again after it was killed has its lock at once, when nothing of the old one lives") {
  StartedCluster cluster(3);
  User user(cluster);
  const std::vector<std::string> arguments{"b", "a", "--identity", "who", "--ttl", "60s", "--grace", "300ms"};
  Process running = user.start(run_of(arguments, std::string("echo $LOCKSTEP_TOKEN > token; ") + kStubborn));
  const pid_t group = wait_for_pid(user);
  const auto token = std::stoul(user.file("token"));
  User other(cluster);
  Process waiting = other.start(run_of({"a"}, "echo $LOCKSTEP_TOKEN"));
  REQUIRE(wait_until([&] { return other.file("err").find("position 1") != std::string::npos; }));
  CHECK(user.run(run_of({"b", "a", "--identity", "who", "--no-wait"}, "echo ran")).exit_code == 120);

  running.signal(SIGKILL);
  CHECK(running.wait().signal == SIGKILL);
  const std::string is_alive = living_of(group) + "; ";
  const Result again = user.run(run_of(arguments, is_alive + "echo $LOCKSTEP_TOKEN; echo $LOCKSTEP_LOCK"));
  CHECK(again.exit_code == 0);
  std::istringstream lines(again.out);
  std::uint64_t next_token = 0;
  REQUIRE(static_cast<bool>(lines >> next_token));  // nothing lived
  CHECK(next_token > token);
  CHECK(again.out.ends_with("a b\n"));
  CHECK(waiting.wait().exit_code == 0);
  CHECK(std::stoul(other.file("out")) > next_token);
  CHECK(is_free(user, "b"));

  // After a clean end there is nothing to take over, and the same identity is good for another one.
  CHECK(user.run(run_of(arguments, "echo $LOCKSTEP_TOKEN")).exit_code == 0);
  struct stat status {};
  REQUIRE(stat((user.folder() / "who").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE(
    "a run that is started again waits for what an earlier one left, though nobody was there any more to end it") {
  StartedCluster cluster(1);
  User user(cluster);
  const std::vector<std::string> arguments{"a", "--identity", "who", "--ttl", "60s"};
  Process running = user.start(run_of(arguments, "while [ ! -e go ]; do sleep 0.05; done & echo $$ > pid; wait"));
  const pid_t group = wait_for_pid(user);
  // As killall -9 would: the run and its guardian have one name.
  running.signal(SIGSTOP);
  std::ifstream children("/proc/" + std::to_string(running.pid()) + "/task/" + std::to_string(running.pid()) +
                         "/children");
  for (pid_t child = 0; children >> child;) ::kill(child, SIGKILL);
  running.signal(SIGKILL);
  CHECK(running.wait().signal == SIGKILL);
  std::vector<std::string> at_once = arguments;
  at_once.push_back("--no-wait");
  CHECK(user.run(run_of(at_once, "echo ran")).exit_code == 120);
  Process next = user.start(run_of(arguments, living_of(group)));
  REQUIRE(wait_until([&] { return !user.file("err").empty(); }));  // it says what it waits for
  std::ofstream(user.folder() / "go") << "now";
  CHECK(next.wait().exit_code == 0);
  CHECK(user.file("out").empty());
}

TEST_CASE("a run that is started again for other locks gives those of the killed one back") {
  StartedCluster cluster(1);
  User user(cluster);
  const std::vector<std::string> options{"--identity", "who", "--ttl", "60s", "--grace", "300ms"};
  const auto with_options = [&](std::vector<std::string> names) {
    names.insert(names.end(), options.begin(), options.end());
    return names;
  };
  Process running = user.start(run_of(with_options({"a", "b"}), kStubborn));
  wait_for_pid(user);
  running.signal(SIGKILL);
  running.wait();
  const Result again = user.run(run_of(with_options({"b", "c"}), "echo $LOCKSTEP_LOCK; cat"));
  CHECK(again.exit_code == 0);
  CHECK(again.out == "b c\n");
  CHECK(is_free(user, "a"));
  std::ofstream(user.folder() / "who") << "not ours";
  CHECK(user.run(run_of(with_options({"b"}), "true")).exit_code == 2);
  CHECK(user.file("who") == "not ours");
}

TEST_CASE("what cannot be is told before anything is started") {
  User user("tcp://127.0.0.1:1");
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"run"},
                                                {"run", "a"},
                                                {"run", "--", "a", "true"},
                                                {"run", "a", "a", "--", "true"},
                                                {"run", "a", "--ttl", "500ms", "--", "true"},
                                                {"run", "a", "--ttl", "3s", "--grace", "2s", "--", "true"},
                                                {"run", "a", "--ttl", "1s", "--grace", "251ms", "--", "true"},
                                                {"run", "a", "--shared", "--permits", "3", "--", "true"}}) {
    const Result usage = user.run(wrong);
    CAPTURE(usage.err);
    CHECK(usage.exit_code == 2);
    CHECK(usage.out.empty());
    CHECK_FALSE(usage.err.empty());
  }
  const Result unavailable = user.run({"--timeout", "300ms", "--json", "run", "a", "--", "echo", "ran"});
  CHECK(unavailable.exit_code == 121);
  CHECK(unavailable.out.empty());
  CHECK(json::parse(unavailable.err)["error"] == "unavailable");
  // The grace that nobody asked for fits the shortest lease.
  CHECK(user.run({"--timeout", "300ms", "run", "a", "--ttl", "1s", "--", "true"}).exit_code == 121);
}

TEST_CASE("at a terminal the command has the foreground while it runs, and the shell has it back") {
  StartedCluster cluster(1);
  User user(cluster);
  ShellAtTerminal shell(user, "-c",
                        lockstep_program() +
                            " run a -- sh -c 'ps -o tpgid= -p $$ > foreground; echo $$ > pid'; "
                            "ps -o tpgid= -p $$ > after; echo $$ > shell");
  shell.wait();
  CHECK(std::stoi(user.file("foreground")) == std::stoi(user.file("pid")));
  CHECK(std::stoi(user.file("after")) == std::stoi(user.file("shell")));
}

TEST_CASE("in a pipeline the terminal stays with the others") {
  StartedCluster cluster(1);
  User user(cluster);
  ShellAtTerminal shell(user, "-c",
                        lockstep_program() +
                            " run a -- sh -c 'echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done' | "
                            "{ read line < /dev/tty; echo \"$line\" > heard; echo > go; }");
  wait_for_pid(user);
  shell.type("next page\n");
  CHECK(wait_until([&] { return user.file("heard").ends_with('\n'); }));
  CHECK(user.file("heard") == "next page\n");
  shell.wait();
}

TEST_CASE("Ctrl-Z does not put a lock aside, also if the command is not in the foreground") {
  StartedCluster cluster(1);
  User user(cluster);
  ShellAtTerminal shell(user, "-mc",
                        lockstep_program() +
                            " run a -- sh -c 'echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done; exit 7' > out; "
                            "echo $? > code");
  wait_for_pid(user);
  shell.type("\x1a");
  shell.wait_for("^Z");  // shown when whoever is stopped by it is told so
  std::ofstream(user.folder() / "go") << "\n";
  CHECK(wait_until([&] { return user.file("code").ends_with('\n'); }));
  CHECK(user.file("code") == "7\n");
}

// Goal: a group is seen to live as long as a process of it does, whatever that process is called.
// Method: children of the test in groups of their own, under names that look like other fields of /proc/PID/stat.
#include "tools/lockstep/run/process_group.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

namespace lockstep::process_group_test {

using namespace lockstep::run;

namespace {

// A child that only waits, in a group of its own or in that of another.
class Child {
 public:
  explicit Child(const std::string& name, pid_t group = 0) {
    std::array<int, 2> ready{};
    REQUIRE(pipe(ready.data()) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) wait_for_ever(name, group, ready[1]);
    close(ready[1]);
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
  }
  ~Child() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // It has ended then, and keeps its number until it is reaped.
  void wait_for_end() const {
    siginfo_t ended{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) == 0);
  }
  void reap() {
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  [[noreturn]] static void wait_for_ever(const std::string& name, pid_t group, int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, group);
    prctl(PR_SET_NAME, name.c_str());
    if (write(ready, "", 1) != 1) _exit(1);
    for (;;) pause();
  }

  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("a process is seen in its group under any name, and not any more when it has ended") {
  for (const char* name : {"plain", "", " ", "(", ")", "a)b", "a) b (c", ") Z 1 1 (", ") X 0 0", "new\nline",
                           "\n) Z 2 3\n", "%d %s", "\xff\xfe) \x01", "fifteen letters"}) {
    CAPTURE(name);
    Child child(name);
    CHECK(group_lives(child.pid()));
    signal_group(child.pid(), SIGKILL);
    child.wait_for_end();
    CHECK_FALSE(group_lives(child.pid()));
  }
}

TEST_CASE("who ended does not live on by its name, and who is called like a member is none") {
  const Child leader("leader");
  Child pretender(") R 1 " + std::to_string(leader.pid()));
  signal_group(leader.pid(), SIGKILL);
  leader.wait_for_end();
  CHECK_FALSE(group_lives(leader.pid()));
  CHECK(group_lives(pretender.pid()));
}

TEST_CASE("a group outlives its leader, and ends with its last process") {
  Child leader("leader");
  const pid_t group = leader.pid();
  const Child member(") Z 1 1 (", group);
  ::kill(group, SIGKILL);
  leader.wait_for_end();
  CHECK(group_lives(group));
  leader.reap();
  CHECK(group_lives(group));
  signal_group(group, SIGKILL);
  member.wait_for_end();
  CHECK_FALSE(group_lives(group));
}

TEST_CASE("a process that is stopped lives, and no group is that of no process") {
  Child child("stopped");
  signal_group(child.pid(), SIGSTOP);
  siginfo_t stopped{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(child.pid()), &stopped, WSTOPPED) == 0);
  CHECK(group_lives(child.pid()));
  for (const pid_t nobody : {0, 1, -1}) CHECK_FALSE(group_lives(nobody));
}

}  // namespace lockstep::process_group_test

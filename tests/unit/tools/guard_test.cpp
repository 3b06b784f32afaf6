// Goal: nothing of a command's group lives past its lock, whichever of the three processes is killed or
// stopped. Method: real processes, with deadlines made up by the test. Where one of them comes, so is the time: it
// stands still until the test has seen that all are where they should be, however busy the machine is.
#include "tools/lockstep/run/guard.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <new>
#include <thread>

#include "nodes/system/clock.hpp"
#include "tests/support/process.hpp"
#include "tests/support/wait_until.hpp"
#include "tools/lockstep/run/process_group.hpp"

namespace lockstep::guard_test {

using namespace lockstep::run;
using namespace std::chrono_literals;
using lockstep::testing::read_file;
using lockstep::testing::TemporaryFolder;
using lockstep::testing::wait_until;

namespace {

constexpr Duration kFar = 1h;
constexpr Duration kAhead = 10s;
const GuardianOptions kOptions{300ms, 250ms};

// Deaf to all that can be ignored, with a grandchild in the group that is, too. Both write that they are there.
constexpr const char* kStubborn =
    "trap '' TERM INT HUP; (trap '' TERM INT HUP; echo > grandchild; while :; do sleep 0.1; done) & "
    "while [ ! -e grandchild ]; do sleep 0.01; done; echo $$ > pid; while :; do sleep 0.1; done";

// A clock that holder and guardian share, and that only the test moves.
class ScriptedClock : public GuardianClock {
 public:
  ScriptedClock()
      : page_(mmap(nullptr, sizeof(Now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        wake_up_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    REQUIRE(page_ != MAP_FAILED);
    now_ = new (page_) Now(boot_time().time_since_epoch().count());
  }
  ~ScriptedClock() override { munmap(page_, sizeof(Now)); }
  ScriptedClock(const ScriptedClock&) = delete;
  ScriptedClock& operator=(const ScriptedClock&) = delete;

  Time now() const override { return Time(Duration(now_->load())); }
  void wake_at(Time deadline) override {
    eventfd_t moves = 0;
    eventfd_read(wake_up_.get(), &moves);
    if (now() >= deadline) eventfd_write(wake_up_.get(), 1);  // it was moved before we looked
  }
  int descriptor() const override { return wake_up_.get(); }
  void set(Time time) {
    *now_ = time.time_since_epoch().count();
    eventfd_write(wake_up_.get(), 1);
  }

 private:
  using Now = std::atomic<Duration::rep>;
  static_assert(Now::is_always_lock_free);
  void* page_;
  Now* now_ = nullptr;
  FileDescriptor wake_up_;
};

CommandSpec shell(const std::string& script) {
  CommandSpec spec;
  spec.words = {"/bin/sh", "-c", script};
  sigemptyset(&spec.signals);
  return spec;
}

Guard guard_of(const CommandSpec& spec) {
  auto guard = Guard::create(spec, kOptions);
  REQUIRE(guard);
  return *std::move(guard);
}

Guard guard_of(const CommandSpec& spec, GuardianClock& clock) {
  auto guard = Guard::create(spec, kOptions, clock);
  REQUIRE(guard);
  return *std::move(guard);
}

// As the holder of the lock waits: until the command has ended.
CommandResult wait_for_end(Guard& guard, const GuardianClock& clock = MachineClock()) {
  std::optional<CommandResult> result;
  const bool has_ended = wait_until([&] { return (result = guard.turn(clock.now())).has_value(); });
  if (!has_ended && guard.guardian_pid() != 0) ::kill(guard.guardian_pid(), SIGKILL);  // or the guard would wait on
  REQUIRE(has_ended);
  return *result;
}

int exit_code_of(const std::string& script) {
  Guard guard = guard_of(shell(script));
  guard.start(boot_time() + kFar, {});
  const CommandResult result = wait_for_end(guard);
  CHECK(result.ending == Ending::kByItself);
  REQUIRE(result.exit_code);
  return *result.exit_code;
}

struct InFolder {
  InFolder() { REQUIRE(chdir(folder.path().c_str()) == 0); }
  ~InFolder() { (void)!chdir("/"); }

  std::string content(const std::string& name) { return read_file(folder.path() / name); }
  bool wait_for_file(const std::string& name) {
    return wait_until([&] { return !content(name).empty() && content(name).back() == '\n'; });
  }
  void write(const std::string& name) { std::ofstream(folder.path() / name) << "\n"; }
  // The group's number, once all of the stubborn command is there.
  pid_t wait_for_group() {
    REQUIRE(wait_for_file("pid"));
    const pid_t group = std::stoi(content("pid"));
    REQUIRE(group_lives(group));
    return group;
  }
  TemporaryFolder folder;
};

// So that a test that fails leaves nothing behind.
struct KilledAtTheEnd {
  ~KilledAtTheEnd() { signal_group(group, SIGKILL); }
  pid_t group;
};

// 'Z': it has ended, and was not reaped; 0: there is none.
char state_of(pid_t process) {
  const std::string stat = read_file("/proc/" + std::to_string(process) + "/stat");
  const auto end_of_name = stat.rfind(") ");
  return end_of_name == std::string::npos ? '\0' : stat.at(end_of_name + 2);
}

// That it is ended in time is for guardian_test to say, which has a clock of its own: here the machine may be busy.
void check_is_ended(pid_t group) {
  CHECK(wait_until([&] { return !group_lives(group); }));
}

// Holds the lock until the command has ended. Then whether our group has the terminal again: 0, else 2.
int hold_at_terminal(const CommandSpec& spec, const std::function<void(Guard&)>& meanwhile = {}) {
  signal(SIGHUP, SIG_IGN);
  auto guard = Guard::create(spec, kOptions);
  if (!guard) return 1;
  guard->start(boot_time() + kFar, {});
  while (!guard->turn(boot_time())) {
    if (meanwhile) meanwhile(*guard);
    pollfd item{guard->descriptor(), POLLIN, 0};
    poll(&item, 1, 20);
  }
  return tcgetpgrp(STDIN_FILENO) == getpgrp() ? 0 : 2;
}

// A session of its own at a terminal of its own, whose foreground it is at first. `job` runs there, and its result is
// the exit code.
class AtTerminal {
 public:
  explicit AtTerminal(const std::function<int()>& job) : session_(forkpty(&terminal_, nullptr, nullptr, nullptr)) {
    REQUIRE(session_ >= 0);
    if (session_ == 0) _exit(job());
  }
  ~AtTerminal() {
    if (session_ != 0) {
      ::kill(session_, SIGKILL);
      waitpid(session_, nullptr, 0);
    }
    close(terminal_);
  }
  void type(const std::string& keys) {
    REQUIRE(write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  int exit_code() {
    int status = 0;
    REQUIRE(wait_until([&] { return waitpid(session_, &status, WNOHANG) == session_; }));
    session_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  int terminal_ = -1;
  pid_t session_;
};

// A process that holds the lock as `lockstep run` does, for killing and stopping it.
class Holder {
 public:
  // Renews by `ahead` all the time.
  Holder(const std::string& script, Duration ahead, GuardianClock& clock) : pid_(fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) hold(script, ahead, clock);
  }
  ~Holder() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void signal(int number) { REQUIRE(::kill(pid_, number) == 0); }

 private:
  [[noreturn]] static void hold(const std::string& script, Duration ahead, GuardianClock& clock) {
    auto guard = Guard::create(shell(script), kOptions, clock);
    if (!guard) _exit(1);
    std::ofstream("guardian") << guard->guardian_pid() << std::endl;
    guard->start(clock.now() + ahead, {});
    while (!guard->turn(clock.now())) {
      guard->renew(clock.now() + ahead);
      pollfd item{guard->descriptor(), POLLIN, 0};
      poll(&item, 1, 20);
    }
    _exit(0);
  }
  pid_t pid_;
};

}  // namespace

TEST_CASE("the command's exit status is told as a shell tells it") {
  CHECK(exit_code_of("exit 0") == 0);
  CHECK(exit_code_of("exit 7") == 7);
  CHECK(exit_code_of("kill -KILL $$") == 137);
  CHECK(exit_code_of("kill -USR1 $$") == 128 + SIGUSR1);
}

TEST_CASE("a command that is not there is 127, one that cannot be run is 126") {
  CommandSpec spec = shell("");
  spec.words = {"/no/such/command"};
  Guard missing = guard_of(spec);
  missing.start(boot_time() + kFar, {});
  CHECK(wait_for_end(missing).exit_code == 127);
  spec.words = {"/etc/passwd"};
  Guard not_executable = guard_of(spec);
  not_executable.start(boot_time() + kFar, {});
  CHECK(wait_for_end(not_executable).exit_code == 126);
}

TEST_CASE_FIXTURE(InFolder, "the command has its lock in its environment, and a group of its own") {
  Guard guard =
      guard_of(shell("echo \"$LOCKSTEP_LOCK $LOCKSTEP_TOKEN\" > env; ps -o pgid= -p $$ > group; echo $$ > pid"));
  guard.start(boot_time() + kFar, {"LOCKSTEP_LOCK=a b", "LOCKSTEP_TOKEN=42"});
  CHECK(wait_for_end(guard).exit_code == 0);
  CHECK(content("env") == "a b 42\n");
  CHECK(std::stoi(content("group")) == std::stoi(content("pid")));
  CHECK(std::stoi(content("pid")) != getpgrp());
}

TEST_CASE_FIXTURE(InFolder, "signals are forwarded to the whole group") {
  // The parent waits for its child, since what is left when the command itself ends is killed.
  Guard guard =
      guard_of(shell("trap 'while [ ! -s child ]; do sleep 0.01; done; echo > parent; exit 5' USR1; "
                     "(trap 'echo > child; exit' USR1; echo > ready; while :; do sleep 0.05; done) & "
                     "while [ ! -e ready ]; do sleep 0.01; done; echo $$ > pid; "
                     "while :; do sleep 0.05; done"));
  guard.start(boot_time() + kFar, {});
  REQUIRE(wait_for_file("pid"));
  guard.forward(SIGUSR1);
  CHECK(wait_for_end(guard).exit_code == 5);
  CHECK(content("child") == "\n");
  CHECK(content("parent") == "\n");
}

TEST_CASE_FIXTURE(InFolder, "the end is told only when the last of the group is gone, however long its dying takes") {
  // A process with much memory is a while about it.
  Guard guard =
      guard_of(shell("echo $$ > pid; (head -c 300000000 /dev/zero; echo > full; sleep 100) | tail -c 300000000 & "
                     "while [ ! -s full ]; do sleep 0.01; done; exit 3"));
  guard.start(boot_time() + kFar, {});
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  CHECK(wait_for_end(guard).exit_code == 3);
  CHECK_FALSE(group_lives(group));
}

TEST_CASE_FIXTURE(InFolder, "the group's number is nobody else's while it may still be killed") {
  // A process that has ended keeps its number until it is reaped. The other one is a while about its dying.
  const auto script =
      "echo $$ > pid; (head -c 300000000 /dev/zero; echo > full; sleep 100) | tail -c 300000000 & "
      "while [ ! -s full ]; do sleep 0.01; done; ";
  const auto looks_after_its_end = [&](bool guardian_dies) {
    Guard guard = guard_of(shell(std::string(script) + (guardian_dies ? "sleep 100" : "exit 3")));
    guard.start(boot_time() + kFar, {});
    const pid_t group = wait_for_group();
    const KilledAtTheEnd cleaned_up{group};
    REQUIRE(wait_for_file("full"));
    if (guardian_dies) REQUIRE(::kill(guard.guardian_pid(), SIGKILL) == 0);
    const Time end = boot_time() + lockstep::testing::kPatience;
    int looks_at_nobody = 0;
    int looks = 0;
    for (;;) {
      const char state = state_of(group);
      if (guard.turn(boot_time()) || boot_time() > end) break;
      if (state == '\0') ++looks_at_nobody;
      if (state == 'Z') ++looks;
    }
    CHECK(looks_at_nobody == 0);
    CHECK(state_of(group) == '\0');
    std::filesystem::remove("full");
    std::filesystem::remove("pid");
    return looks;
  };
  // A busy machine may not let us look in time: then once more.
  for (const bool guardian_dies : {false, true})
    CHECK(wait_until([&] { return looks_after_its_end(guardian_dies) > 0; }));
}

TEST_CASE_FIXTURE(InFolder, "what the command leaves behind in its group is killed before the end is told") {
  Guard guard =
      guard_of(shell("(trap '' TERM HUP; echo > grandchild; while :; do sleep 0.1; done) & "
                     "while [ ! -e grandchild ]; do sleep 0.01; done; echo $$ > pid; exit 3"));
  guard.start(boot_time() + kFar, {});
  CHECK(wait_for_end(guard).exit_code == 3);
  CHECK_FALSE(group_lives(std::stoi(content("pid"))));
}

TEST_CASE_FIXTURE(InFolder, "what was orphaned in the group is reaped while the command runs, and killed with it") {
  Guard guard =
      guard_of(shell("(sh -c 'echo $$ > ended' &); (sh -c 'trap \"\" TERM HUP; echo $$ > orphan; "
                     "while :; do sleep 0.1; done' &); echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done; exit 3"));
  guard.start(boot_time() + kFar, {});
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  REQUIRE(wait_for_file("ended"));
  REQUIRE(wait_for_file("orphan"));
  CHECK(wait_until([&] { return state_of(std::stoi(content("ended"))) == '\0'; }));
  CHECK(group_lives(group));
  write("go");
  CHECK(wait_for_end(guard).exit_code == 3);
  CHECK_FALSE(group_lives(group));
  CHECK(state_of(std::stoi(content("orphan"))) == '\0');
}

TEST_CASE_FIXTURE(InFolder, "who left the group is out of reach: it lives on, and nobody waits for it") {
  Guard guard =
      guard_of(shell("setsid sh -c 'echo $$ > daemon; while :; do sleep 0.1; done' & "
                     "while [ ! -s daemon ]; do sleep 0.01; done; echo $$ > pid; exit 3"));
  guard.start(boot_time() + kFar, {});
  REQUIRE(wait_for_file("daemon"));
  const KilledAtTheEnd cleaned_up{std::stoi(content("daemon"))};
  CHECK(wait_for_end(guard).exit_code == 3);
  CHECK(group_lives(cleaned_up.group));
}

TEST_CASE_FIXTURE(InFolder, "without a renewal nothing of the group lives on") {
  ScriptedClock clock;
  const Time deadline = clock.now() + kAhead;
  Guard guard = guard_of(shell(kStubborn), clock);
  guard.start(deadline, {});
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  clock.set(deadline - kOptions.margin);
  check_is_ended(group);
  const CommandResult result = wait_for_end(guard, clock);
  CHECK(result.ending == Ending::kDeadline);
  CHECK(result.exit_code == 137);
  CHECK_FALSE(result.guardian_died);
}

TEST_CASE_FIXTURE(InFolder, "after a suspend past the deadline the group is killed at once, whatever its grace") {
  ScriptedClock clock;
  Guard guard = guard_of(shell("trap 'echo > heard' TERM; echo $$ > pid; while :; do sleep 0.05; done"), clock);
  guard.start(clock.now() + kAhead, {});
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  clock.set(clock.now() + 2 * kAhead);
  guard.renew(clock.now() + kFar);  // by a holder that woke up first
  check_is_ended(group);
  CHECK(content("heard").empty());
  const CommandResult result = wait_for_end(guard, clock);
  CHECK(result.ending == Ending::kDeadline);
  CHECK(result.exit_code == 137);
}

TEST_CASE_FIXTURE(InFolder, "with renewals the command lives on past its first deadline") {
  ScriptedClock clock;
  const Time first_deadline = clock.now() + kAhead;
  Guard guard = guard_of(shell("n=0; trap 'n=$((n+1)); echo > heard$n' USR1; echo $$ > pid; "
                               "while [ ! -e go ]; do sleep 0.05; done; exit 4"),
                         clock);
  guard.start(first_deadline, {});
  const KilledAtTheEnd cleaned_up{wait_for_group()};
  guard.renew(first_deadline + kFar);
  guard.forward(SIGUSR1);  // orders are followed in turn, so what comes of this one comes after the renewal
  REQUIRE(wait_for_file("heard1"));
  clock.set(first_deadline);
  guard.forward(SIGUSR1);  // at the new time
  REQUIRE(wait_for_file("heard2"));
  CHECK_FALSE(guard.turn(clock.now()));
  write("go");
  const CommandResult result = wait_for_end(guard, clock);
  CHECK(result.exit_code == 4);
  CHECK(result.ending == Ending::kByItself);
}

TEST_CASE_FIXTURE(InFolder, "a command that hears SIGTERM has its grace when the lock is lost") {
  ScriptedClock clock;
  Guard guard = guard_of(shell("trap 'echo > heard; exit 6' TERM; echo $$ > pid; while :; do sleep 0.05; done"), clock);
  guard.start(clock.now() + kFar, {});
  const KilledAtTheEnd cleaned_up{wait_for_group()};
  guard.stop();
  const CommandResult result = wait_for_end(guard, clock);
  CHECK(result.ending == Ending::kStopped);
  CHECK(result.exit_code == 6);
  CHECK(content("heard") == "\n");
}

TEST_CASE_FIXTURE(InFolder, "when the holder is killed nothing of the group lives on") {
  MachineClock clock;
  Holder holder(kStubborn, kFar, clock);
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  holder.signal(SIGKILL);
  check_is_ended(group);
}

TEST_CASE_FIXTURE(InFolder, "when the holder is stopped nothing of the group lives on") {
  ScriptedClock clock;
  const Time deadline = clock.now() + kAhead;
  Holder holder(kStubborn, kAhead, clock);
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  holder.signal(SIGSTOP);
  clock.set(deadline - kOptions.margin);
  check_is_ended(group);
}

TEST_CASE_FIXTURE(InFolder, "when the guardian is killed the holder kills the group at once") {
  Guard guard = guard_of(shell(kStubborn));
  guard.start(boot_time() + kFar, {});
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  REQUIRE(::kill(guard.guardian_pid(), SIGKILL) == 0);
  const CommandResult result = wait_for_end(guard);
  CHECK(result.guardian_died);
  CHECK(result.exit_code == 137);
  CHECK_FALSE(group_lives(group));
}

TEST_CASE_FIXTURE(InFolder, "when the guardian is stopped nothing of the group lives on") {
  ScriptedClock clock;
  const Time deadline = clock.now() + kAhead;
  Guard guard = guard_of(shell(kStubborn), clock);
  guard.start(deadline, {});
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  REQUIRE(::kill(guard.guardian_pid(), SIGSTOP) == 0);
  clock.set(deadline - kOptions.margin / 2);
  const CommandResult result = wait_for_end(guard, clock);
  CHECK_FALSE(group_lives(group));
  CHECK(result.ending == Ending::kDeadline);
}

TEST_CASE_FIXTURE(InFolder, "when holder and guardian are killed at once the kernel kills the command with them") {
  MachineClock clock;
  Holder holder("echo $$ > pid; while :; do sleep 0.1; done", kFar, clock);
  const pid_t command = wait_for_group();
  const KilledAtTheEnd cleaned_up{command};
  REQUIRE(wait_for_file("guardian"));
  holder.signal(SIGSTOP);  // so that it does nothing about the other's death
  REQUIRE(::kill(std::stoi(content("guardian")), SIGKILL) == 0);
  CHECK(wait_until([&] { return state_of(command) == 'Z' || !group_lives(command); }));
  holder.signal(SIGKILL);
  CHECK(wait_until([&] { return !group_lives(command); }));
}

TEST_CASE_FIXTURE(InFolder,
                  "the command has the terminal while it runs, Ctrl-Z does not put it aside, and it is given back") {
  CommandSpec spec = shell("ps -o tpgid= -p $$ > foreground; echo $$ > pid; read line; echo \"$line\" > heard");
  spec.takes_terminal = true;
  AtTerminal terminal([&] { return hold_at_terminal(spec); });
  REQUIRE(wait_for_file("pid"));
  CHECK(std::stoi(content("foreground")) == std::stoi(content("pid")));
  terminal.type("\x1ahello\n");  // Ctrl-Z first
  CHECK(terminal.exit_code() == 0);
  CHECK(content("heard") == "hello\n");
}

TEST_CASE_FIXTURE(InFolder, "a command that was not given the terminal is, as soon as it reads it, and gives it back") {
  const CommandSpec spec =
      shell("ps -o tpgid= -p $$ > before; echo $$ > pid; read line; ps -o tpgid= -p $$ > after; echo $line > heard");
  AtTerminal terminal([&] { return hold_at_terminal(spec); });
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  CHECK(std::stoi(content("before")) != group);
  terminal.type("hello\n");
  CHECK(terminal.exit_code() == 0);
  CHECK(content("heard") == "hello\n");
  CHECK(std::stoi(content("after")) == group);
}

TEST_CASE_FIXTURE(InFolder, "who changes the terminal's settings is given it, too") {
  AtTerminal terminal([] { return hold_at_terminal(shell("stty -echo; echo > done")); });
  CHECK(terminal.exit_code() == 0);
  CHECK(content("done") == "\n");
}

TEST_CASE_FIXTURE(InFolder,
                  "a command in the background that reads the terminal waits for the foreground, as any job") {
  const CommandSpec spec = shell("echo $$ > pid; read line; echo $line > heard");
  AtTerminal terminal([&] {
    const pid_t job = fork();
    if (job == 0) {
      setpgid(0, 0);
      _exit(hold_at_terminal(spec));
    }
    setpgid(job, job);
    if (!wait_for_file("fg")) return 3;
    tcsetpgrp(STDIN_FILENO, job);
    int status = 0;
    waitpid(job, &status, 0);
    return WEXITSTATUS(status);
  });
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  terminal.type("hello\n");
  REQUIRE(wait_until([&] { return state_of(group) == 'T'; }));
  CHECK(content("heard").empty());
  std::ofstream("fg") << "\n";
  CHECK(terminal.exit_code() == 0);
  CHECK(content("heard") == "hello\n");
}

TEST_CASE_FIXTURE(InFolder,
                  "when the guardian is killed while the command has the terminal, the holder takes it back") {
  CommandSpec spec = shell(kStubborn);
  spec.takes_terminal = true;
  AtTerminal terminal([&] {
    return hold_at_terminal(spec, [&](const Guard& guard) {
      if (!content("kill").empty() && guard.guardian_pid() != 0) ::kill(guard.guardian_pid(), SIGKILL);
    });
  });
  const pid_t group = wait_for_group();
  const KilledAtTheEnd cleaned_up{group};
  std::ofstream("kill") << "now\n";
  CHECK(terminal.exit_code() == 0);
}

TEST_CASE_FIXTURE(InFolder, "a command that stopped itself is woken up to hear that it must end") {
  ScriptedClock clock;
  Guard guard = guard_of(
      shell("trap 'echo > heard; exit 6' TERM; echo $$ > pid; kill -STOP $$; while :; do sleep 0.05; done"), clock);
  guard.start(clock.now() + kFar, {});
  const KilledAtTheEnd cleaned_up{wait_for_group()};
  guard.stop();
  CHECK(wait_for_end(guard, clock).exit_code == 6);
}

TEST_CASE_FIXTURE(InFolder, "a guard that is let go ends its command, and one without a command just goes") {
  pid_t group = 0;
  {
    Guard guard = guard_of(shell(kStubborn));
    guard.start(boot_time() + kFar, {});
    group = wait_for_group();
  }
  CHECK_FALSE(group_lives(group));
  pid_t guardian = 0;
  {
    const Guard idle = guard_of(shell("echo > ran"));
    guardian = idle.guardian_pid();
  }
  CHECK((::kill(guardian, 0) != 0 && errno == ESRCH));
  CHECK(content("ran").empty());
}

}  // namespace lockstep::guard_test

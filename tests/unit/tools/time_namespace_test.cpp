// Goal: the leases' time, and what wakes a guardian, go on while the machine sleeps: CLOCK_BOOTTIME, not another clock.
// Method: a machine that never slept has the same time on CLOCK_MONOTONIC. In a time namespace (time_namespaces(7)) a
// process sees what it would after a day of sleep. Exits with 77 where the system gives no such namespace.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <string>

#include "nodes/system/clock.hpp"
#include "nodes/system/file_descriptor.hpp"
#include "tests/support/wait_until.hpp"
#include "tools/lockstep/run/guardian_clock.hpp"

namespace lockstep {
namespace {

constexpr int kSkipped = 77;
constexpr int kDayOfSleep = 86'400;

// The first that does not hold ends the process: what comes after it could only wait in vain.
void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  if (!holds) _exit(1);
}

// The children of this process are in the new namespace; it is not itself.
bool unshare_time() {
  if (unshare(CLONE_NEWTIME) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0) return false;
  const FileDescriptor offsets(open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC));
  const std::string offset = "boottime " + std::to_string(kDayOfSleep) + " 0";
  return offsets && write(offsets.get(), offset.data(), offset.size()) == static_cast<ssize_t>(offset.size());
}

Time time_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return Time(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

bool is_readable(int descriptor, int patience_ms) {
  pollfd item{descriptor, POLLIN, 0};
  return poll(&item, 1, patience_ms) == 1;
}

void check_clocks() {
  check(time_of(CLOCK_BOOTTIME) - time_of(CLOCK_MONOTONIC) > std::chrono::seconds(kDayOfSleep / 2),
        "the namespace is that of a machine that slept");
  const Time before = time_of(CLOCK_BOOTTIME);
  const Time now = boot_time();
  check(before <= now && now <= time_of(CLOCK_BOOTTIME), "boot_time() counts the sleep");

  constexpr int kPatienceMs = static_cast<int>(std::chrono::milliseconds(testing::kPatience).count());
  run::MachineClock clock;
  clock.wake_at(Time::max());
  check(!is_readable(clock.descriptor(), 0), "nothing wakes who waits for ever");
  clock.wake_at(clock.now() + std::chrono::hours(1));
  check(!is_readable(clock.descriptor(), 0), "nothing wakes anybody an hour early");
  const Time deadline = clock.now() + std::chrono::milliseconds(50);
  clock.wake_at(deadline);
  check(is_readable(clock.descriptor(), kPatienceMs) && clock.now() >= deadline, "a deadline wakes, and not before it");
  clock.wake_at(clock.now() - std::chrono::hours(1));
  check(is_readable(clock.descriptor(), kPatienceMs), "a deadline that passed during the sleep wakes at once");
}

int run_in_namespace() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (!unshare_time()) {
    std::puts("skipped: the system gives no time namespace");
    return kSkipped;
  }
  const pid_t child = fork();
  if (child == 0) {
    check_clocks();
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace
}  // namespace lockstep

int main() { return lockstep::run_in_namespace(); }

// tcgetpgrp(3) and tcsetpgrp(3).
#include "tools/lockstep/run/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace lockstep::run {

Terminal::Terminal() : fd_(open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {}

bool Terminal::is_of(pid_t group) const { return fd_ && group > 0 && tcgetpgrp(fd_.get()) == group; }

bool Terminal::hand_over(pid_t from, pid_t to) const {
  if (!is_of(from)) return false;
  // The kernel lets a process of the background do it only with SIGTTOU blocked or ignored.
  sigset_t stop;
  sigset_t before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &stop, &before);
  const bool given = tcsetpgrp(fd_.get(), to) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return given;
}

bool is_alone_at_terminal() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (tcgetpgrp(fd) != getpgrp()) return false;  // -1: it is another terminal, or none
  }
  return true;
}

}  // namespace lockstep::run

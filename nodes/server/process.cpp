// signalfd(2) and the limit of open files.
#include "nodes/server/process.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace lockstep {

tl::expected<StopSignals, std::string> StopSignals::block() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  sigset_t ignored = blocked;
  sigaddset(&ignored, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &ignored, nullptr);
  FileDescriptor fd(signalfd(-1, &blocked, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return tl::unexpected("cannot listen for signals: " + std::string(std::strerror(errno)));
  return StopSignals(std::move(fd));
}

int StopSignals::take() {
  signalfd_siginfo signal{};
  const ssize_t read = ::read(fd_.get(), &signal, sizeof signal);
  return read == static_cast<ssize_t>(sizeof signal) ? static_cast<int>(signal.ssi_signo) : 0;
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool file_descriptors_run_short() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  // The system hands out the lowest free number: it says how many are in use, but for gaps.
  const FileDescriptor lowest_free(fcntl(0, F_DUPFD_CLOEXEC, 0));
  if (!lowest_free) return errno == EMFILE;
  return static_cast<rlim_t>(lowest_free.get()) >= limit.rlim_cur / 5 * 4;
}

}  // namespace lockstep

#include "tools/lockstep/stop_on_signal.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

#include "nodes/system/clock.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

// Signals within this time of the first are one wish.
constexpr Duration kOneWish = std::chrono::seconds(1);

}  // namespace

BlockedSignals::BlockedSignals(std::initializer_list<int> signals) {
  sigemptyset(&blocked_);
  for (const int signal : signals) sigaddset(&blocked_, signal);
  pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

StopOnSignal::StopOnSignal(std::initializer_list<int> signals)
    : blocked_(signals),
      signals_(signalfd(-1, &blocked_.blocked(), SFD_CLOEXEC | SFD_NONBLOCK)),
      end_(eventfd(0, EFD_CLOEXEC)) {
  INVARIANT(signals_ >= 0 && end_ >= 0, "two descriptors are to be had");
  thread_ = std::thread([this] { watch(); });
}

StopOnSignal::~StopOnSignal() {
  finish();
  close(signals_);
  close(end_);
}

int StopOnSignal::finish() {
  if (!thread_.joinable()) return signal_;
  const std::uint64_t one = 1;
  (void)!write(end_, &one, sizeof one);
  thread_.join();
  // The thread may have ended before it saw what had come.
  if (signal_ == 0) signal_ = take();
  return signal_;
}

int StopOnSignal::take() const {
  signalfd_siginfo info{};
  return read(signals_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

void StopOnSignal::watch() {
  for (;;) {
    std::array<pollfd, 2> items{pollfd{signals_, POLLIN, 0}, pollfd{end_, POLLIN, 0}};
    poll(items.data(), items.size(), -1);
    if ((items[1].revents & POLLIN) != 0) return;
    const int signal = take();
    if (signal == 0) continue;
    if (signal_ != 0) {
      if (boot_time() - stopped_at_ < kOneWish) continue;
      std::signal(signal, SIG_DFL);
      pthread_sigmask(SIG_UNBLOCK, &blocked_.blocked(), nullptr);
      raise(signal);
    }
    signal_ = signal;
    stopped_at_ = boot_time();
    stop_.request_stop();
  }
}

}  // namespace lockstep

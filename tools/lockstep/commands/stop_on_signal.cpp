// A thread that waits for the signals with signalfd(2).
#include "tools/lockstep/commands/stop_on_signal.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>

#include "nodes/system/clock.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

// Signals within this time of the first are one wish.
constexpr Duration kOneWish = std::chrono::seconds(1);

WakeUp must_create() {
  auto wake_up = WakeUp::create();
  INVARIANT(wake_up.has_value(), "a descriptor for the end is to be had");
  return *std::move(wake_up);
}

}  // namespace

BlockedSignals::BlockedSignals(std::initializer_list<int> signals) {
  sigemptyset(&blocked_);
  for (const int signal : signals) sigaddset(&blocked_, signal);
  pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

StopOnSignal::StopOnSignal(std::initializer_list<int> signals)
    : blocked_(signals), signals_(signalfd(-1, &blocked_.blocked(), SFD_CLOEXEC | SFD_NONBLOCK)), end_(must_create()) {
  INVARIANT(signals_, "a descriptor for signals is to be had");
  thread_ = std::thread([this] { watch(); });
}

StopOnSignal::~StopOnSignal() { finish(); }

int StopOnSignal::finish() {
  if (!thread_.joinable()) return signal_;
  end_.wake();
  thread_.join();
  // The thread may have ended before it saw what had come.
  if (signal_ == 0) signal_ = take();
  return signal_;
}

int StopOnSignal::take() const {
  signalfd_siginfo info{};
  return read(signals_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

void StopOnSignal::watch() {
  for (;;) {
    std::array<pollfd, 2> items{pollfd{signals_.get(), POLLIN, 0}, pollfd{end_.fd(), POLLIN, 0}};
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

void pause(const std::stop_token& stop, Duration duration) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace lockstep

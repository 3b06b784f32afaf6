// Ctrl-C as a std::stop_token: for what waits, and must leave nothing behind when it is told to end.
//
// The signals (SIGINT, SIGTERM and SIGHUP) are blocked while it lives, and taken by a thread of its own; the second of
// them, if it comes a second later or more, ends the program as if nobody had looked. (What comes at once is the same
// wish: timeout(1) signals the process and then its group.) Must be made before other threads are, or those must have
// the signals blocked (BlockedSignals), since a signal goes to any thread that has not.
#pragma once

#include <csignal>

#include <atomic>
#include <initializer_list>
#include <stop_token>
#include <thread>

#include "nodes/system/file_descriptor.hpp"
#include "nodes/system/wake_up.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

// Blocks signals in this thread, and in those it makes, until it is destroyed.
class BlockedSignals {
 public:
  BlockedSignals(std::initializer_list<int> signals);
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  const sigset_t& blocked() const { return blocked_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t blocked_{};
  sigset_t before_{};
};

class StopOnSignal {
 public:
  StopOnSignal(std::initializer_list<int> signals = {SIGINT, SIGTERM, SIGHUP});
  ~StopOnSignal();

  std::stop_token token() const { return stop_.get_token(); }
  // Looks no more. The signal that came before that, however short before; 0: none did. One that comes later is
  // pending, and has its effect when this is destroyed, if nobody else has blocked it.
  int finish();

 private:
  void watch();
  int take() const;

  BlockedSignals blocked_;
  std::stop_source stop_;
  std::atomic<int> signal_ = 0;
  Time stopped_at_{};  // the thread's own: when the first came
  FileDescriptor signals_;
  WakeUp end_;
  std::thread thread_;
};

// So long, or until the stop.
void pause(const std::stop_token& stop, Duration duration);

}  // namespace lockstep

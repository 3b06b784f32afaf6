// The thread that runs an application's callbacks, one after another, without any lock held, so that they
// may block and may call the client.
//
// It starts with the first callback. A callback has an owner, the object that registered it and can withdraw it: as
// with std::stop_callback, withdraw() waits for a callback that is running, unless it is called from it. Every member
// may be called from any thread, stop() not from a callback.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include "nodes/system/checked_mutex.hpp"

namespace lockstep {

class CallbackThread {
 public:
  using Owner = std::uint64_t;  // 0: nobody withdraws it

  CallbackThread() = default;
  ~CallbackThread() { stop(); }
  CallbackThread(const CallbackThread&) = delete;
  CallbackThread& operator=(const CallbackThread&) = delete;

  void post(Owner owner, std::function<void()> callback);
  void withdraw(Owner owner);
  // Runs what was posted, and what that posts, then ends. What others post later is dropped.
  void stop();

 private:
  void run();

  CheckedMutex mutex_;
  CheckedCondition changed_;
  std::deque<std::pair<Owner, std::function<void()>>> posted_ GUARDED_BY(mutex_);
  Owner running_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread::id id_ GUARDED_BY(mutex_);  // of the thread, once it runs
  std::thread thread_;                     // begun with the mutex held; nobody begins one once `stopping_`
};

}  // namespace lockstep

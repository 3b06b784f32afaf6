// The thread that runs an application's callbacks, one after another, without any lock held, so that they
// may block and may call the client.
//
// It starts with the first callback. A callback has an owner, who can withdraw it: as with std::stop_callback,
// whoever withdraws waits for one that is running, unless from within it.
// Every member may be called from any thread, stop() not from a callback.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

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
  // Runs what was posted, then ends. What is posted later is dropped.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Owner, std::function<void()>>> posted_;
  Owner running_ = 0;
  bool stopping_ = false;
  std::thread::id id_;  // of the thread, once it runs
  std::thread thread_;
};

}  // namespace lockstep

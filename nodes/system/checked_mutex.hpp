// A mutex whose locks the compiler checks (clang's -Wthread-safety; "Thread Safety Analysis" in its documentation).
//
// A member that a mutex guards says so, and a function that needs the mutex held says so:
//
//   CheckedMutex mutex_;
//   std::deque<Work> queue_ GUARDED_BY(mutex_);
//   void take_all() REQUIRES(mutex_);
//
// clang then refuses code that touches the member, or calls the function, without the lock. g++ sees plain std::mutex.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#if defined(__clang__)
#define LOCKSTEP_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define LOCKSTEP_THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(x) LOCKSTEP_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY LOCKSTEP_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) LOCKSTEP_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) LOCKSTEP_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) LOCKSTEP_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) LOCKSTEP_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define EXCLUDES(...) LOCKSTEP_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace lockstep {

class CAPABILITY("mutex") CheckedMutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Holds a CheckedMutex for as long as it lives, but for an unlock() in between.
class SCOPED_CAPABILITY CheckedLock {
 public:
  explicit CheckedLock(CheckedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~CheckedLock() RELEASE() {
    if (is_held_) mutex_.unlock();
  }
  CheckedLock(const CheckedLock&) = delete;
  CheckedLock& operator=(const CheckedLock&) = delete;

  void lock() ACQUIRE() {
    mutex_.lock();
    is_held_ = true;
  }
  void unlock() RELEASE() {
    is_held_ = false;
    mutex_.unlock();
  }

 private:
  CheckedMutex& mutex_;
  bool is_held_ = true;
};

// Waits for a change of what a CheckedMutex guards. The mutex is held when a wait begins and when it ends, and given
// back in between. Spurious wake-ups happen: wait in a loop that looks at the condition.
//
//   while (queue_.empty()) changed_.wait(mutex_);
class CheckedCondition {
 public:
  void wait(CheckedMutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  // False if the time was up.
  template <typename Clock, typename Duration>
  bool wait_until(CheckedMutex& mutex, std::chrono::time_point<Clock, Duration> deadline) REQUIRES(mutex) {
    return condition_.wait_until(mutex, deadline) == std::cv_status::no_timeout;
  }
  // Waits until `holds()`, and at most until the deadline or until a stop is requested; returns whether it holds.
  template <typename Clock, typename Duration, typename Condition>
  bool wait_until(CheckedMutex& mutex, const std::stop_token& stop, std::chrono::time_point<Clock, Duration> deadline,
                  Condition holds) REQUIRES(mutex) {
    return condition_.wait_until(mutex, stop, deadline, std::move(holds));
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace lockstep

// Locks that release themselves, and a mutex that the standard library understands.
//
//   auto lock = lockstep::Lock::acquire(client, {"reports/nightly"});
//   if (!lock) return complain(lock.error().detail);
//   lock->on_lost([&](lockstep::LossReason) { stop_working(); });
//   store.write(data, lock->token());           // the resource refuses lower tokens
//                                               // released here
//
//   lockstep::Mutex a(client, "a"), b(client, "b");
//   std::scoped_lock both(a, b);
//
// A Lock is held up to safe_until(), which moves on with every acknowledged renewal. From then on, or when the
// cluster says so earlier, it is lost: for good, even if the network comes back a moment later. The clock is
// looked at in every member, so a process that was stopped or suspended finds it lost at its first look. No
// lock service can keep a stopped process from writing after that look: the token, checked by the resource, does.
//
// A session holds a name at most once, so threads of one client that want the same name queue up inside the
// library, first come first served, before the cluster is asked. That queue knows nothing of deadlocks: as with
// std::mutex, a thread must not lock twice what it holds, and several names are best taken at once.
//
// Threads: a Lock may be looked at from any thread, but not be moved, assigned to or destroyed meanwhile.
// A Mutex may be used from any thread, and unlocked only by who locked it. Ownership: a Lock and a Mutex may
// outlive their client; then they are lost (kClosed). Callbacks: see client.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/client.hpp"

namespace lockstep {

class LockState;

class Lock {
 public:
  // Waits in line as the options say. Without the lock when the wait is over: the error "not_granted", definite,
  // whose `detail` names the holder.
  static Expected<Lock> acquire(Client& client, std::vector<std::string> names, const AcquireOptions& options = {});
  // Asks once, without waiting in line; options.wait is not looked at. None: it is not to be had now.
  static Expected<std::optional<Lock>> try_acquire(Client& client, std::vector<std::string> names,
                                                   const AcquireOptions& options = {});
  // Makes what acquire() or acquire_async() of this client has just granted release itself.
  static Lock adopt(Client& client, const AcquireAnswer& granted);
  // The same for what Client::take_over() told: one Lock of these, of which there must be one at least.
  static Lock adopt(Client& client, const std::vector<TakenOverLock>& taken_over);

  Lock(Lock&&) noexcept;
  Lock& operator=(Lock&&) noexcept;  // releases what it was
  // Releases without waiting for the answer. With release() one learns how it went. Waits for a callback of this
  // lock that is running, unless it is called from it; none is called after that.
  ~Lock();

  const std::vector<std::string>& names() const;
  FencingToken token() const;
  // Until when it is certain, in CLOCK_BOOTTIME. None: for ever, since the session's TTL is 0. Falls never, rises with
  // renewals.
  std::optional<Time> safe_until() const;
  // The same as time that is left: zero once it is lost, none if it is for ever.
  std::optional<Duration> time_left() const;
  bool is_held() const;                    // false: released or lost
  std::optional<LossReason> lost() const;  // none: held, or was released
  // Gives it back. An error after a loss: session_expired, session_superseded, session_forced or session_closed.
  // After an indefinite error it counts as released here, and the client goes on trying.
  Expected<void> release(std::optional<Duration> timeout = {});

  // Called when the lock has only `before` left and was not renewed; again after each renewal that was
  // followed by another such silence. Told how much is left. Useful are times below two thirds of the TTL.
  void on_warning(Duration before, std::function<void(Duration left)> callback);
  // Called once, when the lock is lost; at once if it is lost already. Not called after a release.
  void on_lost(std::function<void(LossReason)> callback);

 private:
  friend class Mutex;
  explicit Lock(std::unique_ptr<LockState> state);
  static Expected<std::optional<Lock>> acquire_by(std::shared_ptr<ClientLoop> loop, std::vector<std::string> names,
                                                  const AcquireOptions& options, Error* why_not);
  std::unique_ptr<LockState> state_;
};

// An exclusive lock of one name with the interface of std::mutex (Lockable), for std::scoped_lock,
// std::unique_lock and std::lock. Not recursive.
class Mutex {
 public:
  Mutex(Client& client, std::string name);
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  ~Mutex();  // must be unlocked, as a std::mutex

  // Waits for as long as it takes. Throws std::system_error, the one exception of this library, since the
  // standard leaves no other way, when it cannot be had: no quorum within the client's timeout
  // (std::errc::timed_out), a deadlock (resource_deadlock_would_occur), or a refusal (operation_not_permitted);
  // what() has the sentence.
  void lock();
  // False also when no node could be asked. Never throws.
  bool try_lock() noexcept;
  void unlock() noexcept;

  // While it is held by the calling thread: of the grant; the rest as for Lock.
  FencingToken token() const;
  std::optional<Time> safe_until() const;
  bool is_held() const;

 private:
  std::shared_ptr<ClientLoop> loop_;
  std::string name_;
  std::optional<Lock> lock_;  // used only by the thread that holds the mutex
};

}  // namespace lockstep

// The Lock objects of one client: which of them were lost, and what their owners want to be told.
//
// Not thread-safe: the client's mutex is around it. It calls nobody; it posts to the callback thread, with the
// lock's id as the owner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nodes/client/callback_thread.hpp"
#include "protocol/client_core/client_types.hpp"

namespace lockstep {

struct LockLook {
  std::optional<LossReason> lost = {};
  std::optional<Time> safe_until = {};  // when it was lost: the last there was
};

class LockRegistry {
 public:
  using Id = CallbackThread::Owner;
  using OnLost = std::function<void(LossReason)>;
  using OnWarning = std::function<void(Duration left)>;

  struct Warning {
    Duration before{};
    OnWarning callback;
    std::optional<Time> told_of{};  // the end that it was told of last
  };
  struct WatchedLock {
    std::vector<std::string> names;
    FencingToken token;
    LockLook at_loss;
    std::vector<OnLost> on_lost;
    std::vector<Warning> warnings;
  };
  using Locks = std::map<Id, WatchedLock>;

  explicit LockRegistry(CallbackThread& callbacks) : callbacks_(&callbacks) {}

  Id add(std::vector<std::string> names, FencingToken token);
  // What is left of it is the caller's to drop, without the mutex: its callbacks may own what locks.
  Locks::node_type remove(Id id) { return locks_.extract(id); }
  LockLook look(Id id) const;
  // A callback is not taken if there is no such lock.
  void on_lost(Id id, OnLost&& callback);
  void on_warning(Id id, Duration before, OnWarning&& callback);

  void lose(Id id, LossReason reason);
  void lose_all(LossReason reason);
  void apply(const LeaseEvent& event);

  // Tells those to whom so little is left now; when that will be next.
  void warn(Time now, std::optional<Time> safe_until);
  Time next_warning(std::optional<Time> safe_until) const;

 private:
  void lose(Id id, WatchedLock& lock, LossReason reason);
  void lose(const std::vector<OwnedLock>& gone, LossReason reason);

  CallbackThread* callbacks_;
  std::optional<Time> safe_until_;  // of the session, as it was renewed last
  Id last_ = 0;
  Locks locks_;
};

}  // namespace lockstep

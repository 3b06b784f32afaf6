// Where the threads of one client queue up for the names they want, since a session holds a name at most once.
//
// First come, first served; a ticket stands in the queues of all its names at once and is served when it is the
// first in each. Knows nothing of the cluster, and finds no deadlocks.
// Thread-safe. A ticket keeps the queue alive.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "nodes/system/checked_mutex.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

class NameQueue : public std::enable_shared_from_this<NameQueue> {
 public:
  // A place in the queues; given up with it.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), names_(std::move(other.names_)), number_(other.number_) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() {
      if (queue_) queue_->leave(names_, number_);
    }

   private:
    friend class NameQueue;
    Ticket(std::shared_ptr<NameQueue> queue, std::vector<std::string> names, std::uint64_t number)
        : queue_(std::move(queue)), names_(std::move(names)), number_(number) {}

    std::shared_ptr<NameQueue> queue_;
    std::vector<std::string> names_;
    std::uint64_t number_;
  };

  // Waits for its turn: for ever, or for `patience`. Nothing if it did not come in time, or was told to stop. Names are
  // each once.
  std::optional<Ticket> enter(const std::vector<std::string>& names, std::optional<Duration> patience,
                              const std::stop_token& stop);
  // For names that are held already: before all who wait.
  Ticket enter_first(const std::vector<std::string>& names);
  // From now on it is everybody's turn, since there is nothing to be had any more: who asks then is refused.
  void close();

 private:
  void leave(const std::vector<std::string>& names, std::uint64_t number);
  bool is_first(const std::vector<std::string>& names, std::uint64_t number) const REQUIRES(mutex_);

  CheckedMutex mutex_;
  CheckedCondition changed_;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::deque<std::uint64_t>> queues_ GUARDED_BY(mutex_);
};

}  // namespace lockstep

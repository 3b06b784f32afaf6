// The queue of callbacks and the thread that runs them.
#include "nodes/client/callback_thread.hpp"

#include <algorithm>
#include <iterator>

namespace lockstep {

void CallbackThread::post(Owner owner, std::function<void()> callback) {
  const CheckedLock lock(mutex_);
  if (stopping_ && id_ != std::this_thread::get_id()) return;
  posted_.emplace_back(owner, std::move(callback));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void CallbackThread::withdraw(Owner owner) {
  std::deque<std::pair<Owner, std::function<void()>>> withdrawn;  // it goes without the mutex: what it owns may lock
  const CheckedLock lock(mutex_);
  const auto others =
      std::stable_partition(posted_.begin(), posted_.end(), [&](const auto& posted) { return posted.first != owner; });
  withdrawn.assign(std::make_move_iterator(others), std::make_move_iterator(posted_.end()));
  posted_.erase(others, posted_.end());
  if (id_ == std::this_thread::get_id()) return;
  while (running_ == owner) changed_.wait(mutex_);
}

void CallbackThread::stop() {
  {
    const CheckedLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void CallbackThread::run() {
  CheckedLock lock(mutex_);
  id_ = std::this_thread::get_id();
  for (;;) {
    while (posted_.empty() && !stopping_) changed_.wait(mutex_);
    if (posted_.empty()) return;
    auto [owner, callback] = std::move(posted_.front());
    posted_.pop_front();
    running_ = owner;
    lock.unlock();
    callback();
    callback = {};  // what it owns may lock
    lock.lock();
    running_ = 0;
    changed_.notify_all();
  }
}

}  // namespace lockstep

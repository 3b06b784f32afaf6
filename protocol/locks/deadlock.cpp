// A search over who waits for whom, from the names that are wanted.
#include "protocol/locks/deadlock.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

namespace lockstep::locks {
namespace {

using Thread = std::pair<SessionId, std::uint64_t>;

bool adds_edges(const NamedLock& lock) { return lock.second.permits <= 1; }

bool is_kept_out(const NamedLock& lock, Mode mode) {
  const bool both_share = mode == Mode::kShared && lock.second.mode == Mode::kShared;
  return !lock.second.holds.empty() && !both_share;
}

// Breadth first. Every thread is looked at once, and the holders of every lock, so the cost is bounded by
// the threads found, however many wait for one lock.
class Search {
 public:
  Search(const LockTable& locks, const Thread& start) : locks_(locks), start_(start) {
    visits_.push_back({start, 0, nullptr, false});
    seen_.insert(start);
  }

  std::optional<Cycle> run(std::span<const std::string> names, Mode mode) {
    for (const std::string& name : names) {
      const NamedLock* lock = locks_.find(name);
      if (lock == nullptr || !adds_edges(*lock)) continue;
      const auto& queue = lock->second.queue;
      follow(0, *lock, mode, queue.empty() ? nullptr : &queue.back());
    }
    for (std::size_t next = 1; next < visits_.size(); ++next) {
      if (closed_ || visits_.size() > kMaxDeadlockNodes) break;
      for (const Waiter* waiter : waits_of(visits_[next].thread)) follow_all(next, *waiter);
    }
    if (!closed_) return std::nullopt;
    return cycle();
  }

 private:
  struct Visit {
    Thread thread;
    std::size_t from = 0;  // whose edge led here
    const NamedLock* lock = nullptr;
    bool holds = false;
  };

  // A session's waits are told apart by thread once: one session may have very many.
  const std::vector<const Waiter*>& waits_of(const Thread& thread) {
    if (known_sessions_.insert(thread.first).second) {
      for (const Waiter* waiter : locks_.waits_of(thread.first)) {
        waits_[{thread.first, waiter->request.thread}].push_back(waiter);
      }
    }
    return waits_[thread];
  }

  void follow_all(std::size_t from, const Waiter& waiter) {
    for (const NamedLock* lock : waiter.locks) {
      if (!adds_edges(*lock)) continue;
      const auto& queue = lock->second.queue;
      const std::size_t before = queue.before(waiter);
      follow(from, *lock, waiter.request.mode, before == 0 ? nullptr : &queue.at(before - 1));
    }
  }

  // The waiter just before leads to all those before it.
  void follow(std::size_t from, const NamedLock& lock, Mode mode, const Waiter* before) {
    if (before != nullptr) visit(from, {before->request.session, before->request.thread}, lock, false);
    if (!is_kept_out(lock, mode) || !holders_seen_.insert(&lock).second) return;
    for (const auto& [session, hold] : lock.second.holds) {
      if (visits_.size() > kMaxDeadlockNodes) return;
      visit(from, {session, hold.thread}, lock, true);
    }
  }

  void visit(std::size_t from, const Thread& thread, const NamedLock& lock, bool holds) {
    const bool is_start = thread == start_;
    if (is_start && !closed_) closed_ = visits_.size();
    if (is_start || seen_.insert(thread).second) visits_.push_back({thread, from, &lock, holds});
  }

  // From the end back to the start. Of those who queue for one lock behind each other, the first and the
  // one whom they all wait for tell the story.
  Cycle cycle() const {
    Cycle steps;
    for (std::size_t at = *closed_; at != 0; at = visits_[at].from) {
      const Visit& visit = visits_[at];
      const SessionId waiting = visits_[visit.from].thread.first;
      if (!steps.empty() && steps.back().name == visit.lock->first) {
        steps.back().session = waiting;
      } else {
        steps.push_back({waiting, visit.lock->first, visit.thread.first, visit.holds});
      }
    }
    std::reverse(steps.begin(), steps.end());
    return steps;
  }

  const LockTable& locks_;
  Thread start_;
  std::vector<Visit> visits_;
  std::set<Thread> seen_;
  std::optional<std::size_t> closed_;  // the visit that came back to the start
  std::unordered_set<const NamedLock*> holders_seen_;
  std::unordered_set<SessionId> known_sessions_;
  std::map<Thread, std::vector<const Waiter*>> waits_;
};

}  // namespace

std::optional<Cycle> find_deadlock(const LockTable& locks, std::span<const std::string> names,
                                   const LockRequest& request) {
  return Search(locks, {request.session, request.thread}).run(names, request.mode);
}

std::string describe(const Cycle& cycle, const Sessions& sessions) {
  constexpr std::size_t kRoomForEnd = 40;
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const CycleStep& step = cycle[i];
    const std::string sentence = (i == 0 ? "client " : "; client ") + to_string(sessions.find(step.session)->client) +
                                 " waits for \"" + step.name + "\", which client " +
                                 to_string(sessions.find(step.blocker)->client) +
                                 (step.holds ? " holds" : " waited for before");
    if (text.size() + sentence.size() + kRoomForEnd > kMaxDetail) {
      return text + "; and so on, " + std::to_string(cycle.size()) + " waits in all";
    }
    text += sentence;
  }
  return text;
}

}  // namespace lockstep::locks

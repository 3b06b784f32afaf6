// Goal: whatever dies, a lock never has two holders that are both sure of it, tokens rise, and the line is kept.
// Method: 200 clients contend for 20 locks while nodes are killed and restarted; every hold is recorded with the
// times between which its client counted on it, on the one clock that they share.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "lockstep/lock.hpp"
#include "nodes/system/clock.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using namespace std::chrono_literals;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

#ifdef LOCKSTEP_SANITIZED
constexpr int kClients = 40;  // a sanitizer makes everything slow
#else
constexpr int kClients = 200;
#endif
constexpr int kLocks = 20;
constexpr Duration kTtl = 3s;

struct Held {
  FencingToken token;
  Time from{};
  Time to{};  // released, or no longer sure
};

struct Records {
  std::mutex mutex;
  std::map<std::string, std::vector<Held>> holds;
  std::atomic<int> lost = 0;
  std::atomic<int> failed = 0;

  void add(const std::string& lock, const Held& held) {
    const std::lock_guard guard(mutex);
    holds[lock].push_back(held);
  }
};

// Takes one lock after another, each for a moment, and writes down how long it was sure of it.
void contend(Client& client, int which, const std::atomic<bool>& stop, Records& records) {
  for (int turn = 0; !stop; ++turn) {
    const std::string name = "lock/" + std::to_string((which * 7 + turn * 3) % kLocks);
    auto lock = Lock::acquire(client, {name}, {.wait = 5s});
    if (!lock) {
      ++records.failed;
      continue;
    }
    Held held{lock->token(), boot_time(), {}};
    std::this_thread::sleep_for(2ms);  // the work
    const Time done = boot_time();
    held.to = std::min(done, *lock->safe_until());
    if (!lock->is_held()) ++records.lost;
    records.add(name, held);
    (void)lock->release();
  }
}

// Two looks at one lock, one after the other. Who stands in line is in the order of the entries that queued them, and
// whoever of the line has the lock now was before all that still stand in it.
void check_order(const LockInfo& before, const LockInfo& after) {
  const auto is_earlier = [](const WaiterInfo& a, const WaiterInfo& b) { return a.waiter < b.waiter; };
  CHECK(std::is_sorted(after.waiters.begin(), after.waiters.end(), is_earlier));
  if (after.holders.empty()) return;
  const SessionId holder = after.holders[0].session;
  const auto served = std::find_if(before.waiters.begin(), before.waiters.end(),
                                   [&](const WaiterInfo& waiter) { return waiter.session == holder; });
  for (auto waiter = before.waiters.begin(); waiter < served && served != before.waiters.end(); ++waiter) {
    const bool stands_still = std::any_of(after.waiters.begin(), after.waiters.end(),
                                          [&](const WaiterInfo& w) { return w.waiter == waiter->waiter; });
    CHECK_FALSE_MESSAGE(stands_still, "a waiter of " << after.name << " was overtaken");
  }
}

}  // namespace

TEST_CASE(
    "200 clients contend for 20 locks while nodes are killed: one holder at a time, tokens rise, the line is kept") {
  StartedCluster cluster(3);
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) {
    std::vector<std::string> names = cluster.names();
    std::rotate(names.begin(), names.begin() + i % 3, names.end());
    clients.push_back(cluster.client(names, kTtl));
  }
  Records records;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] { contend(clients[static_cast<std::size_t>(i)], i, stop, records); });
  }

  std::size_t looks = 0;
  std::size_t served = 0;  // looks between which the lock went to somebody else
  Client observer = cluster.client(cluster.names());
  for (int fault = 0; fault < 6; ++fault) {
    const std::string victim = fault % 2 == 0 ? cluster.leader() : cluster.follower();
    cluster.kill(victim);
    const Time until = boot_time() + 1500ms;
    std::optional<LockInfo> before;
    while (boot_time() < until) {
      const auto answer = observer.check("lock/" + std::to_string(fault), wire::ReadMode::kLocal, 1s);
      if (!answer || !answer->lock) continue;
      if (before) {
        check_order(*before, *answer->lock);
        ++looks;
        served += before->holders != answer->lock->holders;
      }
      before = answer->lock;
    }
    cluster.start(victim);
    cluster.leader();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();

  std::size_t holds = 0;
  for (auto& entry : records.holds) {
    const std::string& name = entry.first;
    std::vector<Held>& held = entry.second;
    std::sort(held.begin(), held.end(), [](const Held& a, const Held& b) { return a.token < b.token; });
    for (std::size_t i = 1; i < held.size(); ++i) {
      CHECK(held[i].token > held[i - 1].token);
      CHECK_MESSAGE(held[i].from >= held[i - 1].to, "two holders of " << name << " were sure of it at one moment");
    }
    holds += held.size();
  }
  MESSAGE(holds << " holds, " << records.lost.load() << " lost, " << records.failed.load() << " not granted, " << looks
                << " looks, between which " << served << " times the lock went on");
  CHECK(records.holds.size() == kLocks);
  CHECK(holds > static_cast<std::size_t>(5 * kClients));
}

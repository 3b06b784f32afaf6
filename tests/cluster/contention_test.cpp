// Goal: whatever dies, a lock never has two holders that are both sure of it, tokens rise, and the line is kept.
// Method: 200 clients contend for 20 locks while nodes are killed and restarted; every hold is recorded with the
// times between which its client counted on it, on the one clock that they share.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "nodes/client/lock.hpp"
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

// Who stood in line for a lock, in order, whenever somebody looked: in that order they are served.
void check_order(const std::vector<std::vector<WaiterId>>& lines) {
  for (const auto& line : lines) CHECK(std::is_sorted(line.begin(), line.end()));
}

}  // namespace

TEST_CASE("200 clients contend for 20 locks while nodes are killed: never two holders at one moment, tokens rise") {
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

  std::vector<std::vector<WaiterId>> lines;
  Client observer = cluster.client(cluster.names());
  for (int fault = 0; fault < 6; ++fault) {
    const std::string victim = fault % 2 == 0 ? cluster.leader() : cluster.follower();
    cluster.kill(victim);
    const Time until = boot_time() + 1500ms;
    while (boot_time() < until) {
      const auto view = observer.check("lock/" + std::to_string(fault), wire::ReadMode::kLocal, 1s);
      if (!view || !view->lock) continue;
      lines.emplace_back();
      for (const locks::WaiterView& waiter : view->lock->waiters) lines.back().push_back(waiter.waiter);
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
  check_order(lines);
  MESSAGE(holds << " holds, " << records.lost.load() << " lost, " << records.failed.load() << " not granted, "
                << lines.size() << " lines seen");
  CHECK(records.holds.size() == kLocks);
  CHECK(holds > static_cast<std::size_t>(5 * kClients));
}

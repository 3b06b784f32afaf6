// Goal: whatever a client or a lock is doing when it ends, each callback runs exactly once or not at all, as the
// headers promise, none runs after the destructor that ends it, and nobody waits for ever. Method: callbacks that wait
// until the test has what it needs behind them, ends from other threads and from callbacks, and many random ends.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "lockstep/lock.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/support/watchdog.hpp"

namespace lockstep::ending_test {

using lockstep::testing::wait_until;
using namespace std::chrono_literals;

namespace {

// A lease that does not run out in a test, however busy the machine.
constexpr Duration kLongTtl = 1h;

struct OneNode {
  lockstep::testing::Watchdog watchdog;
  std::shared_ptr<FakeState> state = std::make_shared<FakeState>();
  FakeNode node{state};
  std::unique_ptr<Client> client() {
    ClientConfig config;
    config.endpoints = {node.endpoint()};
    config.ttl = kLongTtl;
    config.timeout = 1min;
    auto client = Client::create(config);
    REQUIRE(client);
    return std::make_unique<Client>(*std::move(client));
  }
};

// A callback waits here until the test lets it go.
class Gate {
 public:
  void pass() {
    reached_ = true;
    CHECK(wait_until([&] { return open_.load(); }));
  }
  bool wait_until_reached() {
    return wait_until([&] { return reached_.load(); });
  }
  void open() { open_ = true; }

 private:
  std::atomic<bool> reached_ = false;
  std::atomic<bool> open_ = false;
};

// Destroys it on another thread, and says whether the destructor has returned.
template <typename T>
class EndedElsewhere {
 public:
  explicit EndedElsewhere(std::unique_ptr<T>& object)
      : thread_([this, &object] {
          object.reset();
          has_returned_ = true;
        }) {}
  ~EndedElsewhere() { thread_.join(); }
  bool has_returned() const { return has_returned_; }
  // True for a destructor that waits. One that does not has the time to show it.
  bool stays_in_destructor() {
    return !wait_until([&] { return has_returned_.load(); }, 100ms);
  }

 private:
  std::atomic<bool> has_returned_ = false;
  std::thread thread_;
};

std::unique_ptr<Lock> lock_of(Client& client, std::vector<std::string> names) {
  auto lock = Lock::acquire(client, std::move(names));
  REQUIRE(lock);
  return std::make_unique<Lock>(*std::move(lock));
}

// For a callback: until the client's destructor has begun, which refuses all calls.
void wait_for_end(Client& client) {
  CHECK(wait_until([&] { return !client.check("a"); }));
}

// Until what was posted to the callback thread before has had its turn.
void let_callbacks_run(Client& client) {
  const auto done = std::make_shared<std::atomic<bool>>(false);
  client.acquire_async({"the callbacks' turn"}, {}, [done](const Expected<AcquireAnswer>&) { *done = true; });
  REQUIRE(wait_until([&] { return done->load(); }));
}

bool ended_with_the_client(const Error& error) { return error.is(ErrorCode::kUnavailable) && !error.definite; }

}  // namespace

TEST_CASE("what is queued behind a slow callback when the client ends runs exactly once, before the end") {
  constexpr std::size_t kCalls = 20;
  OneNode one;
  const auto other = one.client();
  const auto in_the_way = lock_of(*other, {"taken"});
  auto client = one.client();
  Client* const called = client.get();
  std::array<std::atomic<int>, kCalls> told{};
  std::atomic<int> lost = 0;
  std::atomic<int> events = 0;
  Gate gate;
  const auto lock = lock_of(*client, {"lock"});
  lock->on_lost([&](LossReason reason) {
    CHECK(reason == LossReason::kClosed);
    ++lost;
  });
  client->acquire_async({"slow"}, {}, [&](const Expected<AcquireAnswer>&) {
    gate.pass();
    wait_for_end(*called);
    for (const auto& times : told) CHECK(times == 0);
  });
  REQUIRE(gate.wait_until_reached());
  client->on_lease_event([&](const LeaseEvent& event) { events += std::holds_alternative<LeaseLost>(event); });
  for (std::size_t i = 0; i < kCalls; ++i) {
    // All but one are granted, and wait for the callback thread alone.
    const std::string name = i == 7 ? "taken" : "free " + std::to_string(i);
    client->acquire_async({name}, {}, [&, i](const Expected<AcquireAnswer>&) { ++told[i]; });
  }
  REQUIRE(wait_until([&] { return one.state->waiters("taken") == 1 && one.state->locks() == kCalls + 2; }));
  gate.open();
  client.reset();
  for (const auto& times : told) CHECK(times == 1);
  CHECK(lost == 1);
  CHECK(events == 1);
  CHECK(lock->lost() == LossReason::kClosed);
}

TEST_CASE("the end of a client waits for the callback that is running") {
  OneNode one;
  auto client = one.client();
  Gate gate;
  std::atomic<bool> done = false;
  client->acquire_async({"a"}, {}, [&](const Expected<AcquireAnswer>&) {
    gate.pass();
    done = true;
  });
  REQUIRE(gate.wait_until_reached());
  EndedElsewhere end(client);
  CHECK(end.stays_in_destructor());
  CHECK_FALSE(done);
  gate.open();
}

TEST_CASE("what a callback calls while its client ends is refused, and a callback of its own is told so, once") {
  OneNode one;
  auto client = one.client();
  Client* const called = client.get();
  Gate gate;
  std::atomic<int> told = 0;
  std::atomic<int> told_in_turn = 0;
  client->acquire_async({"a"}, {}, [&](const Expected<AcquireAnswer>&) {
    gate.pass();
    wait_for_end(*called);
    CHECK(called->check("a").error().is(ErrorCode::kUnavailable));
    CHECK(Lock::acquire(*called, {"b"}).error().is(ErrorCode::kUnavailable));
    called->acquire_async({"b"}, {}, [&](const Expected<AcquireAnswer>& answer) {
      CHECK(ended_with_the_client(answer.error()));
      ++told;
      called->acquire_async({"c"}, {}, [&](const Expected<AcquireAnswer>&) { ++told_in_turn; });
    });
  });
  REQUIRE(gate.wait_until_reached());
  gate.open();
  client.reset();
  CHECK(told == 1);
  CHECK(told_in_turn == 1);
}

TEST_CASE("calls that wait on other threads end with their client, wherever they wait") {
  for (int round = 0; round < 10; ++round) {
    OneNode one;
    const auto other = one.client();
    const auto in_the_way = lock_of(*other, {"first", "second"});
    auto client = one.client();
    const auto own = lock_of(*client, {"own"});
    const auto page = client->watch("", {});
    REQUIRE(page);
    std::vector<std::future<Error>> calls;
    const auto begin = [&](auto call) {
      calls.push_back(std::async(std::launch::async, [called = client.get(), call] {
        const auto answer = call(*called);
        return answer ? Error{} : answer.error();
      }));
    };
    begin([](Client& called) { return called.acquire({"first"}); });
    begin([](Client& called) { return Lock::acquire(called, {"second"}); });
    REQUIRE(wait_until([&] { return one.state->waiters("first") == 1 && one.state->waiters("second") == 1; }));
    begin([next = page->next](Client& called) { return called.watch("nothing", next); });
    REQUIRE(wait_until([&] { return one.state->count<wire::WatchRequest>() == 2; }));
    // Behind another thread of its own client: what can be seen of that from here is only that it began.
    std::atomic<bool> began = false;
    auto in_own_line = std::async(std::launch::async, [&began, called = client.get()] {
      Mutex mutex(*called, "own");
      began = true;
      CHECK_THROWS_AS(mutex.lock(), std::system_error);
    });
    REQUIRE(wait_until([&] { return began.load(); }));
    client.reset();
    for (std::future<Error>& call : calls) CHECK(ended_with_the_client(call.get()));
    in_own_line.get();
    CHECK(own->lost() == LossReason::kClosed);
  }
}

TEST_CASE("a lock's end waits for its callback, and none comes after it") {
  OneNode one;
  const auto client = one.client();
  auto lock = lock_of(*client, {"a"});
  std::atomic<int> begun = 0;
  Gate gate;
  for (int i = 0; i < 3; ++i) {
    lock->on_lost([&](LossReason) {
      ++begun;
      gate.pass();
    });
  }
  CHECK(client->force_release("a", "a test")->released);
  REQUIRE(gate.wait_until_reached());
  {
    EndedElsewhere end(lock);
    CHECK(end.stays_in_destructor());
    gate.open();
  }
  let_callbacks_run(*client);
  CHECK(begun == 1);
}

TEST_CASE("a callback may end its own lock, and another whose callbacks then do not run any more") {
  OneNode one;
  const auto client = one.client();
  auto lock = lock_of(*client, {"a"});
  auto another = lock_of(*client, {"b"});
  std::atomic<int> own = 0;
  std::atomic<int> others = 0;
  Gate gate;
  lock->on_lost([&](LossReason) {
    gate.pass();
    another.reset();
    lock.reset();
    ++own;
  });
  lock->on_lost([&](LossReason) { ++others; });
  another->on_lost([&](LossReason) { ++others; });
  CHECK(client->force_release("a", "a test")->released);
  CHECK(client->force_release("b", "a test")->released);
  REQUIRE(gate.wait_until_reached());
  gate.open();
  REQUIRE(wait_until([&] { return own == 1; }));
  let_callbacks_run(*client);
  CHECK(others == 0);
}

TEST_CASE("a callback may own the last of another lock, whether it runs, is withdrawn, replaced or never due") {
  OneNode one;
  Gate gate;
  const auto client = one.client();
  const auto owned = [&](const char* name) { return std::shared_ptr<Lock>(lock_of(*client, {name})); };
  SUBCASE("it was registered, and the lock ends") {
    auto lock = lock_of(*client, {"a"});
    lock->on_lost([mine = owned("b")](LossReason) {});
    lock->on_warning(1s, [mine = owned("c")](Duration) {});
    lock.reset();
  }
  SUBCASE("it waits for its turn, and the lock ends") {
    auto lock = lock_of(*client, {"a"});
    client->acquire_async({"d"}, {}, [&](const Expected<AcquireAnswer>&) {
      gate.pass();
      CHECK(client->release("d"));
    });
    REQUIRE(gate.wait_until_reached());
    lock->on_lost([mine = owned("b")](LossReason) {});
    lock->on_warning(1s, [mine = owned("c")](Duration) {});
    CHECK(client->force_release("a", "a test")->released);
    lock.reset();
    gate.open();
  }
  SUBCASE("it runs, and goes after that") {
    const auto lock = lock_of(*client, {"a"});
    lock->on_lost([mine = owned("b")](LossReason) {});
    lock->on_warning(1s, [mine = owned("c")](Duration) {});
    CHECK(client->force_release("a", "a test")->released);
    CHECK(wait_until([&] { return one.state->locks() == 0; }));
  }
  SUBCASE("the lock was released before") {
    const auto lock = lock_of(*client, {"a"});
    CHECK(lock->release());
    lock->on_lost([mine = owned("b")](LossReason) {});
    lock->on_warning(1s, [mine = owned("c")](Duration) {});
  }
  SUBCASE("it is replaced") {
    client->on_lease_event([mine = owned("b")](const LeaseEvent&) {});
    client->on_lease_event({});
  }
  SUBCASE("it is one of an acquisition") {
    AcquireOptions options;
    options.on_progress = [mine = owned("b")](const LineProgress&) {};
    client->acquire_async({"a"}, std::exchange(options, {}),
                          [client = client.get(), mine = owned("c")](auto&&) { CHECK(client->release("a")); });
  }
  CHECK(wait_until([&] { return one.state->locks() == 0; }));
}

TEST_CASE("an end at any moment: each acquisition is told once, each loss at most once, nothing after the end") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    OneNode one;
    const auto other = one.client();
    const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    auto client = one.client();
    Client* const called = client.get();
    std::atomic<bool> has_ended = false;
    std::atomic<int> after_the_end = 0;
    std::atomic<int> asked = 0;
    std::atomic<int> told = 0;
    std::function<void(unsigned)> ask = [&](unsigned depth) {
      ++asked;
      const std::string name = "async " + std::to_string(depth % 3);
      called->acquire_async({name}, {}, [&, depth, name](const Expected<AcquireAnswer>& answer) {
        after_the_end += has_ended;
        ++told;
        if (answer && answer->granted) (void)called->release(name);
        if (depth % 4 != 0) ask(depth - 1);
      });
    };
    // Three threads have locks of their own, which may outlive the client.
    constexpr unsigned kThreads = 3;
    std::array<std::atomic<int>, kThreads> lost{};
    std::vector<std::thread> threads;
    std::atomic<bool> go = false;
    for (unsigned thread = 0; thread < kThreads; ++thread) {
      const std::string name = "lock " + std::to_string(thread);
      threads.emplace_back([&, thread, how = pick(6), lock = lock_of(*client, {name, name + "'"})]() mutable {
        lock->on_lost([&, thread](LossReason) {
          after_the_end += has_ended;
          ++lost[thread];
        });
        while (!go) std::this_thread::yield();
        if (how == 0) (void)lock->release();
        if (how == 1) lock.reset();
        if (how == 2) lock->on_warning(2 * kLongTtl, [&](Duration) { after_the_end += has_ended; });
        if (how == 3) CHECK((lock->is_held() || lock->lost()));
      });
    }
    const unsigned forced = pick(kThreads + 1);
    for (unsigned i = pick(6); i > 0; --i) ask(pick(8));
    std::thread force([&] {
      while (!go) std::this_thread::yield();
      (void)other->force_release("lock " + std::to_string(forced), "a test");
    });
    go = true;
    for (unsigned i = pick(200); i > 0; --i) std::this_thread::yield();
    client.reset();
    has_ended = true;
    const int told_at_the_end = told;
    for (std::thread& thread : threads) thread.join();
    force.join();
    CHECK(told_at_the_end == asked);
    CHECK(told == asked);
    CHECK(after_the_end == 0);
    for (const auto& times : lost) CHECK(times <= 1);
  }
}

}  // namespace lockstep::ending_test

// Goal: a lock that says it is held is held, with all of its names, and what no lock holds is free.
// Method: threads that take, adopt, force, cancel, release and drop locks of one and several names at random. Each
// knows what must be held, since nobody else may end its locks; the cluster's own state is what it is compared with.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lockstep/lock.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/support/watchdog.hpp"

namespace lockstep::holding_test {

using lockstep::testing::wait_until;
using namespace std::chrono_literals;

namespace {

// A lease that does not run out in a test, however busy the machine: what ends a lock is what the test does.
constexpr Duration kLongTtl = 1h;

struct OneNode {
  lockstep::testing::Watchdog watchdog;
  std::shared_ptr<FakeState> state = std::make_shared<FakeState>();
  FakeNode node{state};
  Client client(Duration ttl = kLongTtl) {
    ClientConfig config;
    config.endpoints = {node.endpoint()};
    config.ttl = ttl;
    config.timeout = 1min;
    auto client = Client::create(config);
    REQUIRE(client);
    return *std::move(client);
  }
};

AcquireAnswer granted_to(Client& client, const std::vector<std::string>& names) {
  auto answer = client.acquire(names);
  REQUIRE(answer);
  REQUIRE(answer->granted);
  return *std::move(answer);
}

class Worker {
 public:
  Worker(FakeState& state, Client& client, unsigned seed) : state_(state), client_(client), random_(seed) {}

  void work(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      for (const Held& held : held_) check(held);
    }
    held_.clear();
  }

 private:
  // A lock, and which of its names an operator has taken.
  struct Held {
    std::unique_ptr<Lock> lock;
    std::set<std::string> forced;
  };

  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }

  void step() {
    switch (held_.empty() ? pick(4) : pick(8)) {
      case 0: return take(Lock::try_acquire(client_, names()));
      case 1: return take_in_time();
      case 2: return take_and_adopt();
      case 3: return take_unless_cancelled();
      case 4: return release();
      case 5: return drop();
      default: return force();
    }
  }

  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (unsigned i = pick(3) + 1; i > 0; --i) names.push_back("name " + std::to_string(pick(6)));
    return names;
  }
  bool is_ours(const std::vector<std::string>& names) const {
    return std::any_of(held_.begin(), held_.end(), [&](const Held& held) {
      const auto& own = held.lock->names();
      return std::find_first_of(own.begin(), own.end(), names.begin(), names.end()) != own.end();
    });
  }

  void take(Expected<std::optional<Lock>> lock) {
    if (!lock) return check_refusal(lock.error());
    if (*lock) held_.push_back({std::make_unique<Lock>(**std::move(lock)), {}});
  }
  void take_in_time() {
    AcquireOptions options;
    options.wait = std::chrono::milliseconds(pick(10));
    take_by(options, names());
  }
  void take_unless_cancelled() {
    auto names = this->names();
    if (is_ours(names)) return;  // it would wait for itself
    std::stop_source stop;
    AcquireOptions options;
    options.stop = stop.get_token();
    std::thread canceller([&, turns = pick(300)] {
      for (unsigned i = 0; i < turns; ++i) std::this_thread::yield();
      stop.request_stop();
    });
    take_by(options, std::move(names));
    canceller.join();
  }
  void take_by(const AcquireOptions& options, std::vector<std::string> names) {
    auto lock = Lock::acquire(client_, std::move(names), options);
    if (!lock) return check_refusal(lock.error());
    held_.push_back({std::make_unique<Lock>(*std::move(lock)), {}});
  }
  // Sometimes an operator is faster than the one who adopts.
  void take_and_adopt() {
    AcquireOptions options;
    options.wait = 0s;
    const auto answer = client_.acquire(names(), options);
    if (!answer) return check_refusal(answer.error());
    if (!answer->granted) return;
    std::set<std::string> forced;
    if (pick(2) == 0) forced.insert(force_one_of(answer->names));
    held_.push_back({std::make_unique<Lock>(Lock::adopt(client_, *answer)), std::move(forced)});
  }
  void release() {
    const Held held = take_out();
    CHECK(held.lock->release().has_value() == held.forced.empty());
    CHECK_FALSE(held.lock->is_held());
  }
  void drop() { take_out(); }
  void force() {
    Held& held = held_[pick(static_cast<unsigned>(held_.size()))];
    // Once it is lost its names may be another client's.
    if (held.forced.empty()) held.forced.insert(force_one_of(held.lock->names()));
  }

  std::string force_one_of(const std::vector<std::string>& names) {
    std::string name = names[pick(static_cast<unsigned>(names.size()))];
    const auto answer = client_.force_release(name, "a test");
    CHECK(answer);
    CHECK((answer && answer->released));
    return name;
  }
  Held take_out() {
    std::swap(held_[pick(static_cast<unsigned>(held_.size()))], held_.back());
    Held held = std::move(held_.back());
    held_.pop_back();
    return held;
  }

  // Others of this client hold or want it, or the cluster sees a cycle.
  static void check_refusal(const Error& error) {
    const bool is_expected = error.name() == "not_granted" || error.is(ErrorCode::kAlreadyHeld) ||
                             error.is(ErrorCode::kAlreadyWaiting) || error.is(ErrorCode::kDeadlock);
    CHECK_MESSAGE(is_expected, error.name());
  }
  void check(const Held& held) const {
    CHECK(held.lock->is_held() == held.forced.empty());
    CHECK(held.lock->lost() == (held.forced.empty() ? std::nullopt : std::optional(LossReason::kForced)));
    for (const std::string& name : held.lock->names()) {
      const auto view = state_.check(name);
      const bool is_its_own = view && view->holders.size() == 1 && view->holders.front().token == held.lock->token();
      CHECK(is_its_own == !held.forced.contains(name));
    }
  }

  FakeState& state_;
  Client& client_;
  std::mt19937 random_;
  std::vector<Held> held_;
};

}  // namespace

TEST_CASE(
    "a lock that was adopted after an operator took any of its names is lost, and what is left comes free with it") {
  const std::vector<std::string> names{"a", "b", "c"};
  for (const std::string& forced : names) {
    OneNode one;
    Client client = one.client();
    const AcquireAnswer answer = granted_to(client, names);
    CHECK(client.force_release(forced, "a test")->released);
    {
      const Lock lock = Lock::adopt(client, answer);
      CHECK_FALSE(lock.is_held());
      CHECK(lock.lost() == LossReason::kForced);
      CHECK(one.state->locks() == 2);
    }
    CHECK(wait_until([&] { return one.state->locks() == 0; }));
  }
}

TEST_CASE("a lock is lost with any one of its names, whoever took it, and its owner is told once") {
  const auto lose = [](const std::string& forced, bool by_itself) {
    OneNode one;
    Client client = one.client(by_itself ? kLongTtl : 10s);  // it hears of another's hand with the next renewal
    Client another = one.client();
    std::atomic<int> told = 0;
    std::atomic<int> told_of_another = 0;
    auto lock = Lock::acquire(client, {"a", "b", "c"});
    REQUIRE(lock);
    auto untouched = Lock::acquire(client, {"d"});
    lock->on_lost([&](LossReason) { ++told; });
    untouched->on_lost([&](LossReason) { ++told_of_another; });
    CHECK((by_itself ? client : another).force_release(forced, "a test")->released);
    REQUIRE(wait_until([&] { return told != 0; }));
    CHECK(untouched->is_held());
    CHECK(told_of_another == 0);
    CHECK(told == 1);
    CHECK_FALSE(lock->is_held());
    CHECK(lock->time_left() == Duration::zero());
  };
  for (const char* forced : {"a", "b", "c"}) lose(forced, true);
  lose("b", false);
}

TEST_CASE("what an operator took of a lock and the client was granted again is not given back with the rest") {
  for (const bool by_release : {true, false}) {
    OneNode one;
    Client client = one.client();
    auto lock = Lock::acquire(client, {"a", "b"});
    REQUIRE(lock);
    CHECK(client.force_release("a", "a test")->released);
    const Lock again = Lock::adopt(client, granted_to(client, {"a"}));
    if (by_release) {
      CHECK_FALSE(lock->release());
    } else {
      const Lock dropped = *std::move(lock);
    }
    CHECK(wait_until([&] { return !one.state->check("b"); }));  // which would be given back last
    CHECK(again.is_held());
    CHECK(one.state->check("a")->holders.at(0).token == again.token());
  }
}

TEST_CASE("what is held, is held by the lock that says so, whatever threads do with one and several names") {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    OneNode one;
    Client first = one.client();
    Client second = one.client();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] { Worker(*one.state, i % 2 == 0 ? first : second, 100 * seed + i).work(40); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wait_until([&] { return one.state->locks() == 0; }));  // nobody holds or waits
  }
}

}  // namespace lockstep::holding_test

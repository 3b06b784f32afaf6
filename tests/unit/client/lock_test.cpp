#include "lockstep/lock.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>

#include "nodes/system/clock.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/wait_until.hpp"

namespace lockstep::lock_test {

using lockstep::testing::wait_until;
using namespace std::chrono_literals;

namespace {

Client client_of(std::vector<std::string> endpoints, Duration ttl = 10s) {
  ClientConfig config;
  config.endpoints = std::move(endpoints);
  config.ttl = ttl;
  config.attempt_timeout = 200ms;
  config.timeout = 2s;
  auto client = Client::create(config);
  REQUIRE(client);
  return *std::move(client);
}

struct OneNode {
  std::shared_ptr<FakeState> state = std::make_shared<FakeState>();
  FakeNode node{state};
  Client client(Duration ttl = 10s) { return client_of({node.endpoint()}, ttl); }
};

AcquireOptions waiting(Duration wait) {
  AcquireOptions options;
  options.wait = wait;
  return options;
}

// What a callback was told, on whichever thread.
template <typename T>
struct Told {
  std::mutex mutex;
  std::vector<T> all;
  void operator()(T value) {
    const std::lock_guard lock(mutex);
    all.push_back(std::move(value));
  }
  std::vector<T> so_far() {
    const std::lock_guard lock(mutex);
    return all;
  }
};

}  // namespace

TEST_CASE("a lock is released by its destructor, and tells its token and its time while it is held") {
  OneNode one;
  Client client = one.client();
  {
    auto lock = Lock::acquire(client, {"b", "a"});
    REQUIRE(lock);
    CHECK(lock->is_held());
    CHECK_FALSE(lock->lost());
    CHECK(lock->names() == std::vector<std::string>{"a", "b"});
    CHECK(lock->token() == one.state->check("a")->holders.at(0).token);
    CHECK(lock->safe_until() == client.lease().safe_until);
    CHECK(*lock->time_left() > 5s);
    CHECK(*lock->time_left() <= 9800ms);
    Lock moved = *std::move(lock);
    CHECK(moved.is_held());
  }
  CHECK(wait_until([&] { return one.state->locks() == 0; }));
}

TEST_CASE("release tells how it went, and a second one is nothing") {
  OneNode one;
  Client client = one.client();
  auto lock = Lock::acquire(client, {"a"});
  REQUIRE(lock);
  CHECK(lock->release());
  CHECK(one.state->locks() == 0);
  CHECK_FALSE(lock->is_held());
  CHECK_FALSE(lock->lost());
  CHECK(lock->time_left() == Duration::zero());
  CHECK(lock->release());
  CHECK(one.state->executes() == 2);
}

TEST_CASE("with TTL 0 a lock is held for ever") {
  OneNode one;
  Client client = one.client(0s);
  auto lock = Lock::acquire(client, {"a"});
  REQUIRE(lock);
  CHECK_FALSE(lock->safe_until());
  CHECK_FALSE(lock->time_left());
  CHECK(lock->is_held());
}

TEST_CASE("who cannot have it is told who has it") {
  OneNode one;
  Client holder = one.client();
  Client other = one.client();
  auto held = Lock::acquire(holder, {"a"});
  REQUIRE(held);
  const auto tried = Lock::try_acquire(other, {"a"});
  REQUIRE(tried);
  CHECK_FALSE(*tried);
  const auto refused = Lock::acquire(other, {"a"}, waiting(50ms));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().name() == "not_granted");
  CHECK(refused.error().definite);
  CHECK(refused.error().detail.find(to_string(holder.client_id())) != std::string::npos);
  CHECK(one.state->waiters("a") == 0);
}

TEST_CASE("a waiter gets the lock when it is released, and is told its place before") {
  OneNode one;
  Client holder = one.client();
  Client other = one.client();
  auto held = Lock::acquire(holder, {"a"});
  REQUIRE(held);
  std::atomic<int> told = 0;
  const std::thread::id self = std::this_thread::get_id();
  std::thread release([&] {
    CHECK(wait_until([&] { return told > 0; }));
    CHECK(held->release());
  });
  AcquireOptions options;
  bool on_own_thread = true;
  options.on_progress = [&](const LineProgress& progress) {
    CHECK(progress.position == 1);
    CHECK(progress.by.owner == holder.client_id());
    CHECK_FALSE(progress.by.note.empty());  // who that is, without being told to say so
    on_own_thread = on_own_thread && std::this_thread::get_id() == self;
    ++told;
  };
  auto lock = Lock::acquire(other, {"a"}, options);
  release.join();
  REQUIRE(lock);
  CHECK(lock->token() > held->token());
  CHECK(on_own_thread);
}

TEST_CASE("a wait can be ended from another thread") {
  OneNode one;
  Client holder = one.client();
  Client other = one.client();
  auto held = Lock::acquire(holder, {"a"});
  REQUIRE(held);
  for (const bool before : {true, false}) {
    std::stop_source stop;
    AcquireOptions options;
    options.stop = stop.get_token();
    if (before) stop.request_stop();
    std::thread stopper([&] {
      CHECK(wait_until([&] { return before || one.state->waiters("a") == 1; }));
      stop.request_stop();
    });
    const auto answer = other.acquire({"a"}, options);
    stopper.join();
    REQUIRE(answer);
    CHECK_FALSE(answer->granted);
    CHECK(one.state->waiters("a") == 0);
  }
}

TEST_CASE("an asynchronous acquire calls back once, and its grant can be made a lock") {
  OneNode one;
  Client client = one.client();
  Told<Expected<AcquireAnswer>> told;
  client.acquire_async({"a"}, {}, [&](Expected<AcquireAnswer> answer) { told(std::move(answer)); });
  REQUIRE(wait_until([&] { return !told.so_far().empty(); }));
  auto answer = told.so_far().at(0);
  REQUIRE(answer);
  REQUIRE(answer->granted);
  {
    const Lock lock = Lock::adopt(client, *answer);
    CHECK(lock.is_held());
    CHECK(lock.token() == answer->token);
  }
  CHECK(wait_until([&] { return one.state->locks() == 0; }));

  Client other = one.client();
  auto held = Lock::acquire(other, {"a"});
  std::stop_source stop;
  AcquireOptions options;
  options.stop = stop.get_token();
  client.acquire_async({"a"}, options, [&](Expected<AcquireAnswer> second) { told(std::move(second)); });
  CHECK(wait_until([&] { return one.state->waiters("a") == 1; }));
  stop.request_stop();
  REQUIRE(wait_until([&] { return told.so_far().size() == 2; }));
  CHECK_FALSE(told.so_far().at(1)->granted);
  CHECK(one.state->waiters("a") == 0);
}

// ---- Losing it

TEST_CASE("L3: a lock is lost when no renewal is acknowledged, the callback says so, and nothing works any more") {
  OneNode one;
  Client client = one.client(1s);
  auto lock = Lock::acquire(client, {"a"});
  REQUIRE(lock);
  Told<LossReason> lost;
  Told<Duration> warned;
  lock->on_lost([&](LossReason reason) { lost(reason); });
  lock->on_warning(500ms, [&](Duration left) { warned(left); });
  one.node.set_manner(FakeNode::Manner::kDeaf);
  REQUIRE(wait_until([&] { return !lost.so_far().empty(); }));
  CHECK(lost.so_far() == std::vector{LossReason::kUnreachable});
  CHECK_FALSE(lock->is_held());
  CHECK(lock->lost() == LossReason::kUnreachable);
  CHECK(lock->time_left() == Duration::zero());
  CHECK(*lock->safe_until() <= boot_time());
  REQUIRE(warned.so_far().size() == 1);
  CHECK(warned.so_far().at(0) <= 500ms);
  CHECK(warned.so_far().at(0) > 0ms);
  const auto released = lock->release();
  REQUIRE_FALSE(released);
  CHECK(released.error().is(ErrorCode::kSessionExpired));
  CHECK(released.error().definite);
  CHECK(one.state->locks() == 1);  // the cluster does not know yet
  one.node.set_manner(FakeNode::Manner::kAnswer);
  CHECK(wait_until([&] { return one.state->locks() == 0; }));  // given up by the client itself
  CHECK(client.preempt("a")->granted);
  CHECK_FALSE(lock->is_held());
}

TEST_CASE("a lock outlives many leases while the client lives") {
  constexpr Duration kTtl = 4s;  // renewed every third of it, however busy the machine
  OneNode one;
  Told<LeaseEvent> events;  // outlives the client, which tells its own end
  Client client = one.client(kTtl);
  client.on_lease_event([&](const LeaseEvent& event) { events(event); });
  auto lock = Lock::acquire(client, {"a"});
  REQUIRE(lock);
  const Time acquired = boot_time();
  Told<Duration> warned;
  lock->on_warning(kTtl / 10, [&](Duration left) { warned(left); });
  CHECK(wait_until([&] { return *lock->safe_until() > acquired + 2 * kTtl; }));
  CHECK(lock->is_held());
  CHECK(warned.so_far().empty());
  CHECK(events.so_far().size() >= 3);  // a renewal each
}

TEST_CASE("an operator's hand, an expiry and a close end a lock with their reasons") {
  OneNode one;
  Client client = one.client(1s);
  Client operator_client = one.client();
  Told<LossReason> lost;
  const auto acquire = [&](const char* name) {
    auto lock = Lock::acquire(client, {name});
    REQUIRE(lock);
    lock->on_lost([&](LossReason reason) { lost(reason); });
    return *std::move(lock);
  };
  const Lock forced = acquire("forced");
  const Lock expired = acquire("expired");
  CHECK(operator_client.force_release("forced", "a test")->released);
  REQUIRE(wait_until([&] { return lost.so_far().size() == 1; }));
  CHECK(forced.lost() == LossReason::kForced);
  CHECK(expired.is_held());

  one.state->expire(client.session());
  REQUIRE(wait_until([&] { return lost.so_far().size() == 2; }));
  CHECK(expired.lost() == LossReason::kExpired);

  const Lock ended = acquire("ended");
  CHECK(operator_client.close_session(client.session(), "a test"));
  REQUIRE(wait_until([&] { return lost.so_far().size() == 3; }));
  CHECK(ended.lost() == LossReason::kForced);

  const Lock closed = acquire("closed");
  CHECK(client.close());
  CHECK_FALSE(closed.is_held());
  CHECK(closed.lost() == LossReason::kClosed);
  REQUIRE(wait_until([&] { return lost.so_far().size() == 4; }));
  CHECK(lost.so_far() ==
        std::vector{LossReason::kForced, LossReason::kExpired, LossReason::kForced, LossReason::kClosed});
  // Who asks after the loss is told at once.
  Lock late = acquire("late");
  CHECK(client.close());
  late.on_lost([&](LossReason reason) { lost(reason); });
  CHECK(wait_until([&] { return lost.so_far().size() == 6; }));
}

TEST_CASE("what an operator left of a lock of several names comes free with it") {
  OneNode one;
  Client client = one.client(3s);
  Client operator_client = one.client();
  auto lock = Lock::acquire(client, {"a", "b"});
  REQUIRE(lock);
  CHECK(operator_client.force_release("a", "a test")->released);
  REQUIRE(wait_until([&] { return !lock->is_held(); }));
  CHECK(operator_client.check("b")->lock);
  CHECK_FALSE(lock->release());
  CHECK(wait_until([&] { return !operator_client.check("b")->lock; }));
}

TEST_CASE("a callback may call the client and release the lock") {
  OneNode one;
  Client client = one.client();
  Client operator_client = one.client();
  auto lock = Lock::acquire(client, {"a"});
  auto second = Lock::acquire(client, {"b"});
  REQUIRE(lock);
  REQUIRE(second);
  std::atomic<bool> done = false;
  lock->on_lost([&](LossReason) {
    CHECK_FALSE(lock->is_held());
    CHECK_FALSE(lock->release());
    CHECK(second->release());
    CHECK_FALSE(client.check("b")->lock);
    done = true;
  });
  CHECK(client.force_release("a", "a test")->released);
  CHECK(wait_until([&] { return done.load(); }));
}

TEST_CASE("after a release nobody is told of a loss") {
  OneNode one;
  Client client = one.client();
  Told<LossReason> lost;
  auto lock = Lock::acquire(client, {"a"});
  REQUIRE(lock);
  lock->on_lost([&](LossReason reason) { lost(reason); });
  CHECK(lock->release());
  CHECK(client.close());
  auto again = Lock::acquire(client, {"a"});
  CHECK(again);
  CHECK(lost.so_far().empty());
}

TEST_CASE("a destroyed client closes its session, and its locks say so") {
  OneNode one;
  Told<LossReason> lost;
  auto client = std::make_unique<Client>(one.client());
  auto lock = Lock::acquire(*client, {"a"});
  REQUIRE(lock);
  lock->on_lost([&](LossReason reason) { lost(reason); });
  Told<Expected<AcquireAnswer>> told;
  Client other = one.client();
  auto held = Lock::acquire(other, {"b"});
  client->acquire_async({"b"}, {}, [&](Expected<AcquireAnswer> answer) { told(std::move(answer)); });
  CHECK(wait_until([&] { return one.state->waiters("b") == 1; }));
  client.reset();
  CHECK(one.state->locks() == 1);
  CHECK(one.state->waiters("b") == 0);
  CHECK(lost.so_far() == std::vector{LossReason::kClosed});
  CHECK(lock->lost() == LossReason::kClosed);
  REQUIRE(told.so_far().size() == 1);
  CHECK(told.so_far().at(0).error().is(ErrorCode::kUnavailable));
  CHECK_FALSE(lock->release());
}

TEST_CASE("a destroyed client with TTL 0 leaves its locks, but no place in line and nothing half released") {
  OneNode one;
  Client other = one.client();
  auto held = Lock::acquire(other, {"b"});
  {
    Client client = one.client(0s);
    CHECK(client.preempt("kept")->granted);
    client.acquire_async({"b"}, {}, [](const Expected<AcquireAnswer>&) {});
    CHECK(wait_until([&] { return one.state->waiters("b") == 1; }));
    const auto released = Lock::acquire(client, {"released"});
    CHECK(released);
  }
  CHECK(one.state->waiters("b") == 0);
  CHECK(one.state->check("kept"));
  CHECK_FALSE(one.state->check("released"));
}

TEST_CASE("a client is destroyed without waiting for a node that is deaf") {
  OneNode one;
  auto client = std::make_unique<Client>(one.client());
  CHECK(client->preempt("a")->granted);
  one.node.set_manner(FakeNode::Manner::kDeaf);
  client.reset();  // would wait for ever
}

// ---- Several nodes

TEST_CASE("a wait goes on at another node when its own dies, and the lease is kept there") {
  const auto state = std::make_shared<FakeState>();
  FakeNode first(state);
  FakeNode second(state);
  Client client = client_of({first.endpoint(), second.endpoint()}, 3s);
  Client holder = client_of({second.endpoint()});
  auto held = Lock::acquire(holder, {"a"});
  REQUIRE(held);
  std::thread failure([&] {
    CHECK(wait_until([&] { return state->waiters("a") == 1; }));
    first.set_manner(FakeNode::Manner::kDeaf);
    CHECK(wait_until([&] { return state->count<wire::KeepAlive>() >= 4; }));
    CHECK(held->release());
  });
  const auto lock = Lock::acquire(client, {"a"});
  failure.join();
  REQUIRE(lock);
  CHECK(lock->is_held());
}

// ---- Reads

TEST_CASE("verify, history, sessions and watch") {
  OneNode one;
  Client client = one.client();
  auto page = client.watch("", {});
  REQUIRE(page);
  CHECK(page->reset);
  CHECK(page->locks.empty());
  const FencingToken first = client.preempt("a")->token;
  auto verified = client.verify("a", first);
  REQUIRE(verified);
  CHECK(verified->current);
  CHECK(client.release("a")->released);
  CHECK_FALSE(client.verify("a", first)->current);
  CHECK_FALSE(client.verify("a", first)->newest);
  const FencingToken second = client.preempt("a")->token;
  verified = client.verify("a", first);
  CHECK_FALSE(verified->current);
  CHECK(verified->newest == second);

  const auto history = client.history("a");
  REQUIRE(history);
  REQUIRE(history->events.size() == 1);
  CHECK(history->events[0].token == first);
  const auto sessions = client.sessions();
  REQUIRE(sessions);
  REQUIRE(sessions->sessions.size() == 1);
  CHECK(sessions->sessions[0].ttl_ms == 10'000);
  CHECK(sessions->sessions[0].note.find(" pid ") != std::string::npos);

  page = client.watch("", page->next);
  REQUIRE(page);
  CHECK(page->changes.size() == 3);
  std::thread later([&] {
    CHECK(wait_until([&] { return one.state->count<wire::WatchRequest>() == 3; }));
    CHECK(client.preempt("b")->granted);
  });
  page = client.watch("", page->next);
  later.join();
  REQUIRE(page);
  REQUIRE(page->changes.size() == 1);
  CHECK(page->changes[0].name == "b");
  page = client.watch("", page->next, 50ms);
  REQUIRE(page);
  CHECK(page->changes.empty());
}

TEST_CASE("a TTL, a note and a name out of bounds are refused with a sentence") {
  ClientConfig config;
  config.ttl = 999ms;
  CHECK(Client::create(config).error().name() == "invalid_ttl");
  config.ttl = 25h;
  CHECK(Client::create(config).error().name() == "invalid_ttl");
  config.ttl = 1s;
  config.note = std::string(2000, 'n');
  CHECK(Client::create(config).error().name() == "invalid_note");
  OneNode one;
  Client client = one.client();
  CHECK(Lock::acquire(client, {""}).error().name() == "invalid_name");
  CHECK(Lock::acquire(client, {}).error().name() == "bad_request");
}

// ---- Threads

TEST_CASE("threads of one client take turns in the client, in the order in which they came") {
  OneNode one;
  Client client = one.client();
  auto held = Lock::acquire(client, {"a"});
  REQUIRE(held);
  const auto busy = Lock::try_acquire(client, {"a"});
  REQUIRE(busy);
  CHECK_FALSE(*busy);
  const auto in_time = Lock::acquire(client, {"a", "b"}, waiting(50ms));
  REQUIRE_FALSE(in_time);
  CHECK(in_time.error().name() == "not_granted");
  CHECK(one.state->executes() == 1);  // nobody asked the cluster
  std::thread waiter([&] { CHECK(Lock::acquire(client, {"a"})); });
  CHECK(held->release());
  waiter.join();
  CHECK(Lock::acquire(client, {"a"}));
}

TEST_CASE("Mutex is Lockable: std::scoped_lock, std::unique_lock and std::lock take it") {
  OneNode one;
  Client client = one.client();
  Mutex a(client, "a");
  Mutex b(client, "b");
  {
    const std::scoped_lock both(a, b);
    CHECK(a.is_held());
    CHECK(b.token() == one.state->check("b")->holders.at(0).token);
    CHECK(a.safe_until());
  }
  CHECK_FALSE(a.is_held());
  std::unique_lock lock(a, std::try_to_lock);
  CHECK(lock.owns_lock());
  Client other = one.client();
  Mutex same(other, "a");
  std::thread elsewhere([&] { CHECK_FALSE(same.try_lock()); });
  elsewhere.join();
  lock.unlock();
  std::unique_lock again(same);
  CHECK(again.owns_lock());
}

TEST_CASE("a Mutex that cannot be had throws the one exception of this library") {
  OneNode one;
  Client client = one.client();
  Mutex nameless(client, "");
  CHECK_FALSE(nameless.try_lock());
  try {
    nameless.lock();
    FAIL("it has no name");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::operation_not_permitted);
    CHECK(std::string(error.what()).find("invalid_name") != std::string::npos);
  }
  one.node.set_manner(FakeNode::Manner::kNoLeader);
  Mutex unreachable(client, "a");
  try {
    unreachable.lock();
    FAIL("nobody answered");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::timed_out);
  }
}

TEST_CASE("threads that contend through one client and through two exclude each other") {
  OneNode one;
  Client first = one.client();
  Client second = one.client();
  int counter = 0;  // guarded by the lock alone
  std::atomic<bool> inside = false;
  FencingToken last;
  const auto work = [&](Client& client) {
    Mutex mutex(client, "counter");
    for (int i = 0; i < 15; ++i) {
      const std::scoped_lock lock(mutex);
      CHECK_FALSE(inside.exchange(true));
      CHECK(mutex.token() > last);
      last = mutex.token();
      ++counter;
      inside = false;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { work(first); });
    threads.emplace_back([&] { work(second); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counter == 60);
  CHECK(wait_until([&] { return one.state->locks() == 0; }));
}

}  // namespace lockstep::lock_test

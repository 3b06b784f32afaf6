#include "lockstep/client.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <thread>

#include "lockstep/lock.hpp"
#include "nodes/client/errors.hpp"
#include "nodes/system/clock.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/port_of_nobody.hpp"

namespace lockstep::client_test {

using namespace std::chrono_literals;

namespace {

Client client_of(std::vector<std::string> endpoints, Duration attempt_timeout = 1s) {
  ClientConfig config;
  config.endpoints = std::move(endpoints);
  config.attempt_timeout = attempt_timeout;
  config.ttl = Duration::zero();  // what a lease changes is in lease_test.cpp
  auto client = Client::create(config);
  REQUIRE(client);
  return *std::move(client);
}

// An endpoint where nobody listens: the port was free a moment ago.
std::string dead_endpoint() {
  FakeNode node(std::make_shared<FakeState>());
  return node.endpoint();
}

}  // namespace

TEST_CASE("one client preempts, another is told who holds it, and gets it after the release") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  Client one = client_of({node.endpoint()});
  Client two = client_of({node.endpoint()});

  const auto granted = one.preempt("a");
  REQUIRE(granted);
  CHECK(granted->granted);
  CHECK(granted->owner == one.client_id());
  const auto held = two.preempt("a");
  REQUIRE(held);
  CHECK_FALSE(held->granted);
  CHECK(held->owner == one.client_id());
  CHECK(held->token == granted->token);
  CHECK(held->since);

  const auto not_holder = two.release("a");
  REQUIRE(not_holder);
  CHECK_FALSE(not_holder->released);
  CHECK(not_holder->owner == one.client_id());
  CHECK(one.release("a")->released);
  CHECK_FALSE(one.release("a")->owner);
  const auto again = two.preempt("a");
  CHECK(again->granted);
  CHECK(again->token > granted->token);
}

TEST_CASE("check, list, count and status answer what the node knows") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  Client client = client_of({node.endpoint()});
  for (const char* name : {"a/1", "a/2", "b/1"}) REQUIRE(client.preempt(name)->granted);
  const auto check = client.check("a/1", wire::ReadMode::kLinearizable);
  REQUIRE(check);
  REQUIRE(check->lock);
  CHECK(check->lock->holders.at(0).owner == client.client_id());
  CHECK(check->age == 3ms);
  CHECK(check->applied_index == client.highest_index());
  CHECK_FALSE(client.check("nobody's")->lock);

  const auto first = client.list("a/", "", 1);
  REQUIRE(first);
  REQUIRE(first->locks.size() == 1);
  CHECK(first->more);
  const auto second = client.list("a/", first->locks.back().name, 1);
  CHECK(second->locks.at(0).name == "a/2");
  CHECK_FALSE(second->more);

  for (const char* name : {"a/3", "a/4", "a/5"}) REQUIRE(client.preempt(name)->granted);
  const auto count = client.count("a/");  // the node counts two at a time
  REQUIRE(count);
  CHECK(count->locks == 5);
  CHECK(count->holders == 5);
  CHECK(count->waiters == 0);
  CHECK(count->age == 3ms);
  CHECK(client.count("c")->locks == 0);

  const auto status = client.status();
  REQUIRE(status);
  CHECK(status->cluster == ClusterId(0xc1));
}

TEST_CASE("a dead node costs a moment, not the call") {
  FakeNode alive(std::make_shared<FakeState>());
  Client client = client_of({dead_endpoint(), alive.endpoint()});
  const auto answer = client.preempt("a", 3s);
  REQUIRE(answer);
  CHECK(answer->granted);
}

TEST_CASE("a node that runs a request and dies before it answers does not make it run twice") {
  const auto state = std::make_shared<FakeState>();
  FakeNode silent(state, FakeNode::Manner::kSilent);
  FakeNode alive(state);
  Client client = client_of({silent.endpoint(), alive.endpoint()}, 100ms);
  const auto answer = client.preempt("a");
  REQUIRE(answer);
  CHECK(answer->granted);
  CHECK(client.preempt("b")->granted);
  CHECK(state->locks() == 2);
  CHECK(state->sessions() == 1);
}

TEST_CASE("without a node the call ends in time, and nothing is certain") {
  const testing::PortOfNobody nobody;
  Client client = client_of({nobody.endpoint()});
  const Time start = boot_time();
  const auto answer = client.preempt("a", 300ms);
  CHECK(boot_time() - start >= 300ms);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().is(ErrorCode::kUnavailable));
  CHECK(answer.error().name() == "unavailable");
  CHECK_FALSE(answer.error().definite);
  CHECK(answer.error().detail.starts_with("no answer within 300 ms; tried " + nobody.endpoint()));
}

TEST_CASE("an error says where something went wrong, and what; if nothing did, who was asked") {
  CHECK(tried({"tcp://a:1", "tcp://b:1", "tcp://c:1"}, {"cannot connect", "", "no answer within 1 s"}) ==
        "tcp://a:1 (cannot connect), tcp://c:1 (no answer within 1 s)");
  CHECK(tried({"tcp://a:1", "tcp://b:1"}, {"", ""}) == "tcp://a:1, tcp://b:1");
}

TEST_CASE("a node without a leader is asked again until it has one") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state, FakeNode::Manner::kNoLeader);
  Client client = client_of({node.endpoint()});
  const auto refused = client.preempt("a", 200ms);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("no_leader") != std::string::npos);
  node.set_manner(FakeNode::Manner::kAnswer);
  CHECK(client.preempt("a")->granted);
}

TEST_CASE("a bad name and a bad endpoint are definite errors with a sentence") {
  FakeNode node(std::make_shared<FakeState>());
  Client client = client_of({node.endpoint()});
  const auto answer = client.preempt("");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().name() == "invalid_name");
  CHECK(answer.error().definite);

  ClientConfig config;
  config.endpoints = {"7101"};
  const auto bad = Client::create(config);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().name() == "invalid_endpoint");
  CHECK(bad.error().detail.find("7101") != std::string::npos);
  config.endpoints.clear();
  CHECK_FALSE(Client::create(config));
}

TEST_CASE("a kept session is stored before the node sees what it must cover, and the next process goes on") {
  const auto state = std::make_shared<FakeState>();
  std::vector<SessionRecord> saves;  // written by the client's thread, read by the node's: both hold state->mutex
  bool covered = true;
  FakeNode node(state, FakeNode::Manner::kAnswer, [&](const wire::Request& request) {
    if (const auto* execute = std::get_if<locks::Execute>(&request.body)) {
      covered = covered && !saves.empty() && saves.back().session == execute->session &&
                saves.back().next_number > execute->number.value() && saves.back().unfinished.size() == 1;
    } else if (const auto* open = std::get_if<wire::OpenSession>(&request.body)) {
      covered = covered && !saves.empty() && saves.back().open_nonce == open->nonce;
    }
  });
  SessionKeeper keeper;
  keeper.secret[0] = 7;
  keeper.save = [&](const SessionRecord& saved) -> tl::expected<void, std::string> {
    const std::lock_guard lock(state->mutex);
    saves.push_back(saved);
    return {};
  };
  const auto locked = [&](auto read) {
    const std::lock_guard lock(state->mutex);
    return read();
  };
  ClientConfig config;
  config.endpoints = {node.endpoint()};
  config.client_id = make_client_id();
  config.keeps_session = true;
  config.ttl = 0s;
  for (const bool release : {false, true}) {
    auto client = Client::create(config);
    REQUIRE(client);
    if (release) keeper.saved = locked([&] { return saves.back(); });
    REQUIRE(client->keep_session(keeper));
    if (release) {
      CHECK(client->release("a")->released);
    } else {
      CHECK(client->preempt("a")->granted);
    }
    CHECK_FALSE(client->keep_session(keeper));  // too late now
  }
  CHECK(locked([&] { return covered; }));
  CHECK(state->sessions() == 1);
}

TEST_CASE("what cannot be kept is not sent") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  ClientConfig config;
  config.endpoints = {node.endpoint()};
  config.keeps_session = true;
  config.ttl = 0s;
  auto client = Client::create(config);
  SessionKeeper keeper;
  keeper.save = [](const SessionRecord&) -> tl::expected<void, std::string> {
    return tl::unexpected(std::string("disk full"));
  };
  REQUIRE(client->keep_session(keeper));
  for (int i = 0; i < 2; ++i) {
    const auto answer = client->preempt("a");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().name() == "not_saved");
    CHECK(answer.error().detail == "disk full");
    CHECK(answer.error().definite);
  }
  CHECK(state->executes() == 0);
  CHECK(state->sessions() == 0);
}

TEST_CASE("when keeping fails after a copy has left, nothing more leaves and nothing is certain") {
  const auto state = std::make_shared<FakeState>();
  FakeNode silent(state, FakeNode::Manner::kSilent);
  FakeNode other(state, FakeNode::Manner::kNoLeader);  // its answer tells an index, which is to be kept
  ClientConfig config;
  config.endpoints = {silent.endpoint(), other.endpoint()};
  config.keeps_session = true;
  config.ttl = 0s;
  config.attempt_timeout = 50ms;
  auto client = Client::create(config);
  SessionKeeper keeper;
  keeper.saved.session = SessionId(7);
  int saves = 0;
  keeper.save = [&](const SessionRecord&) -> tl::expected<void, std::string> {
    if (++saves == 1) return {};
    return tl::unexpected(std::string("disk full"));
  };
  REQUIRE(client->keep_session(keeper));
  std::size_t sent = 0;
  for (const bool definite : {false, true}) {
    const auto answer = client->preempt("a");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().name() == "not_saved");
    CHECK(answer.error().definite == definite);
    // The second node was reached, perhaps more than once; the second call sends nothing at all.
    CHECK(state->executes() >= 2);
    CHECK((!definite || state->executes() == sent));
    sent = state->executes();
  }
}

TEST_CASE("what an earlier process may have done is never definitely not done, though this one cannot store") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  ClientConfig config;
  config.endpoints = {node.endpoint()};
  config.keeps_session = true;
  config.ttl = 0s;
  SessionKeeper keeper;
  keeper.saved.session = SessionId(7);
  keeper.saved.next_number = 5;
  keeper.save = [](const SessionRecord&) -> tl::expected<void, std::string> {
    return tl::unexpected(std::string("disk full"));
  };
  const auto refused = [&](const locks::Operation& unfinished, const auto& ask) {
    keeper.saved.unfinished = {{4, wire::encode(locks::Command(locks::Execute{{}, RequestNumber(4), {}, unfinished}))}};
    auto client = Client::create(config);
    REQUIRE(client);
    REQUIRE(client->status());  // tells an index, which is to be kept
    REQUIRE(client->keep_session(keeper));
    const auto answer = ask(*client);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().name() == "not_saved");
    return answer.error().definite;
  };
  const auto preempt = [](Client& client) { return client.preempt("a"); };
  const auto acquire = [](Client& client) {
    AcquireOptions options;
    options.thread = 3;
    return client.acquire({"a"}, options);
  };
  const locks::Acquire acquired{{"a"}, locks::Mode::kExclusive, 0, true, 3};
  CHECK_FALSE(refused(locks::Preempt{"a"}, preempt));
  CHECK_FALSE(refused(acquired, acquire));
  CHECK(refused(locks::Preempt{"another"}, preempt));
  CHECK(refused(locks::Preempt{"another"}, acquire));
  CHECK(state->executes() == 0);
}

TEST_CASE("L1: the next process has the locks of a session with a lease, and the earlier one is refused") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  std::mutex mutex;
  SessionRecord stored;
  const auto keeper = [&] {
    const std::lock_guard lock(mutex);
    SessionKeeper kept;
    kept.secret[0] = 7;
    kept.saved = stored;
    kept.save = [&](const SessionRecord& saved) -> tl::expected<void, std::string> {
      const std::lock_guard storing(mutex);
      if (saved.highest_index < stored.highest_index) return tl::unexpected(std::string("a later process has stored"));
      stored = saved;
      return {};
    };
    return kept;
  };
  ClientConfig config;
  config.endpoints = {node.endpoint()};
  config.client_id = make_client_id();
  config.keeps_session = true;
  auto earlier = Client::create(config);
  REQUIRE(earlier->keep_session(keeper()));
  CHECK(earlier->take_over()->empty());
  auto old_lock = Lock::acquire(*earlier, {"a", "b"});
  REQUIRE(old_lock);

  auto later = Client::create(config);
  REQUIRE(later->keep_session(keeper()));
  const auto came = later->take_over();
  REQUIRE(came);
  REQUIRE(came->size() == 2);
  const Lock lock = Lock::adopt(*later, *came);
  CHECK(lock.is_held());
  CHECK(lock.names() == std::vector<std::string>{"a", "b"});
  CHECK(lock.token() > old_lock->token());
  CHECK(lock.safe_until() == later->lease().safe_until);
  CHECK(later->acquire({"a"}).error().is(ErrorCode::kAlreadyHeld));
  CHECK(earlier->preempt("c").error().is(ErrorCode::kSessionSuperseded));
  CHECK(old_lock->lost() == LossReason::kSuperseded);
  CHECK(state->check("b")->holders.at(0).token == lock.token());
}

TEST_CASE("threads may share a client: their calls queue up") {
  const auto state = std::make_shared<FakeState>();
  FakeNode node(state);
  Client client = client_of({node.endpoint()});
  std::array<int, 4> granted{};
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < granted.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        const auto answer = client.preempt("lock " + std::to_string(i));
        if (answer && answer->granted) ++granted[thread];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(granted[0] + granted[1] + granted[2] + granted[3] == 10);
  CHECK(state->sessions() == 1);
}

TEST_CASE("client ids are name-based UUIDs, each its own") {
  const ClientId one = make_client_id();
  const ClientId two = make_client_id();
  CHECK(one != two);
  CHECK((one.bytes[6] >> 4) == 5);       // RFC 4122 section 4.1.3: the version
  CHECK((one.bytes[8] & 0xc0) == 0x80);  // section 4.1.1: the variant
}

}  // namespace lockstep::client_test

#include "tools/lockstep/commands/one_shot.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>

#include "nodes/system/clock.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/process.hpp"
#include "tools/lockstep/kept/state_folder.hpp"

namespace lockstep::one_shot_test {

using namespace std::chrono_literals;

namespace {

// A user with a state folder of its own, and a fake cluster of one node.
struct Fixture {
  Fixture() {
    REQUIRE(setenv("XDG_STATE_HOME", folder.path().c_str(), 1) == 0);
    options.servers = {node.endpoint()};
  }

  Report preempt(const std::string& name) {
    return with_kept_session(options, name, [&](Client& client, Duration timeout) {
      return report_of(name, client.preempt(name, timeout));
    });
  }
  Report release(const std::string& name) {
    return with_kept_session(options, name, [&](Client& client, Duration timeout) {
      return report_of(name, client.release(name, timeout));
    });
  }
  Report check(const std::string& name) {
    return with_remembered_index(options, name, [&](Client& client, Duration timeout) {
      return report_of(name, client.check(name, wire::ReadMode::kLocal, timeout));
    });
  }
  ClientId id() { return options.client_id ? *options.client_id : *default_client_id(state_folder()); }
  std::filesystem::path state_folder() { return *open_state_folder(); }
  SavedSession saved() { return read_state(state_folder(), id())->at(state->cluster).saved; }
  template <typename Body>
  Body last_request() {
    const std::lock_guard lock(state->mutex);
    std::optional<Body> last;
    for (const wire::Request& request : state->requests) {
      if (const auto* body = std::get_if<Body>(&request.body)) last = *body;
    }
    REQUIRE(last);
    return *last;
  }

  testing::TemporaryFolder folder;
  std::shared_ptr<FakeState> state = std::make_shared<FakeState>();
  FakeNode node{state};
  GlobalOptions options;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "preempt and release in two commands are one client") {
  const Report granted = preempt("a");
  CHECK(granted.exit_code == 0);
  CHECK(granted.json["owner"] == to_string(id()));
  CHECK(preempt("a").json["owner"] == to_string(id()));
  CHECK(release("a").exit_code == 0);
  CHECK(release("a").exit_code == 1);
  CHECK(state->sessions() == 1);
  CHECK(saved().next_number == RequestNumber(5));
  CHECK(saved().unfinished.empty());
}

TEST_CASE_FIXTURE(Fixture, "another client id is another client") {
  CHECK(preempt("a").exit_code == 0);
  const ClientId first = id();
  options.client_id = parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  const Report held = preempt("a");
  CHECK(held.exit_code == 1);
  CHECK(held.json["owner"] == to_string(first));
  CHECK(release("a").json["result"] == "not_holder");
}

TEST_CASE_FIXTURE(Fixture, "a command that ran but got no answer is finished by its repetition, under its number") {
  CHECK(preempt("warm-up").exit_code == 0);
  options.timeout = 300ms;
  node.set_manner(FakeNode::Manner::kSilent);
  CHECK(preempt("a").exit_code == 3);
  REQUIRE(saved().unfinished.size() == 1);
  const RequestNumber number = saved().unfinished.front().number;
  CHECK(state->locks() == 2);
  options.timeout = 5s;
  node.set_manner(FakeNode::Manner::kAnswer);
  CHECK(preempt("a").exit_code == 0);  // not held by itself: it is the same request
  CHECK(last_request<locks::Execute>().number == number);
  CHECK(saved().unfinished.empty());
  CHECK(preempt("a").exit_code == 1);  // and this is another one
}

TEST_CASE_FIXTURE(Fixture, "another command finishes the unfinished one first, whether it ran or not") {
  CHECK(preempt("warm-up").exit_code == 0);
  for (const auto manner : {FakeNode::Manner::kSilent, FakeNode::Manner::kNoLeader}) {
    options.timeout = 300ms;
    node.set_manner(manner);
    CHECK(preempt("a").exit_code == 3);
    options.timeout = 5s;
    node.set_manner(FakeNode::Manner::kAnswer);
    CHECK(release("a").exit_code == 0);
    CHECK(state->locks() == 1);
    CHECK(saved().unfinished.empty());
  }
}

TEST_CASE_FIXTURE(Fixture, "an Open whose answer was lost is found again by its nonce") {
  options.timeout = 300ms;
  node.set_manner(FakeNode::Manner::kSilent);
  CHECK(preempt("a").exit_code == 3);
  CHECK(state->sessions() == 1);
  const std::uint64_t nonce = saved().open_nonce;
  REQUIRE(nonce != 0);
  options.timeout = 5s;
  node.set_manner(FakeNode::Manner::kAnswer);
  CHECK(preempt("a").exit_code == 0);
  CHECK(last_request<wire::OpenSession>().nonce == nonce);
  CHECK(state->sessions() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a session that has ended is replaced by one that names it, and the command is repeated") {
  CHECK(preempt("a").exit_code == 0);
  CHECK(release("a").exit_code == 0);
  const SessionId ended = saved().session;
  {
    const std::lock_guard lock(state->mutex);
    // It was evicted to make room, and that is so long ago that nobody remembers it.
    state->machine = locks::StateMachine();
  }
  CHECK(preempt("a").exit_code == 0);
  CHECK(last_request<wire::OpenSession>().replaces == ended);
  CHECK(saved().session != ended);
}

TEST_CASE_FIXTURE(Fixture, "a command that may have run before its session ended is not repeated in another") {
  CHECK(preempt("a").exit_code == 0);
  options.timeout = 300ms;
  node.set_manner(FakeNode::Manner::kSilent);
  CHECK(release("a").exit_code == 3);  // it ran, but its answer was lost
  {
    const std::lock_guard lock(state->mutex);
    state->machine = locks::StateMachine();  // and its session was evicted
  }
  options.timeout = 5s;
  node.set_manner(FakeNode::Manner::kAnswer);
  const Report report = release("a");  // claims the unfinished one: `not_holder` would be a lie
  CHECK(report.json["error"] == "session_expired");
  CHECK(report.json["definite"] == false);
  CHECK(release("a").json["result"] == "not_holder");  // a request of its own
}

TEST_CASE_FIXTURE(
    Fixture,
    "whoever was superseded is refused and told of it while the other incarnation lives, and goes on after that") {
  CHECK(preempt("a").exit_code == 0);
  const auto kept = read_state(state_folder(), id())->at(state->cluster);
  {
    ClientConfig config;
    config.endpoints = options.servers;
    config.client_id = id();
    auto other = Client::create(config);
    SessionKeeper keeper;
    keeper.secret = kept.secret;
    keeper.saved.replaces = kept.saved.session;
    REQUIRE(other->keep_session(keeper));
    CHECK(other->preempt("b")->granted);
    const Report refused = preempt("c");
    CHECK(refused.exit_code == 4);
    CHECK(refused.json["error"] == "session_conflict");
    CHECK(refused.json["definite"] == true);
  }
  CHECK(preempt("c").exit_code == 0);
}

TEST_CASE_FIXTURE(Fixture, "checks ask for the highest index that any command of this client has seen") {
  CHECK(check("a").exit_code == 1);  // a reader is no client: nothing is kept
  CHECK_FALSE(std::filesystem::exists(state_folder() / "client-id"));
  CHECK(preempt("a").exit_code == 0);
  const LogIndex seen = saved().highest_index;
  CHECK(check("a").exit_code == 0);
  CHECK(last_request<wire::CheckRequest>().at_least >= seen);
  {
    const std::lock_guard lock(state->mutex);
    state->applied = LogIndex(1000);
  }
  CHECK(check("a").json["applied_index"] == 1000);
  CHECK(saved().highest_index == LogIndex(1000));
}

TEST_CASE_FIXTURE(Fixture, "without a node nothing is written, and the command ends in time") {
  options.servers = {"tcp://127.0.0.1:1"};
  options.timeout = 200ms;
  const Report report = preempt("a");
  CHECK(report.exit_code == 3);
  CHECK(report.json["definite"] == false);
  CHECK_FALSE(std::filesystem::exists(state_folder() / to_string(id())));
}

TEST_CASE_FIXTURE(Fixture, "a cluster that has not formed is unavailable, with the reason") {
  {
    const std::lock_guard lock(state->mutex);
    state->cluster = ClusterId();
  }
  options.timeout = 200ms;
  const Report report = preempt("a");
  CHECK(report.exit_code == 3);
  CHECK(report.text.find("not formed") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a shell is a client of its own, or the named one, which it keeps for itself") {
  auto own = open_shell_client(options);
  REQUIRE(own);
  CHECK_FALSE(own->file);
  options.client_id = parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  auto named = open_shell_client(options);
  REQUIRE(named);
  CHECK(named->client.client_id() == *options.client_id);
  CHECK(named->client.preempt("a")->granted);
  options.timeout = 100ms;
  CHECK(preempt("b").json["error"] == "client_id_in_use");
}

}  // namespace lockstep::one_shot_test

// A whole node: whose request is answered when, and what a node does while there is no leader.
#include "protocol/replica/replica.hpp"

#include "replica_world.hpp"
#include "tests/support/output_of_turn.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::replica_test {
namespace {

constexpr auto kLifetime = std::chrono::seconds(10);
constexpr auto kMaxTimeout = std::chrono::milliseconds(1000);

ReplicaWorld led_by_a(const ReplicaOptions& options = ReplicaOptions()) {
  ReplicaWorld world({"a", "b", "c"}, options);
  world.elect("a");
  return world;
}

wire::CheckRequest check(const std::string& lock, wire::ReadMode mode = wire::ReadMode::kLocal,
                         LogIndex at_least = {}) {
  return {lock, mode, at_least};
}

wire::CheckRequest linearizable(const std::string& lock) { return check(lock, wire::ReadMode::kLinearizable); }

ClientId client(std::uint8_t which) { return ReplicaWorld::open_as(which).client; }

}  // namespace

// --- commands ---

TEST_CASE("a follower answers its own client when the entry is applied there, and nobody else does") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1);
  const CallNumber call = world.ask("b", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver("b", "a");  // forwarded
  world.deliver("a", "b");  // proposed
  world.deliver("b", "a");  // on a majority's disks: the leader commits and applies it
  CHECK(world.node("a").state().check("lock"));
  CHECK_FALSE(world.is_answered(call));
  world.deliver("a", "b");  // and says so
  const wire::Response& reply = world.reply_to(call);
  CHECK(reply.body == wire::ResponseBody(locks::Granted{token_granted_by(reply.applied)}));
  CHECK(reply.applied == world.node("b").applied_index());
  world.deliver();
  CHECK(world.node("c").state().check("lock")->holders.at(0).owner == client(1));
}

TEST_CASE("the leader answers its own client when the entry is committed") {
  ReplicaWorld world = led_by_a();
  const CallNumber call = world.ask("a", ReplicaWorld::open_as(1));
  CHECK_FALSE(world.is_answered(call));
  world.deliver("a", "c");
  world.deliver("c", "a");
  CHECK(world.answer_to<locks::SessionOpened>(call).session == session_opened_by(LogIndex(3)));
}

TEST_CASE("a refusal of the state machine is an error to the client") {
  ReplicaWorld world = led_by_a();
  const CallNumber call = world.ask("c", ReplicaWorld::preempt(SessionId(99), 1, "lock"));
  world.deliver();
  CHECK(world.error_of(call) == ErrorCode::kSessionExpired);
}

TEST_CASE("a second client is told who owns the lock") {
  ReplicaWorld world = led_by_a();
  const SessionId first = world.open_session("a", 1);
  const SessionId second = world.open_session("b", 2);
  world.ask("b", ReplicaWorld::preempt(first, 1, "lock"));
  world.deliver();
  const CallNumber call = world.ask("c", ReplicaWorld::preempt(second, 1, "lock"));
  world.deliver();
  CHECK(world.answer_to<locks::Held>(call).owner == client(1));
}

TEST_CASE("two copies of a request through two nodes run once, and both get the same answer") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1);
  const CallNumber one = world.ask("b", ReplicaWorld::preempt(session, 1, "lock"));
  const CallNumber two = world.ask("c", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver();
  CHECK(world.answer_to<locks::Granted>(one) == world.answer_to<locks::Granted>(two));
}

TEST_CASE("what the leader lost is handed on again when no answer came for an election timeout") {
  ReplicaWorld world = led_by_a();
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  REQUIRE(world.in_flight<raft::Forward>("b", "a").size() == 1);
  world.drop_all();
  world.run(kMaxTimeout - std::chrono::milliseconds(100));
  CHECK_FALSE(world.is_answered(call));
  world.run(std::chrono::milliseconds(200));
  CHECK(std::holds_alternative<locks::SessionOpened>(world.reply_to(call).body));
}

TEST_CASE("what was not answered is handed on to a new leader at once") {
  ReplicaWorld world = led_by_a();
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  world.crash("a");
  world.drop_all();
  world.elect("c");
  CHECK(std::holds_alternative<locks::SessionOpened>(world.reply_to(call).body));
}

TEST_CASE("a node that becomes leader proposes what its clients still wait for") {
  ReplicaWorld world = led_by_a();
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  world.crash("a");
  world.drop_all();
  world.elect("b");
  CHECK(std::holds_alternative<locks::SessionOpened>(world.reply_to(call).body));
}

TEST_CASE("requests of one turn are forwarded as one batch") {
  ReplicaWorld world = led_by_a();
  Replica follower = world.node("b");
  for (std::uint8_t n = 1; n <= 5; ++n) {
    follower.step(world.now(), ClientRequest{ConnectionId(n), {CallNumber(n), ReplicaWorld::open_as(n)}});
  }
  std::size_t commands = 0;
  std::size_t batches = 0;
  for (const raft::Outgoing& outgoing : testing::output_of_turn(follower).messages) {
    const auto* forward = std::get_if<raft::Forward>(&outgoing.message.body);
    if (forward == nullptr) continue;
    ++batches;
    commands += forward->commands.size();
  }
  CHECK(batches == 1);
  CHECK(commands == 5);
}

// --- when it cannot be done ---

TEST_CASE("a request that found no leader in its lifetime is answered no_leader: this copy did not run") {
  ReplicaWorld world({"a", "b", "c"});
  world.isolate("b");
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  world.run(kLifetime - std::chrono::milliseconds(1));
  CHECK_FALSE(world.is_answered(call));
  world.run(std::chrono::milliseconds(2));
  CHECK(world.error_of(call) == ErrorCode::kNoLeader);
}

TEST_CASE("a request that a leader may have is answered unavailable: nobody here knows what became of it") {
  ReplicaWorld world = led_by_a();
  world.isolate("b");
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  world.run(kLifetime + std::chrono::milliseconds(1));
  CHECK(world.error_of(call) == ErrorCode::kUnavailable);
}

TEST_CASE("a node that holds as many unfinished requests as it may answers busy") {
  ReplicaOptions options;
  options.desk.max_pending_bytes = 1000;
  ReplicaWorld world = led_by_a(options);
  world.isolate("b");
  CallNumber call;
  std::uint8_t taken = 0;
  for (; taken < 50; ++taken) {
    call = world.ask("b", ReplicaWorld::open_as(taken));
    if (world.is_answered(call)) break;
  }
  CHECK(world.error_of(call) == ErrorCode::kBusy);
  CHECK(taken > 0);
  CHECK(world.node("b").status(world.time()).pending == taken);
}

TEST_CASE("a leader that may take no more uncommitted entries answers its own clients busy (R14)") {
  ReplicaOptions options;
  options.bounds.uncommitted_bytes = 300;
  ReplicaWorld world = led_by_a(options);
  world.isolate("a");
  CHECK_FALSE(world.is_answered(world.ask("a", ReplicaWorld::open_as(1))));
  CallNumber call;
  for (std::uint8_t n = 2; n < 10 && !world.is_answered(call); ++n) call = world.ask("a", ReplicaWorld::open_as(n));
  CHECK(world.error_of(call) == ErrorCode::kBusy);
}

// Busy says that this copy was not taken; of one that an earlier leader may have, that would be a lie.
TEST_CASE("a request that an earlier leader may have is not answered busy by the node that leads next") {
  ReplicaOptions options;
  options.bounds.uncommitted_bytes = 40;  // a leader's first entry fills it
  ReplicaWorld world = led_by_a(options);
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  world.deliver("b", "a");
  world.isolate("a");
  for (int i = 0; i < 20 && !world.leads("b"); ++i) {
    world.tick("b");
    for (int turn = 0; turn < 2; ++turn) {
      world.deliver("b", "c");
      world.deliver("c", "b");
    }
  }
  REQUIRE(world.leads("b"));
  CHECK_FALSE(world.is_answered(call));
  world.run(kLifetime);
  CHECK(world.error_of(call) == ErrorCode::kUnavailable);
}

TEST_CASE("what a leader had no room for, and may not call busy, is proposed when there is room") {
  ReplicaOptions options;
  options.bounds.uncommitted_bytes = 200;  // room for one Open
  ReplicaWorld world = led_by_a(options);
  const CallNumber first = world.ask("b", ReplicaWorld::open_as(1));
  const CallNumber second = world.ask("b", ReplicaWorld::open_as(2));
  world.crash("a");
  world.drop_all();
  world.elect("b");
  world.run(kMaxTimeout + std::chrono::milliseconds(100));
  CHECK(world.is_answered(first));
  REQUIRE(world.is_answered(second));
  CHECK(std::holds_alternative<locks::SessionOpened>(world.reply_to(second).body));
}

TEST_CASE("what comes while a node may not speak is handed on as soon as it may (R1)") {
  ReplicaWorld world({"a", "b", "c", "d", "e"});
  world.elect("a");
  world.crash("a");
  world.disk_is_late("b", true);
  world.elect("c");  // by d and e; b's new term is on its way to its disk
  const CallNumber call = world.ask("b", ReplicaWorld::open_as(1));
  world.deliver();
  CHECK_FALSE(world.is_answered(call));
  CHECK(world.node("b").next_deadline() > world.time());  // it does not spin meanwhile
  world.disk_is_late("b", false);
  world.deliver();
  CHECK(world.is_answered(call));
}

TEST_CASE("a TTL is 0, or a second to a day; nothing of another reaches the log (L1)") {
  ReplicaWorld world = led_by_a();
  for (const std::uint32_t ttl_ms : {1u, 999u, 86'400'001u}) {
    CHECK(world.error_of(world.ask("b", ReplicaWorld::open_as(1, ttl_ms))) == ErrorCode::kInvalidTtl);
  }
  CHECK(world.in_flight<raft::Forward>("b", "a").empty());
  std::uint8_t client = 1;
  for (const std::uint32_t ttl_ms : {0u, 1000u, 86'400'000u}) {
    const CallNumber call = world.ask("b", ReplicaWorld::open_as(client++, ttl_ms));
    world.deliver();
    CHECK(std::holds_alternative<locks::SessionOpened>(world.reply_to(call).body));
  }
}

TEST_CASE("a client's secret is never in the log or in a message between nodes (L1)") {
  ReplicaWorld world = led_by_a();
  wire::OpenSession open = ReplicaWorld::open_as(1);
  for (std::size_t i = 0; i < open.secret.size(); ++i) open.secret[i] = static_cast<std::uint8_t>(0xa0 + i);
  const std::string secret(open.secret.begin(), open.secret.end());
  world.ask("b", open);
  const auto forwards = world.in_flight<raft::Forward>("b", "a");
  REQUIRE(forwards.size() == 1);
  CHECK(forwards[0].commands[0].find(secret) == std::string::npos);
  world.deliver();
  const raft::Entry& entry = world.disk("c").entries.back();
  REQUIRE(std::holds_alternative<raft::Command>(entry.body));
  CHECK(std::get<raft::Command>(entry.body).bytes.find(secret) == std::string::npos);
}

TEST_CASE("an unfinished request of a client that was answered elsewhere does not disturb") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1);
  world.isolate("b");
  const CallNumber lost = world.ask("b", ReplicaWorld::preempt(session, 1, "lock"));
  const CallNumber retried = world.ask("c", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver();
  CHECK(std::holds_alternative<locks::Granted>(world.reply_to(retried).body));
  world.heal();
  world.run(std::chrono::seconds(3));
  CHECK(world.answer_to<locks::Granted>(lost) == world.answer_to<locks::Granted>(retried));
}

// --- reads ---

TEST_CASE("a local check is answered at once from the node's own state, with its age") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1);
  world.ask("a", ReplicaWorld::preempt(session, 1, "lock"));
  world.run(std::chrono::seconds(1));
  world.isolate("c");
  world.advance(std::chrono::milliseconds(100));
  const CallNumber call = world.ask("c", check("lock"));
  const auto answer = world.answer_to<wire::CheckAnswer>(call);
  REQUIRE(answer.lock);
  CHECK(answer.lock->holders.at(0).owner == client(1));
  REQUIRE(answer.age_ms);
  CHECK(*answer.age_ms >= 100);
  CHECK(*answer.age_ms <= 650);
  CHECK(world.reply_to(call).applied == world.node("c").applied_index());
}

TEST_CASE("the age of a node that is cut off grows, and that of the others stays below the interval") {
  ReplicaWorld world = led_by_a();
  world.run(std::chrono::seconds(1));
  world.isolate("c");
  for (int i = 0; i < 20; ++i) {
    world.run(std::chrono::milliseconds(130));
    for (const char* name : {"a", "b"}) {
      const auto age = world.node(name).status(world.time()).age_ms;
      REQUIRE(age);
      CHECK(*age <= 500);
    }
  }
  CHECK(*world.node("c").status(world.time()).age_ms >= 2600);
}

TEST_CASE("after its start a node answers no read until it caught up with a live leader") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1);
  world.crash("c");
  world.ask("a", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver();
  world.start("c");
  const CallNumber call = world.ask("c", check("lock"));
  CHECK_FALSE(world.is_answered(call));
  world.run(std::chrono::milliseconds(100));
  CHECK(world.answer_to<wire::CheckAnswer>(call).lock);
}

TEST_CASE("a check waits for the index that its client has seen, so that its reads never go back") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1);
  const CallNumber granted = world.ask("a", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver("a", "b");
  world.deliver("b", "a");
  const LogIndex seen = world.reply_to(granted).applied;
  CHECK_FALSE(world.answer_to<wire::CheckAnswer>(world.ask("c", check("lock"))).lock);
  const CallNumber call = world.ask("c", check("lock", wire::ReadMode::kLocal, seen));
  CHECK_FALSE(world.is_answered(call));
  world.deliver();
  CHECK(world.answer_to<wire::CheckAnswer>(call).lock);
  CHECK(world.reply_to(call).applied >= seen);
}

TEST_CASE("a linearizable check sees what was complete before it was asked, at any node (L2)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1);
  const CallNumber granted = world.ask("a", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver("a", "b");
  world.deliver("b", "a");
  REQUIRE(world.is_answered(granted));
  const CallNumber call = world.ask("c", linearizable("lock"));
  CHECK_FALSE(world.is_answered(call));
  world.deliver();
  world.run(std::chrono::milliseconds(300));
  CHECK(world.answer_to<wire::CheckAnswer>(call).lock);
}

TEST_CASE("a leader that is cut off answers no linearizable check; in the end it says unavailable") {
  ReplicaWorld world = led_by_a();
  world.isolate("a");
  const CallNumber call = world.ask("a", linearizable("lock"));
  world.run(kLifetime - std::chrono::milliseconds(1));
  CHECK_FALSE(world.is_answered(call));
  world.run(std::chrono::milliseconds(2));
  CHECK(world.error_of(call) == ErrorCode::kUnavailable);
}

TEST_CASE("a linearizable check survives a change of leader") {
  ReplicaWorld world = led_by_a();
  world.crash("a");
  const CallNumber call = world.ask("b", linearizable("lock"));
  world.drop_all();
  world.elect("c");
  world.run(std::chrono::milliseconds(300));
  CHECK_FALSE(world.answer_to<wire::CheckAnswer>(call).lock);
}

TEST_CASE("a list is given in pages, and says whether there is more") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1);
  for (std::uint64_t n = 1; n <= 5; ++n) {
    world.ask("a", ReplicaWorld::preempt(session, n, "lock" + std::to_string(n)));
    world.deliver();
  }
  const auto page = [&](const std::string& after, std::uint32_t limit) {
    return world.answer_to<wire::ListAnswer>(world.ask("b", wire::ListRequest{"lock", after, limit, {}, {}}));
  };
  CHECK(page("", 3).locks.size() == 3);
  CHECK(page("", 3).more);
  CHECK(page("lock3", 3).locks.size() == 2);
  CHECK_FALSE(page("lock3", 3).more);
  CHECK_FALSE(page("", 5).more);
}

TEST_CASE("a count is answered from this node's own map, at least as new as asked") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    world.ask("a", ReplicaWorld::preempt(session, n, "lock" + std::to_string(n)));
    world.deliver();
  }
  const auto count = [&](const wire::CountRequest& request) {
    return world.answer_to<wire::CountAnswer>(world.ask("b", request)).count;
  };
  CHECK(count({"lock", "", {}, {}}) == locks::LockCount{3, 3, 0, ""});
  CHECK(count({"lock", "lock1", {}, {}}) == locks::LockCount{2, 2, 0, ""});
  CHECK(count({"other", "", {}, {}}) == locks::LockCount{});
}

// --- the rest ---

TEST_CASE("status says what a node knows, and rejected frames are counted") {
  ReplicaWorld world = led_by_a();
  world.open_session("a", 1);
  world.step("b", BadFrame{});
  const auto status = world.answer_to<wire::StatusAnswer>(world.ask("b", wire::StatusRequest{}));
  CHECK(status.name == "b");
  CHECK(status.role == wire::Role::kFollower);
  CHECK(status.leader == "a");
  CHECK(status.term == Term(2));
  CHECK(status.sessions == 1);
  CHECK(status.rejected_frames == 1);
  CHECK(status.commit_index == LogIndex(3));
  CHECK(status.applied_index == LogIndex(3));
  REQUIRE(status.members.size() == 3);
  CHECK(status.members[2] == wire::MemberStatus{"c", "tcp://c", world.id("c")});
}

TEST_CASE("while the cluster forms, requests are answered no_leader and status says so (R17)") {
  ReplicaOptions options;
  options.name = "a";
  options.initial_members = {{"a", ""}, {"b", ""}};
  Replica replica(options, raft::Restored{NodeId(1), {}, {}}, Now());
  const auto ask = [&](wire::RequestBody body) {
    replica.step(Now(), ClientRequest{ConnectionId(1), {CallNumber(1), std::move(body)}});
    const Output output = testing::output_of_turn(replica);
    REQUIRE(output.replies.size() == 1);
    return output.replies[0].response.body;
  };
  CHECK(std::get<wire::ErrorAnswer>(ask(ReplicaWorld::open_as(1))).code == ErrorCode::kNoLeader);
  CHECK(std::get<wire::ErrorAnswer>(ask(check("lock"))).code == ErrorCode::kNoLeader);
  CHECK(std::get<wire::StatusAnswer>(ask(wire::StatusRequest{})).role == wire::Role::kForming);
}

TEST_CASE("a blank lone node forms, leads and serves without waiting (R17, R1)") {
  ReplicaOptions options;
  options.name = "a";
  options.initial_members = {{"a", ""}};
  Replica replica(options, raft::Restored{NodeId(1), {}, {}}, Now());
  for (int i = 0; i < 10; ++i) {
    if (replica.raft() != nullptr && replica.next_deadline() <= Time()) replica.step(Now(), Tick{});
    for (const raft::Write& write : testing::output_of_turn(replica).writes)
      replica.step(Now(), raft::Persisted{write.id});
  }
  REQUIRE(replica.raft() != nullptr);
  CHECK(replica.raft()->is_leader());
  CHECK(replica.applied_index() == LogIndex(2));
}

TEST_CASE("a formed node answers a blank Hello with entry 1, or says why not (R17)") {
  ReplicaWorld world = led_by_a();
  Replica node = world.node("b");
  const auto answer = [&](NodeId id, const std::string& name) {
    const raft::Message hello{ClusterId(), Term(), id, NodeId(), raft::Hello{name, {"a", "b", "c"}}};
    node.step(world.now(), PeerMessage{ConnectionId(9), hello});
    for (const raft::Outgoing& outgoing : testing::output_of_turn(node).messages) {
      if (outgoing.to == raft::Destination(raft::ToConnection{ConnectionId(9)})) return outgoing.message;
    }
    FAIL("a Hello is answered");
    return raft::Message();
  };
  const raft::Message known = answer(world.id("c"), "c");
  REQUIRE(std::holds_alternative<raft::Form>(known.body));
  CHECK(std::get<raft::Form>(known.body).configuration == node.raft()->configuration());
  CHECK(known.to == world.id("c"));
  CHECK(known.cluster == node.raft()->configuration().cluster);
  CHECK(std::holds_alternative<raft::HelloRefused>(answer(NodeId(99), "c").body));
}

// --- the other members ---

TEST_CASE("a node says Hello to the others until they have answered, and then never again") {
  ReplicaWorld world({"a", "b", "c"});
  world.isolate("c");
  std::map<std::string, std::size_t> hellos;
  const auto run_and_count = [&](Duration duration) {
    for (const Time end = world.time() + duration; world.time() < end;) {
      world.tick("b");
      for (const char* other : {"a", "c"}) hellos[other] += world.in_flight<raft::Hello>("b", other).size();
      world.deliver();
    }
  };
  run_and_count(std::chrono::seconds(5));
  CHECK(hellos["a"] == 1);
  CHECK(hellos["c"] == 0);  // nothing leaves
  world.heal();
  run_and_count(std::chrono::seconds(60));
  CHECK(hellos["a"] == 1);
  CHECK(hellos["c"] == 1);
}

TEST_CASE("a wrong `peer` of one member in one file is told by the node that has it, though the cluster serves") {
  ReplicaWorld world({"a", "b", "c"});
  world.misdirect("b", "c");
  world.elect("a");
  world.run(std::chrono::seconds(9));
  CHECK(std::count_if(world.notices("b").begin(), world.notices("b").end(),
                      [](const std::string& text) { return text.starts_with("c "); }) == 0);
  world.run(std::chrono::seconds(5));
  CHECK(
      world.notices("b").back().starts_with("c is heard, but nothing that this node sends to its `peer` tcp://c:peer"));
  for (const char* name : {"a", "c"}) {
    for (const std::string& text : world.notices(name)) CHECK(text.find("hear") == std::string::npos);
  }
  CHECK(world.open_session("b", 1));
}

TEST_CASE("a member that never came is told by the others, and that it came") {
  ReplicaWorld world({"a", "b", "c"});
  world.crash("c");
  world.elect("a");
  world.run(std::chrono::seconds(15));
  for (const char* name : {"a", "b"}) {
    CAPTURE(name);
    CHECK(world.notices(name).back().starts_with("c was never heard"));
  }
  world.start("c");
  world.run(std::chrono::seconds(5));
  CHECK(world.notices("b").back() == "c and this node hear each other now");
}

TEST_CASE("a node that is left alone says that it has no leader, and whom it does not hear") {
  ReplicaWorld world({"a", "b", "c"});
  world.elect("a");
  world.run(std::chrono::seconds(5));
  for (const char* name : {"a", "c"}) world.crash(name);
  world.run(std::chrono::seconds(20));
  CHECK(world.notices("b").back().starts_with("has had no leader for 1"));
  CHECK(world.notices("b").back().ends_with(" s: hears nothing from a, c"));
  world.start("c");
  world.run(std::chrono::seconds(20));
  CHECK(world.node("b").raft()->leader());
}

TEST_CASE("a wrong `publish` of the leader is told by the node that has it") {
  ReplicaWorld world({"a", "b", "c"});
  world.deafen("a", "b");
  world.elect("a");
  world.run(std::chrono::seconds(60));
  const auto& notices = world.notices("b");
  CHECK(std::any_of(notices.begin(), notices.end(), [](const std::string& text) {
    return text.starts_with("a leads, but is not heard at its `publish` tcp://a:publish");
  }));
}

TEST_CASE("replicas that applied the same entries have the same hash, after a restart too (R16)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    world.ask("b", ReplicaWorld::preempt(session, n, "lock" + std::to_string(n % 7)));
    world.deliver();
  }
  world.crash("c");
  world.start("c");
  world.run(std::chrono::seconds(1));
  const auto hash = world.node("a").state().hash();
  CHECK(world.node("b").state().hash() == hash);
  CHECK(world.node("c").state().hash() == hash);
  CHECK(world.node("c").applied_index() == world.node("a").applied_index());
}

TEST_CASE("a leader's heartbeat carries the hash of its state at the last multiple of the interval (R16)") {
  ReplicaOptions options;
  options.hash_interval = 8;
  ReplicaWorld world = led_by_a(options);
  const SessionId session = world.open_session("a", 1);
  for (std::uint64_t n = 1; world.node("a").applied_index() < LogIndex(8); ++n) {
    locks::Execute request = ReplicaWorld::preempt(session, n, "lock" + std::to_string(n));
    request.acknowledged_below = RequestNumber(n);
    world.ask("a", request);
    world.deliver();
  }
  world.tick("a");
  const auto heartbeats = world.in_flight<raft::Append>("a", "b");
  REQUIRE(!heartbeats.empty());
  REQUIRE(heartbeats.back().state_hash);
  CHECK(heartbeats.back().state_hash->index == LogIndex(8));
  world.deliver();  // and b, whose state is the same, lives on
  CHECK(world.node("b").applied_index() >= LogIndex(8));
}

TEST_CASE("a node is a value: a copy goes its own way, and the same events give the same output") {
  ReplicaWorld world = led_by_a();
  Replica one = world.node("b");
  Replica two = world.node("b");
  const ClientRequest request{ConnectionId(1), {CallNumber(1), ReplicaWorld::open_as(1)}};
  one.step(world.now(), request);
  two.step(world.now(), request);
  const Output of_one = testing::output_of_turn(one);
  const Output of_two = testing::output_of_turn(two);
  REQUIRE(of_one.messages.size() == of_two.messages.size());
  for (std::size_t i = 0; i < of_one.messages.size(); ++i) {
    CHECK(of_one.messages[i].message == of_two.messages[i].message);
  }
  CHECK(world.node("b").status(world.time()).pending == 0);
}

}  // namespace lockstep::replica_test

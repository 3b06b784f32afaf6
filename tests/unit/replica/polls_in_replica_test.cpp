// Long polls and pages at a whole cluster's nodes: waits, watches, history, sessions.
#include "protocol/replica/replica.hpp"

#include "replica_world.hpp"
#include "tests/support/output_of_turn.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::polls_in_replica_test {
namespace {

constexpr Duration ms(int count) { return std::chrono::milliseconds(count); }

// The first client holds "lock", the second stands in line for it.
struct Waiting : ReplicaWorld {
  SessionId holder;
  SessionId waiting;
  WaiterId waiter;

  explicit Waiting(const ReplicaOptions& options = ReplicaOptions(), std::uint32_t holder_ttl_ms = 0)
      : ReplicaWorld({"a", "b", "c"}, options) {
    elect("a");
    holder = open_session("b", 1, holder_ttl_ms);
    waiting = open_session("c", 2);
    take("b", holder, "lock");
    waiter = queue("c", waiting, "lock");
  }
  CallNumber wait_at(const std::string& name, std::uint32_t up_to_ms, LogIndex at_least = LogIndex()) {
    return ask(name, wire::Wait{waiting, waiter, up_to_ms, at_least});
  }
  CallNumber watch_at(const std::string& name, const std::string& prefix, LogIndex from,
                      std::uint32_t up_to_ms = 5000) {
    return ask(name, wire::WatchRequest{prefix, from, "", up_to_ms});
  }
};

}  // namespace

// --- Wait ---

TEST_CASE("a Wait at another node than the holder's is answered when the lock comes free, however it does") {
  for (const std::string how : {"release", "close", "force", "expiry"}) {
    CAPTURE(how);
    Waiting world({}, how == "expiry" ? 3000 : 0);
    const CallNumber call = world.wait_at("c", 20'000);
    world.run(ms(1000));
    CHECK_FALSE(world.is_answered(call));
    CHECK(world.node("c").status(world.time()).pending == 1);
    const SessionId operators = world.open_session("a", 9);
    if (how == "release") world.run<locks::Released>("b", world.holder, locks::Release{"lock"});
    if (how == "close") world.run<locks::Closed>("b", world.holder, locks::Close{});
    if (how == "force") world.run<locks::Released>("a", operators, locks::ForceRelease{"lock", ""});
    if (how == "expiry") world.run(ms(2500));
    const wire::Response& reply = world.reply_to(call);
    CHECK(reply.body == wire::ResponseBody(locks::Granted{token_granted_by(reply.applied)}));
    CHECK(world.node("a").state().check("lock")->holders.at(0).token == token_granted_by(reply.applied));
  }
}

TEST_CASE("a Wait whose time is over is answered with the place in line, not dropped") {
  Waiting world;
  const CallNumber call = world.wait_at("b", 2000);
  world.run(ms(1999));
  CHECK_FALSE(world.is_answered(call));
  world.run(ms(2));
  const auto queued = world.answer_to<locks::Queued>(call);
  CHECK(queued.waiter == world.waiter);
  CHECK(queued.position == 1);
  CHECK(queued.by.owner == ReplicaWorld::open_as(1).client);
  CHECK(world.answer_to<locks::Queued>(world.wait_at("a", 0)) == queued);  // at once, if that is asked for
}

TEST_CASE(
    "no Wait is held for longer than the protocol's limit: a longer one is refused, as it is where bytes arrive") {
  Waiting world;
  CHECK(world.error_of(world.wait_at("b", wire::kMaxPollMs + 1)) == ErrorCode::kBadRequest);
  const CallNumber call = world.wait_at("b", wire::kMaxPollMs);
  for (int i = 0; i < 13; ++i) {
    world.ask("c", wire::KeepAlive{world.waiting});
    world.run(ms(5000));
  }
  CHECK(std::holds_alternative<locks::Queued>(world.reply_to(call).body));
}

TEST_CASE("several Waits for one request are all answered, at several nodes") {
  Waiting world;
  std::vector<CallNumber> calls;
  for (const char* name : {"a", "b", "c", "c"}) calls.push_back(world.wait_at(name, 5000));
  world.run<locks::Released>("b", world.holder, locks::Release{"lock"});
  world.run(ms(100));
  for (const CallNumber call : calls)
    CHECK(world.answer_to<locks::Granted>(call) == world.answer_to<locks::Granted>(calls[0]));
}

TEST_CASE("a node that restarts loses only the poll: the next Wait, at any node, is answered") {
  Waiting world;
  const CallNumber lost = world.wait_at("c", 20'000);
  world.crash("c");
  world.run<locks::Released>("b", world.holder, locks::Release{"lock"});
  const CallNumber elsewhere = world.wait_at("a", 20'000);
  CHECK(std::holds_alternative<locks::Granted>(world.reply_to(elsewhere).body));
  world.start("c");
  const CallNumber again = world.wait_at("c", 20'000);
  CHECK_FALSE(world.is_answered(again));  // it does not know yet what it missed
  world.run(ms(200));
  CHECK(world.answer_to<locks::Granted>(again) == world.answer_to<locks::Granted>(elsewhere));
  CHECK_FALSE(world.is_answered(lost));
}

TEST_CASE("a Wait at a node that is behind is held until the request's own entry is applied there") {
  Waiting world;
  const SessionId third = world.open_session("a", 3);
  const CallNumber queued = world.ask("a", world.next_of(third, ReplicaWorld::acquire("lock")));
  world.deliver("a", "b");
  world.deliver("b", "a");
  const WaiterId waiter = world.answer_to<locks::Queued>(queued).waiter;
  REQUIRE(world.node("c").applied_index() < world.node("a").applied_index());
  const CallNumber call = world.ask("c", wire::Wait{third, waiter, 0, {}});
  CHECK_FALSE(world.is_answered(call));
  world.deliver();
  CHECK(world.answer_to<locks::Queued>(call).position == 2);
}

TEST_CASE("a Wait for what its client has seen, at a node that never gets there, is unavailable in the end") {
  Waiting world;
  const CallNumber call = world.wait_at("c", 60'000, LogIndex(1000));
  world.run(std::chrono::seconds(10) + ms(1));
  CHECK(world.error_of(call) == ErrorCode::kUnavailable);
}

TEST_CASE("a Wait for a request that was cancelled, or is another's, is waiter_gone") {
  Waiting world;
  const CallNumber held = world.wait_at("b", 5000);
  const CallNumber others = world.ask("b", wire::Wait{world.holder, world.waiter, 5000, {}});
  CHECK(world.error_of(others) == ErrorCode::kWaiterGone);
  world.run<locks::Cancelled>("c", world.waiting, locks::Cancel{world.waiter});
  world.run(ms(100));
  CHECK(world.error_of(held) == ErrorCode::kWaiterGone);
  CHECK(world.error_of(world.wait_at("a", 5000)) == ErrorCode::kWaiterGone);
}

TEST_CASE("a Wait of a session that ended says how it ended (L8)") {
  Waiting world;
  const CallNumber held = world.wait_at("b", 5000);
  wire::OpenSession again = ReplicaWorld::open_as(2);
  again.nonce = 77;
  again.replaces = world.waiting;
  world.ask("a", again);
  world.run(ms(100));
  CHECK(world.error_of(held) == ErrorCode::kSessionSuperseded);
}

// Two entries applied in one step: what the first granted, the second may take.
TEST_CASE("a Wait is answered granted by the entry that granted it, whatever the next one does") {
  Waiting world;
  const SessionId operators = world.open_session("a", 9);
  const CallNumber call = world.wait_at("c", 5000);
  const LogIndex granted = world.node("a").applied_index().next();
  world.ask("a", world.next_of(world.holder, locks::Release{"lock"}));
  world.ask("a", world.next_of(operators, locks::ForceRelease{"lock", ""}));
  world.deliver("a", "b");
  world.deliver("b", "a");
  REQUIRE(world.node("a").applied_index() == granted.next());
  REQUIRE(world.node("c").applied_index() == granted.previous());
  world.deliver();
  CHECK(world.answer_to<locks::Granted>(call).token == token_granted_by(granted));
  CHECK(world.reply_to(call).applied == granted);
}

TEST_CASE("a node holds so many polls, then it is busy") {
  ReplicaOptions options;
  options.desk.max_polls = 2;
  Waiting world(options);
  CHECK_FALSE(world.is_answered(world.wait_at("c", 5000)));
  CHECK_FALSE(world.is_answered(world.watch_at("c", "", world.node("c").applied_index())));
  CHECK(world.error_of(world.wait_at("c", 5000)) == ErrorCode::kBusy);
  CHECK(world.error_of(world.watch_at("c", "", LogIndex())) == ErrorCode::kBusy);
  CHECK_FALSE(world.is_answered(world.wait_at("b", 5000)));
  world.run(ms(5000));
  CHECK(std::holds_alternative<locks::Queued>(world.reply_to(world.wait_at("c", 0)).body));
}

TEST_CASE("while the cluster forms, every kind of request is answered no_leader (R17)") {
  ReplicaOptions options;
  options.name = "a";
  options.initial_members = {{"a", ""}, {"b", ""}};
  Replica replica(options, raft::Restored{NodeId(1), {}, {}}, Now());
  const std::vector<wire::RequestBody> requests{wire::KeepAlive{SessionId(1)}, wire::Wait{}, wire::WatchRequest{},
                                                wire::HistoryRequest{}, wire::SessionsRequest{}};
  for (const wire::RequestBody& body : requests) {
    replica.step(Now(), ClientRequest{ConnectionId(1), {CallNumber(1), body}});
    const Output output = testing::output_of_turn(replica);
    REQUIRE(output.replies.size() == 1);
    CHECK(std::get<wire::ErrorAnswer>(output.replies[0].response.body).code == ErrorCode::kNoLeader);
  }
}

// --- Watch ---

TEST_CASE("a watch is told of every change as it is applied, and goes on at another node without a gap") {
  Waiting world;
  const auto first = world.answer_to<wire::WatchAnswer>(world.watch_at("c", "", LogIndex()));
  CHECK(first.reset);
  REQUIRE(first.locks.size() == 1);
  CHECK(first.locks[0].name == "lock");
  const CallNumber held = world.watch_at("c", "", first.index);
  CHECK_FALSE(world.is_answered(held));
  world.run<locks::Released>("b", world.holder, locks::Release{"lock"});
  world.run(ms(100));
  const auto second = world.answer_to<wire::WatchAnswer>(held);
  CHECK_FALSE(second.reset);
  REQUIRE(second.changes.size() == 2);  // its end, and the grant to who was next, in one entry
  CHECK(second.changes[0].ended == locks::EndReason::kReleased);
  CHECK(second.changes[1].owner == ReplicaWorld::open_as(2).client);
  world.take("a", world.holder, "more");
  const auto third = world.answer_to<wire::WatchAnswer>(world.watch_at("b", "", second.index));
  CHECK_FALSE(third.reset);
  REQUIRE(third.changes.size() == 1);
  CHECK(third.changes[0].name == "more");
}

TEST_CASE("a watch without news is answered empty when its time is over, with how far the node is") {
  Waiting world;
  const LogIndex from = world.node("c").applied_index();
  const CallNumber held = world.watch_at("c", "jobs/", from, 2000);
  world.take("b", world.holder, "other");
  world.run(ms(1990));
  CHECK_FALSE(world.is_answered(held));
  world.run(ms(20));
  const auto answer = world.answer_to<wire::WatchAnswer>(held);
  CHECK_FALSE(answer.reset);
  CHECK(answer.changes.empty());
  CHECK(answer.index == from.next());
}

TEST_CASE("a watch from an index that a node has not applied waits for it") {
  Waiting world;
  const CallNumber granted = world.ask("a", world.next_of(world.holder, locks::Preempt{"new"}));
  world.deliver("a", "b");
  world.deliver("b", "a");
  const LogIndex seen = world.reply_to(granted).applied;
  REQUIRE(world.node("c").applied_index() < seen);
  const CallNumber held = world.watch_at("c", "", seen, 0);
  CHECK_FALSE(world.is_answered(held));
  world.deliver();
  CHECK(world.answer_to<wire::WatchAnswer>(held).changes.empty());
  CHECK(world.answer_to<wire::WatchAnswer>(held).index == seen);
}

TEST_CASE("a watch from longer ago than a node remembers begins anew; a restarted node remembers from its log") {
  ReplicaOptions options;
  options.desk.kept_changes = 4;
  Waiting world(options);
  const LogIndex from = world.node("c").applied_index();
  for (int i = 0; i < 5; ++i) world.take("b", world.holder, "lock " + std::to_string(i));
  const auto answer = world.answer_to<wire::WatchAnswer>(world.watch_at("c", "", from));
  CHECK(answer.reset);
  CHECK(answer.locks.size() == 6);
  world.crash("b");
  world.start("b");
  const CallNumber early = world.watch_at("b", "", world.node("c").applied_index().previous());
  CHECK_FALSE(world.is_answered(early));
  world.run(ms(200));
  CHECK_FALSE(world.answer_to<wire::WatchAnswer>(early).reset);
  CHECK(world.answer_to<wire::WatchAnswer>(early).changes.size() == 1);
}

// --- History and Sessions ---

TEST_CASE("history and sessions are read at any node, in pages, and never from before what the client saw") {
  Waiting world;
  world.run<locks::Released>("b", world.holder, locks::Release{"lock"});
  const CallNumber released = world.ask("a", world.next_of(world.waiting, locks::Release{"lock"}));
  world.deliver("a", "b");
  world.deliver("b", "a");
  const LogIndex seen = world.reply_to(released).applied;
  const CallNumber early = world.ask("c", wire::HistoryRequest{"lock", 0, 1, seen});
  CHECK_FALSE(world.is_answered(early));
  world.deliver();
  const auto page = world.answer_to<wire::HistoryAnswer>(early);
  REQUIRE(page.events.size() == 1);
  CHECK(page.events[0].client == ReplicaWorld::open_as(1).client);
  CHECK(page.more);
  const CallNumber next = world.ask("b", wire::HistoryRequest{"lock", page.events[0].position, 1, seen});
  CHECK(world.answer_to<wire::HistoryAnswer>(next).events.at(0).client == ReplicaWorld::open_as(2).client);
  CHECK_FALSE(world.answer_to<wire::HistoryAnswer>(next).more);

  const auto sessions = world.answer_to<wire::SessionsAnswer>(world.ask("c", wire::SessionsRequest{{}, 1, {}}));
  REQUIRE(sessions.sessions.size() == 1);
  CHECK(sessions.sessions[0].session == world.holder);
  CHECK(sessions.more);
  const auto others = world.answer_to<wire::SessionsAnswer>(world.ask("c", wire::SessionsRequest{world.holder, 5, {}}));
  CHECK(others.sessions.at(0).session == world.waiting);
  CHECK_FALSE(others.more);
}

}  // namespace lockstep::polls_in_replica_test

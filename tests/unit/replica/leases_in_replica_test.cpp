// Leases in a whole cluster: who may end a session, when a renewal counts, and what neither ever does.
#include "protocol/replica/replica.hpp"

#include "replica_world.hpp"
#include "tests/support/output_of_turn.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::leases_in_replica_test {
namespace {

constexpr std::uint32_t kTtl = 3000;
const std::vector<std::string> kNodes{"a", "b", "c"};

constexpr Duration ms(int count) { return std::chrono::milliseconds(count); }

ReplicaWorld led_by_a(const ReplicaOptions& options = ReplicaOptions()) {
  ReplicaWorld world(kNodes, options);
  world.elect("a");
  return world;
}

ReplicaWorld alone() {
  ReplicaWorld world({"a"});
  world.elect("a");
  return world;
}

bool lives(const ReplicaWorld& world, const std::string& name, SessionId session) {
  return world.node(name).state().sessions().find(session) != nullptr;
}

bool lives_everywhere(const ReplicaWorld& world, SessionId session) {
  return lives(world, "a", session) && lives(world, "b", session) && lives(world, "c", session);
}

// Where a node's log says that a lease ran out.
std::vector<LogIndex> expiries(const ReplicaWorld& world, const std::string& name) {
  std::vector<LogIndex> found;
  const raft::Log& log = world.node(name).raft()->log();
  for (LogIndex index(1); index <= log.last_index(); index = index.next()) {
    const auto* command = std::get_if<raft::Command>(&log.at(index).body);
    if (command == nullptr) continue;
    if (std::holds_alternative<locks::Expire>(*wire::decode_command(command->bytes))) found.push_back(index);
  }
  return found;
}

bool is_kept_alive(const ReplicaWorld& world, CallNumber call) {
  return std::holds_alternative<wire::KeptAlive>(world.reply_to(call).body);
}

// `name` leads, and its first entry is on no disk but on its way to both.
void elect_with_late_disks(ReplicaWorld& world, const std::string& name, const std::string& voter) {
  for (const std::string& node : {name, voter}) world.disk_is_late(node, true);
  for (int i = 0; i < 1000 && !world.leads(name); ++i) {
    world.tick(name);
    world.deliver();
    for (const std::string& node : {name, voter}) {
      while (!world.leads(name) && world.disk_owes(node)) {
        world.persist(node);
        world.deliver();
      }
    }
  }
  REQUIRE(world.leads(name));
  REQUIRE_FALSE(world.node(name).raft()->leads_with_full_state());
}

}  // namespace

// --- how sessions end ---

TEST_CASE("a session that nobody renews ends on every node, at the same entry of the leader's (L4)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  world.take("b", session, "lock");
  world.run(ms(kTtl - 1));
  CHECK(lives_everywhere(world, session));
  world.run(ms(300));
  REQUIRE(expiries(world, "a").size() == 1);
  for (const std::string& name : kNodes) {
    CHECK_FALSE(lives(world, name, session));
    CHECK_FALSE(world.node(name).state().check("lock"));
    CHECK(expiries(world, name) == expiries(world, "a"));
    CHECK(world.node(name).state().hash() == world.node("a").state().hash());
  }
  const CallNumber call = world.ask("c", ReplicaWorld::preempt(session, 9, "x"));
  world.deliver();
  CHECK(world.error_of(call) == ErrorCode::kSessionExpired);
  world.run(ms(10'000));
  CHECK(expiries(world, "a").size() == 1);
}

TEST_CASE("a session that is renewed stays, through whichever node") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  for (int i = 0; i < 20; ++i) {
    world.run(ms(kTtl - 500));
    const CallNumber call = world.ask(kNodes[static_cast<std::size_t>(i) % 3], wire::KeepAlive{session});
    world.run(ms(100));
    REQUIRE(is_kept_alive(world, call));
  }
  CHECK(lives_everywhere(world, session));
  CHECK(expiries(world, "a").empty());
}

TEST_CASE("a session of TTL 0 that waits for nothing never ends") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1);
  world.take("b", session, "lock");
  world.run(std::chrono::minutes(2));
  CHECK(lives_everywhere(world, session));
  CHECK(expiries(world, "a").empty());
}

TEST_CASE("a takeover begins a full lease, and the earlier session's is forgotten (L1)") {
  ReplicaWorld world = led_by_a();
  const SessionId first = world.open_session("b", 1, kTtl);
  world.run(ms(kTtl - 500));
  wire::OpenSession again = ReplicaWorld::open_as(1, kTtl);
  again.nonce = 77;
  again.replaces = first;
  const CallNumber call = world.ask("c", again);
  world.run(ms(kTtl - 500));
  const SessionId second = world.answer_to<locks::SessionOpened>(call).session;
  CHECK(lives_everywhere(world, second));
  CHECK(expiries(world, "a").empty());
  world.run(ms(1000));
  CHECK_FALSE(lives(world, "a", second));
}

TEST_CASE("the leader, and nobody else, keeps a lease of each session that needs one, and of no other") {
  ReplicaWorld world = led_by_a();
  const auto leases = [&] {
    CHECK(world.node("b").lease_count() == 0);
    return world.node("a").lease_count();
  };
  const SessionId holder = world.open_session("b", 1);
  const SessionId operators = world.open_session("b", 2);
  CHECK(leases() == 0);
  const SessionId first = world.open_session("b", 3, kTtl);
  const SessionId second = world.open_session("c", 4, kTtl);
  CHECK(leases() == 2);
  world.run<locks::Closed>("b", first, locks::Close{});
  CHECK(leases() == 1);
  world.run<locks::Closed>("b", operators, locks::CloseSession{second, ""});
  CHECK(leases() == 0);

  const SessionId earlier = world.open_session("b", 5, kTtl);
  wire::OpenSession again = ReplicaWorld::open_as(5, kTtl);
  again.nonce = 77;
  again.replaces = earlier;
  world.ask("b", again);
  world.deliver();
  CHECK(leases() == 1);
  world.run(ms(kTtl + 300));
  CHECK(leases() == 0);

  world.take("b", holder, "x");
  const WaiterId granted = world.queue("b", operators, "x");
  CHECK(leases() == 1);
  world.run<locks::Released>("b", holder, locks::Release{"x"});  // by the other's request
  CHECK(world.node("a").state().waiter_state(operators, granted) ==
        locks::WaiterState(locks::Granted{token_granted_by(world.node("a").applied_index())}));
  CHECK(leases() == 0);
  const WaiterId cancelled = world.queue("b", holder, "x");
  CHECK(leases() == 1);
  world.run<locks::Cancelled>("b", holder, locks::Cancel{cancelled});
  CHECK(leases() == 0);

  world.open_session("b", 6, 60'000);
  world.crash("b");
  world.isolate("a");
  for (int i = 0; i < 100 && world.leads("a"); ++i) world.tick("a");
  CHECK(world.node("a").lease_count() == 0);
}

TEST_CASE("a new leader gives every session its full TTL (L6)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  world.run(ms(kTtl - 200));
  world.crash("a");
  world.elect("b");
  world.run(ms(kTtl - 1));
  CHECK(lives(world, "b", session));
  world.run(ms(300));
  CHECK_FALSE(lives(world, "b", session));
  CHECK_FALSE(lives(world, "c", session));
}

TEST_CASE("a leader without a quorum appends no Expire, and ends nobody when it is heard again (L4, L5)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, 1000);
  world.run(ms(800));
  world.isolate("a");
  for (int i = 0; i < 40 && world.leads("a"); ++i) world.tick("a");
  CHECK_FALSE(world.leads("a"));  // R10: after a second
  CHECK(expiries(world, "a").empty());
  CHECK(lives(world, "a", session));
}

// What it does not know yet may be a takeover, or the session's end.
TEST_CASE("a leader ends nobody before its own first entry is applied, and then gives full TTLs (R6, L6)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, 1000);
  world.crash("a");
  elect_with_late_disks(world, "b", "c");
  world.disk_is_late("b", false);
  world.run(ms(3000));
  REQUIRE(world.leads("b"));
  CHECK(expiries(world, "b").empty());
  world.disk_is_late("c", false);
  world.run(ms(999));
  CHECK(expiries(world, "b").empty());
  world.run(ms(300));
  CHECK(expiries(world, "b").size() == 1);
  CHECK_FALSE(lives(world, "c", session));
}

TEST_CASE("while peers' messages wait to be read nobody's lease runs out (L5)") {
  ReplicaWorld world = alone();
  const SessionId session = world.open_session("a", 1, 1000);
  for (int i = 0; i < 200; ++i) {
    world.advance(ms(50));
    world.step("a", Tick{false});
  }
  CHECK(lives(world, "a", session));
  world.run(ms(1300));
  CHECK_FALSE(lives(world, "a", session));
}

TEST_CASE("a node that was stopped for an hour ends nobody: renewals count again first (L5)") {
  ReplicaWorld world = alone();
  const SessionId session = world.open_session("a", 1, 1000);
  world.advance(std::chrono::hours(1));
  world.step("a", Tick{});
  CHECK(lives(world, "a", session));
  CHECK(is_kept_alive(world, world.ask("a", wire::KeepAlive{session})));
  world.run(ms(999));
  CHECK(lives(world, "a", session));
}

TEST_CASE("a lease runs at a leader that is never idle, too") {
  ReplicaWorld world = led_by_a();
  const SessionId dead = world.open_session("b", 1, 1000);
  const SessionId busy = world.open_session("a", 2);
  for (int i = 0; i < 130; ++i) {  // each proposal puts the next heartbeat off
    world.ask("a", world.next_of(busy, locks::Preempt{"lock " + std::to_string(i)}));
    world.run(ms(10));
  }
  CHECK_FALSE(lives(world, "a", dead));
}

TEST_CASE("an Expire for which the leader has no room is appended when there is room") {
  ReplicaOptions options;
  options.bounds.uncommitted_bytes = 300;
  ReplicaWorld world = led_by_a(options);
  const SessionId session = world.open_session("b", 1, 1000);
  world.disk_is_late("b", true);
  world.disk_is_late("c", true);
  for (std::uint8_t n = 2; n < 10; ++n) world.ask("a", ReplicaWorld::open_as(n));
  world.run(ms(1500));
  CHECK(expiries(world, "a").empty());
  world.disk_is_late("b", false);
  world.disk_is_late("c", false);
  world.run(ms(300));
  CHECK(expiries(world, "a").size() == 1);
  CHECK_FALSE(lives(world, "c", session));
}

// etcd #12528 and #15247: a revoke that a stalled former leader forwarded killed live leases.
TEST_CASE("nobody but the leader itself can put an Expire into its log (L4)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  const std::string forged = wire::encode(locks::Command(locks::Expire{session, false}));
  const raft::Message message{ClusterId(77), world.node("b").raft()->term(), world.id("b"), world.id("a"),
                              raft::Forward{CallNumber(1), {forged}}};
  const auto decoded = wire::decode_message(wire::encode(message));
  REQUIRE_FALSE(decoded);
  CHECK(wire::to_string(decoded.error()).find("only a leader makes an expire") != std::string::npos);
  // A client has no words for it: no request is or contains one, whatever its type's number.
  CHECK_FALSE(wire::decode_request(forged));
  for (unsigned type = 0; type < 128; ++type) {
    const std::string frame{'\x95', '\x01', static_cast<char>(type), '\x07', '\x05', '\xc2'};  // session 5, false
    if (const auto request = wire::decode_request(frame)) {
      const auto* execute = std::get_if<locks::Execute>(&request->body);
      CHECK(execute == nullptr);
    }
  }
}

// --- when a renewal counts ---

TEST_CASE("renewals write nothing to any disk (L2)") {
  ReplicaWorld world = led_by_a();
  std::vector<SessionId> sessions;
  for (std::uint8_t n = 1; n <= 10; ++n) sessions.push_back(world.open_session("b", n, kTtl));
  world.run(ms(100));
  std::map<std::string, std::size_t> writes;
  for (const std::string& name : kNodes) writes[name] = world.writes(name);
  for (int i = 0; i < 10; ++i) {
    for (const SessionId session : sessions) {
      for (const std::string& name : kNodes) world.ask(name, wire::KeepAlive{session});
    }
    world.run(ms(500));
  }
  for (const std::string& name : kNodes) CHECK(world.writes(name) == writes[name]);
  for (const SessionId session : sessions) CHECK(lives_everywhere(world, session));
}

TEST_CASE("renewals of many clients leave a node as one barrier (L2)") {
  ReplicaWorld world = led_by_a();
  for (std::uint8_t n = 1; n <= 5; ++n) world.open_session("b", n, kTtl);
  world.run(ms(100));
  Replica node = world.node("b");
  for (std::uint64_t n = 1; n <= 5; ++n) {
    node.step(world.now(), ClientRequest{ConnectionId(n), {CallNumber(n), wire::KeepAlive{SessionId(n + 2)}}});
  }
  std::vector<std::size_t> renewals;
  for (const raft::Outgoing& outgoing : testing::output_of_turn(node).messages) {
    const auto* barrier = std::get_if<raft::Barrier>(&outgoing.message.body);
    if (barrier != nullptr) renewals.push_back(barrier->renewals.size());
  }
  CHECK(renewals == std::vector<std::size_t>{5});
}

TEST_CASE("a renewal that comes right after a barrier waits for the next one, and no longer") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  world.run(ms(100));
  world.ask("b", wire::KeepAlive{session});
  world.deliver();
  const CallNumber call = world.ask("b", wire::KeepAlive{session});
  world.deliver();
  CHECK_FALSE(world.is_answered(call));
  const Time asked = world.time();
  for (int i = 0; i < 100 && !world.is_answered(call); ++i) {
    world.tick("b");
    world.deliver();
  }
  CHECK(is_kept_alive(world, call));
  CHECK(world.time() <= asked + ms(50));
}

TEST_CASE("a renewal is acknowledged only when a quorum confirmed a round after it (L2)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  world.run(ms(600));
  const CallNumber call = world.ask("c", wire::KeepAlive{session});
  world.deliver("c", "a");  // the leader has it
  world.deliver("a", "c");
  CHECK_FALSE(world.is_answered(call));  // and asks the others whether it leads
  world.deliver("c", "a");
  world.deliver("a", "c");
  CHECK(is_kept_alive(world, call));
}

TEST_CASE("a leader that is cut off from its quorum acknowledges no renewal (L2)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("a", 1, kTtl);
  world.isolate("a");
  const CallNumber call = world.ask("a", wire::KeepAlive{session});
  for (int i = 0; i < 10; ++i) world.tick("a");
  CHECK(world.leads("a"));
  CHECK_FALSE(world.is_answered(call));
  for (int i = 0; i < 100 && world.leads("a"); ++i) world.tick("a");
  CHECK(world.error_of(call) == ErrorCode::kUnavailable);
}

TEST_CASE("no renewal is acknowledged before the leader's own first entry is applied (R6)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  world.crash("a");
  elect_with_late_disks(world, "b", "c");
  const CallNumber own = world.ask("b", wire::KeepAlive{session});
  const CallNumber others = world.ask("c", wire::KeepAlive{session});
  world.run(ms(300));
  CHECK_FALSE(world.is_answered(own));
  CHECK_FALSE(world.is_answered(others));
  world.disk_is_late("b", false);
  world.disk_is_late("c", false);
  world.run(ms(100));
  CHECK(is_kept_alive(world, own));
  CHECK(is_kept_alive(world, others));
}

TEST_CASE("once an Expire is appended no renewal is acknowledged, though it is not committed yet (L4)") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, 1000);
  world.disk_is_late("b", true);
  world.disk_is_late("c", true);
  world.run(ms(1300));
  REQUIRE(expiries(world, "a").size() == 1);
  REQUIRE(lives_everywhere(world, session));
  const CallNumber own = world.ask("a", wire::KeepAlive{session});
  const CallNumber others = world.ask("c", wire::KeepAlive{session});
  world.run(ms(300));
  CHECK(world.error_of(own) == ErrorCode::kUnavailable);
  CHECK(world.error_of(others) == ErrorCode::kUnavailable);
  world.disk_is_late("b", false);
  world.disk_is_late("c", false);
  world.run(ms(300));
  CHECK_FALSE(lives(world, "c", session));
  CHECK(world.error_of(own) == ErrorCode::kUnavailable);
  const CallNumber after = world.ask("c", wire::KeepAlive{session});
  world.run(ms(100));
  CHECK(world.error_of(after) == ErrorCode::kSessionExpired);
}

TEST_CASE("a renewal of a session that ended says how it ended") {
  ReplicaWorld world = led_by_a();
  const SessionId closed = world.open_session("b", 1, kTtl);
  world.run<locks::Closed>("b", closed, locks::Close{});
  const SessionId forced = world.open_session("b", 2, kTtl);
  const SessionId operators = world.open_session("c", 3);
  world.run<locks::Closed>("c", operators, locks::CloseSession{forced, "maintenance"});
  const auto error_of_renewal = [&](SessionId session) {
    const CallNumber call = world.ask("c", wire::KeepAlive{session});
    world.run(ms(100));
    return world.error_of(call);
  };
  CHECK(error_of_renewal(closed) == ErrorCode::kSessionClosed);
  CHECK(error_of_renewal(forced) == ErrorCode::kSessionForced);
  CHECK(error_of_renewal(SessionId(999)) == ErrorCode::kSessionExpired);
}

// The leader may be ahead of the index that it noted when it was asked.
TEST_CASE("a node that is told that a session ended must have applied the end before it answers") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  world.run(ms(600));
  const LogIndex before = world.node("a").applied_index();
  world.ask("b", wire::KeepAlive{SessionId(999)});
  world.deliver("b", "a");  // a round is under way
  const CallNumber call = world.ask("c", wire::KeepAlive{session});
  world.deliver("c", "a");  // and this one waits for the next
  world.ask("a", world.next_of(session, locks::Close{}));
  for (int i = 0; i < 3; ++i) {
    world.deliver("a", "b");
    world.deliver("b", "a");
  }
  REQUIRE(world.node("a").applied_index() > before);
  REQUIRE(lives(world, "c", session));
  const auto answers = world.in_flight<raft::BarrierAnswer>("a", "c");
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].renewals == std::vector{raft::Renewal::kDead});
  CHECK(answers[0].index == world.node("a").applied_index());
  world.deliver();
  CHECK(world.error_of(call) == ErrorCode::kSessionClosed);
}

TEST_CASE("a renewal tells whether an operator took a lock of the session") {
  ReplicaWorld world = led_by_a();
  const SessionId session = world.open_session("b", 1, kTtl);
  const SessionId operators = world.open_session("c", 2);
  world.take("b", session, "lock");
  const auto forced_at = [&] {
    const CallNumber call = world.ask("b", wire::KeepAlive{session});
    world.run(ms(100));
    return world.answer_to<wire::KeptAlive>(call).forced_at;
  };
  CHECK(forced_at() == LogIndex());
  world.run<locks::Released>("c", operators, locks::ForceRelease{"lock", "stuck"});
  CHECK(forced_at() == world.node("c").applied_index());
}

TEST_CASE("a renewal that found no leader in its lifetime is answered, and never sent twice (L3)") {
  ReplicaWorld world({"a", "b", "c"});
  world.isolate("b");
  const CallNumber call = world.ask("b", wire::KeepAlive{SessionId(5)});
  CHECK(world.node("b").status(world.time()).pending == 1);
  world.run(std::chrono::seconds(10) + ms(1));
  CHECK(world.error_of(call) == ErrorCode::kNoLeader);

  ReplicaWorld led = led_by_a();
  const SessionId session = led.open_session("b", 1, 60'000);
  led.run(ms(600));
  const CallNumber lost = led.ask("b", wire::KeepAlive{session});
  REQUIRE(led.in_flight<raft::Barrier>("b", "a").size() == 1);
  led.drop_all();
  std::size_t renewals = 0;
  for (int i = 0; i < 2000 && !led.is_answered(lost); ++i) {
    led.tick("b");
    for (const raft::Barrier& barrier : led.in_flight<raft::Barrier>("b", "a")) renewals += barrier.renewals.size();
    led.deliver();
  }
  CHECK(renewals == 0);
  CHECK(led.error_of(lost) == ErrorCode::kUnavailable);
}

TEST_CASE("a node has so many renewals under way, then it is busy") {
  ReplicaOptions options;
  options.desk.max_polls = 2;
  ReplicaWorld world(kNodes, options);
  CHECK_FALSE(world.is_answered(world.ask("b", wire::KeepAlive{SessionId(5)})));
  CHECK_FALSE(world.is_answered(world.ask("b", wire::KeepAlive{SessionId(6)})));
  CHECK(world.error_of(world.ask("b", wire::KeepAlive{SessionId(7)})) == ErrorCode::kBusy);
}

// --- waits of sessions of TTL 0 ---

TEST_CASE("the waits of a session of TTL 0 end after 10 s without a sign of life; its locks stay") {
  ReplicaWorld world = led_by_a();
  const SessionId holder = world.open_session("b", 1);
  const SessionId waiting = world.open_session("c", 2);
  world.take("b", holder, "lock");
  world.take("c", waiting, "mine");
  const WaiterId waiter = world.queue("c", waiting, "lock");
  world.run(ms(9'900));
  CHECK(world.node("b").state().waiter_state(waiting, waiter));
  world.run(ms(400));
  for (const std::string& name : kNodes) {
    CHECK_FALSE(world.node(name).state().waiter_state(waiting, waiter));
    CHECK(lives(world, name, waiting));
    CHECK(world.node(name).state().check("mine"));
    CHECK(world.node(name).state().check("lock"));
  }
  CHECK(world.error_of(world.ask("b", wire::Wait{waiting, waiter, 1000, {}})) == ErrorCode::kWaiterGone);
  world.run(ms(20'000));
  CHECK(expiries(world, "a").size() == 1);
}

TEST_CASE("a client that does nothing but wait keeps its place: a Wait that arrives is a sign of life") {
  ReplicaWorld world = led_by_a();
  const SessionId holder = world.open_session("b", 1);
  const SessionId waiting = world.open_session("c", 2);
  world.take("b", holder, "lock");
  const WaiterId waiter = world.queue("c", waiting, "lock");
  for (int i = 0; i < 12; ++i) {
    const CallNumber call = world.ask(kNodes[static_cast<std::size_t>(i) % 3], wire::Wait{waiting, waiter, 5000, {}});
    world.run(ms(5000));
    REQUIRE(world.answer_to<locks::Queued>(call).position == 1);
  }
  world.run<locks::Released>("b", holder, locks::Release{"lock"});
  CHECK(world.node("a").state().check("lock")->holders.at(0).session == waiting);
  world.run(std::chrono::minutes(1));  // and what it was granted stays
  CHECK(expiries(world, "a").empty());
  CHECK(world.node("a").state().check("lock"));
}

TEST_CASE("each time that a session of TTL 0 begins to wait it has its 10 s") {
  ReplicaWorld world = led_by_a();
  const SessionId holder = world.open_session("b", 1);
  const SessionId waiting = world.open_session("c", 2);
  world.take("b", holder, "x");
  world.take("b", holder, "y");
  world.queue("c", waiting, "x");
  world.run(ms(9'000));
  world.run<locks::Released>("b", holder, locks::Release{"x"});
  const WaiterId second = world.queue("c", waiting, "y");
  world.run(ms(9'900));
  CHECK(world.node("c").state().waiter_state(waiting, second));
  world.run(ms(400));
  CHECK_FALSE(world.node("c").state().waiter_state(waiting, second));
}

TEST_CASE("a session of TTL 0 that waits has 10 s from a new leader's election, too (L6)") {
  ReplicaWorld world = led_by_a();
  const SessionId holder = world.open_session("b", 1);
  const SessionId waiting = world.open_session("c", 2);
  world.take("b", holder, "lock");
  const WaiterId waiter = world.queue("c", waiting, "lock");
  world.run(ms(9'000));
  world.crash("a");
  world.elect("b");
  world.run(ms(9'900));
  CHECK(world.node("c").state().waiter_state(waiting, waiter));
  world.run(ms(400));
  CHECK_FALSE(world.node("c").state().waiter_state(waiting, waiter));
}

}  // namespace lockstep::leases_in_replica_test

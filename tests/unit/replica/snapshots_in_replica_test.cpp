// Compaction at a whole node, and what a node tells its clients whose state came in as a snapshot (S3, S6).
#include "protocol/replica/replica.hpp"

#include "replica_world.hpp"
#include "tests/support/output_of_turn.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::snapshots_in_replica_test {
namespace {

constexpr Duration ms(int count) { return std::chrono::milliseconds(count); }

ReplicaOptions that_compact_often() {
  ReplicaOptions options;
  options.compact_log_bytes = 300;
  return options;
}

// a leads; b and c follow.
struct Compacting : ReplicaWorld {
  SessionId session;
  explicit Compacting(const ReplicaOptions& options = that_compact_often()) : ReplicaWorld({"a", "b", "c"}, options) {
    elect("a");
    session = open_session("a", 1);
  }
  // So much that every log is compacted twice.
  void work() {
    for (int i = 0; i < 30; ++i) {
      take("a", session, "busy");
      run<locks::Released>("a", session, locks::Release{"busy"});
    }
    ReplicaWorld::run(ms(100));
  }
  using ReplicaWorld::run;
};

}  // namespace

TEST_CASE("a log is compacted when so much of it was applied, and begins after the older of two snapshots (S6)") {
  Compacting world;
  world.work();
  for (const char* name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(world.node(name).raft()->log().base().index > LogIndex(1));
    CHECK(world.disk(name).base == world.node(name).raft()->log().base());
    CHECK(world.disk(name).snapshot->head.index > world.disk(name).base.index);
  }
}

TEST_CASE("a node that starts from a snapshot has the same state, and says no more than it knows") {
  Compacting world;
  world.take("a", world.session, "kept");
  world.work();
  const std::uint64_t hash = world.node("a").state().hash();
  const LogIndex applied = world.node("b").applied_index();
  world.crash("b");
  world.start("b");
  CHECK(world.node("b").applied_index() == world.disk("b").snapshot->head.index);
  // Of changes before it nothing is known, so who watches from there begins anew.
  const CallNumber watch = world.ask("b", wire::WatchRequest{"", LogIndex(2), "", 5000});
  world.run(ms(300));
  CHECK(world.node("b").applied_index() >= applied);
  CHECK(world.node("b").state().hash() == hash);
  CHECK(world.answer_to<wire::WatchAnswer>(watch).reset);
}

TEST_CASE("a compaction that the disk had no room for is asked for again after as much log as before") {
  ReplicaOptions options = that_compact_often();
  options.name = "a";
  options.initial_members = {{"a", ""}};
  Replica alone(options, raft::Restored{NodeId(1), {}, {}}, Now());
  Now now;
  CallNumber call;
  int compactions = 0;
  const auto turn = [&](const Event& event) {
    alone.step(now, event);
    for (bool more = true; more;) {
      Output output = testing::output_of_turn(alone);
      more = !output.writes.empty();
      if (output.compaction) ++compactions;
      for (const raft::Write& write : output.writes) alone.step(now, raft::Persisted{write.id});
    }
  };
  const auto work = [&] {
    for (int i = 0; i < 50; ++i) {
      call = call.next();
      wire::OpenSession open = ReplicaWorld::open_as(static_cast<std::uint8_t>(call.value()));
      turn(ClientRequest{ConnectionId(1), {call, open}});
    }
  };
  for (int i = 0; i < 10; ++i) {
    now.time = alone.next_deadline();
    turn(Tick{});
  }
  REQUIRE(alone.raft() != nullptr);
  work();
  CHECK(compactions == 1);  // one at a time
  turn(raft::Compacted{});
  CHECK(compactions == 1);
  work();
  CHECK(compactions == 2);
}

TEST_CASE("whoever is held at a node whose state is replaced is answered by the new one") {
  Compacting world;
  const SessionId waiting = world.open_session("c", 2);
  const SessionId other = world.open_session("c", 3);
  world.take("a", world.session, "lock");
  world.take("a", world.session, "others");
  const WaiterId waiter = world.queue("c", waiting, "lock");
  const WaiterId still_waiting = world.queue("c", other, "others");
  world.run(ms(100));
  const LogIndex seen = world.node("c").applied_index();
  const CallNumber wait = world.ask("c", wire::Wait{waiting, waiter, 60'000, LogIndex()});
  const CallNumber other_wait = world.ask("c", wire::Wait{other, still_waiting, 60'000, LogIndex()});
  const CallNumber watch = world.ask("c", wire::WatchRequest{"lock", seen, "", 60'000});
  world.run(ms(100));
  REQUIRE_FALSE(world.is_answered(wait));
  REQUIRE_FALSE(world.is_answered(watch));

  world.isolate("c");
  // A request that c has handed on: the leader has it, and c does not hear what became of it.
  world.run<locks::Released>("a", world.session, locks::Release{"lock"});
  world.work();
  REQUIRE(world.node("a").raft()->log().base().index > seen);
  world.heal();
  world.run(ms(3000));

  CHECK(world.node("c").raft()->log().base().index > seen);
  CHECK(world.node("c").state().hash() == world.node("a").state().hash());
  CHECK(std::holds_alternative<locks::Granted>(world.reply_to(wait).body));
  CHECK_FALSE(world.is_answered(other_wait));
  const auto changes = world.answer_to<wire::WatchAnswer>(watch);
  CHECK(changes.reset);
  REQUIRE(changes.locks.size() == 1);
  CHECK(changes.locks[0].owner == ReplicaWorld::open_as(2).client);
}

TEST_CASE("a request that a snapshot stands for is answered from its session's table") {
  Compacting world;
  const SessionId session = world.open_session("c", 2);
  world.run(ms(100));
  // The leader and b have its entry; c never hears so.
  const CallNumber call = world.ask("c", ReplicaWorld::preempt(session, 1, "lock"));
  world.deliver("c", "a");
  world.isolate("c");
  world.deliver();
  world.work();
  REQUIRE(world.node("a").state().check("lock"));
  REQUIRE_FALSE(world.is_answered(call));
  world.heal();
  world.run(ms(5000));
  const auto holders = world.node("a").state().check("lock")->holders;
  REQUIRE(holders.size() == 1);
  CHECK(world.answer_to<locks::Granted>(call).token == holders[0].token);
}

TEST_CASE("a snapshot that cannot be read is not installed, and is fetched again") {
  Compacting world;
  world.run(ms(100));
  world.isolate("c");
  world.work();
  world.heal();
  const LogIndex before = world.node("c").applied_index();
  for (int i = 0; i < 50 && world.in_flight<raft::SnapshotPart>("a", "c").empty(); ++i) {
    world.tick("a");
    world.deliver("a", "c");
    world.deliver("c", "a");
  }
  const auto parts = world.in_flight<raft::SnapshotPart>("a", "c");
  REQUIRE(parts.size() == 1);
  raft::SnapshotPart damaged = parts[0];
  damaged.bytes[damaged.bytes.size() / 2] ^= 1;
  world.drop_all();
  world.step("c", PeerMessage{ConnectionId(1),
                              {ClusterId(77), world.node("a").raft()->term(), world.id("a"), world.id("c"), damaged}});
  CHECK(world.node("c").applied_index() == before);
  CHECK(world.node("c").raft()->log().base().index <= before);
  world.run(ms(1000));
  CHECK(world.node("c").state().hash() == world.node("a").state().hash());
}

}  // namespace lockstep::snapshots_in_replica_test

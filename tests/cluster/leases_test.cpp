// Goal: a lock is free soon after its holder is gone, never before its holder knows, and who waits gets it.
// Method: clients with leases of real nodes; holders that vanish, close, or are cut off; nodes that die meanwhile.
#include <doctest/doctest.h>

#include <future>

#include "nodes/client/lock.hpp"
#include "nodes/system/clock.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using namespace std::chrono_literals;
using lockstep::testing::Cluster;
using lockstep::testing::kPatience;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

constexpr Duration kTtl = 2s;

SessionId open_for_a_ttl(testing::RawClient& raw, std::uint8_t who) {
  wire::OpenSession open;
  open.client.bytes[15] = who;
  open.secret.fill(who);
  open.nonce = who;
  open.ttl_ms = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(kTtl).count());
  return raw.ask_for<locks::SessionOpened>(open).session;
}

// What a process that was killed leaves behind: a session that nobody renews.
SessionId hold_without_renewals(Cluster& cluster, const std::string& node, const std::string& lock, std::uint8_t who) {
  auto raw = cluster.raw_client(node);
  const SessionId session = open_for_a_ttl(raw, who);
  const locks::Execute preempt{session, RequestNumber(1), RequestNumber(1), locks::Preempt{lock}};
  REQUIRE(std::holds_alternative<locks::Granted>(raw.ask(preempt).body));
  return session;
}

struct Grant {
  Expected<AcquireAnswer> answer;
  Time at{};
};

// Stands in line on a thread of its own; returns once it does.
std::future<Grant> stand_in_line(Client& client, const std::string& lock) {
  auto queued = std::make_shared<std::promise<void>>();
  auto is_queued = queued->get_future();
  AcquireOptions options;
  options.on_progress = [queued, told = false](const AcquireProgress&) mutable {
    if (!std::exchange(told, true)) queued->set_value();
  };
  auto grant = std::async(std::launch::async, [&client, lock, options] {
    auto answer = client.acquire({lock}, options);
    return Grant{std::move(answer), boot_time()};
  });
  REQUIRE(is_queued.wait_for(kPatience) == std::future_status::ready);
  return grant;
}

void check_granted(const Grant& grant) {
  REQUIRE(grant.answer);
  CHECK(grant.answer->granted);
}

}  // namespace

TEST_CASE("the lock of a holder that is gone is granted to the next in line within its TTL and a second") {
  StartedCluster cluster(3);
  Client waiter = cluster.client(cluster.names(), kTtl);
  hold_without_renewals(cluster, "b", "lock", 1);
  const Time last_heard = boot_time();
  auto granted = stand_in_line(waiter, "lock");
  const Grant grant = granted.get();
  check_granted(grant);
  CHECK(grant.at - last_heard < kTtl + 1s);
  CHECK(grant.at - last_heard > kTtl * 8 / 10);
}

TEST_CASE("closing a session gives all it holds to the next in line, in one round") {
  StartedCluster cluster(3);
  Client holder = cluster.client({"a", "b"}, kTtl);
  Client one = cluster.client({"b", "c"}, kTtl);
  Client two = cluster.client({"c", "a"}, kTtl);
  REQUIRE(holder.acquire({"x", "y"})->granted);
  auto first = stand_in_line(one, "x");
  auto second = stand_in_line(two, "y");
  const Time start = boot_time();
  REQUIRE(holder.close());
  const Grant x = first.get();
  const Grant y = second.get();
  check_granted(x);
  check_granted(y);
  CHECK(x.answer->token == y.answer->token);  // of one entry
  CHECK(std::max(x.at, y.at) - start < 1s);
}

TEST_CASE("a renewed lease outlives its TTL, and renewals write nothing") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kTtl);
  REQUIRE(holder.preempt("kept")->granted);
  const auto before = holder.status();
  const Time end = boot_time() + 2 * kTtl;
  REQUIRE(wait_until([&] { return boot_time() > end; }));
  CHECK_FALSE(holder.lease().lost);
  CHECK(holder.check("kept")->lock);
  CHECK(cluster.status("a")->last_index == before->last_index);
}

TEST_CASE("a waiter keeps its place when the node that it waits at dies, and when the leader does") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kTtl);
  REQUIRE(holder.preempt("lock")->granted);
  const std::string follower = cluster.follower();
  std::vector<std::string> order = cluster.names_but(follower);
  order.insert(order.begin(), follower);
  Client first = cluster.client(order, kTtl);
  Client second = cluster.client(cluster.names(), kTtl);
  auto first_grant = stand_in_line(first, "lock");
  auto second_grant = stand_in_line(second, "lock");

  cluster.kill(follower);
  cluster.start(follower);
  REQUIRE(wait_until([&] { return cluster.status(follower).has_value(); }));
  const std::string leader = cluster.leader();
  cluster.kill(leader);
  REQUIRE(wait_until([&] { return holder.release("lock").has_value(); }));
  const Grant one = first_grant.get();
  check_granted(one);
  cluster.start(leader);
  REQUIRE(first.release("lock"));
  const Grant two = second_grant.get();
  check_granted(two);
  CHECK(two.answer->token > one.answer->token);
}

TEST_CASE("a waiter that died is passed over: the next one in line gets the lock") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kTtl);
  REQUIRE(holder.preempt("lock")->granted);
  // It stands in line, and is never heard of again.
  auto raw = cluster.raw_client("b");
  const SessionId dead = open_for_a_ttl(raw, 7);
  const locks::Execute acquire{dead, RequestNumber(1), RequestNumber(1), locks::Acquire{{"lock"}}};
  REQUIRE(std::holds_alternative<locks::Queued>(raw.ask(acquire).body));
  Client living = cluster.client(cluster.names(), kTtl);
  auto grant = stand_in_line(living, "lock");
  CHECK(holder.check("lock")->lock->waiter_count == 2);
  const auto has_expired = [&] { return holder.check("lock")->lock->waiter_count == 1; };
  REQUIRE(wait_until(has_expired));
  REQUIRE(holder.release("lock")->released);
  check_granted(grant.get());
}

TEST_CASE("a client that comes back after its lease is over is told so, and its lock is another's") {
  StartedCluster cluster(3);
  const SessionId gone = hold_without_renewals(cluster, "a", "lock", 3);
  Client next = cluster.client(cluster.names(), kTtl);
  check_granted(stand_in_line(next, "lock").get());
  auto raw = cluster.raw_client("c");
  for (const wire::RequestBody& body : std::vector<wire::RequestBody>{
           wire::KeepAlive{gone}, locks::Execute{gone, RequestNumber(2), RequestNumber(2), locks::Release{"lock"}}}) {
    CHECK(raw.ask_for<wire::Error>(body).code == ErrorCode::kSessionExpired);
  }
  CHECK(next.lease().safe_until);
  CHECK(next.check("lock")->lock->holders.at(0).owner == next.client_id());
}

TEST_CASE("a grant whose answer dies with a node is answered by another, with the same token") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kTtl);
  REQUIRE(holder.preempt("lock")->granted);
  const std::string leader = cluster.leader();
  std::vector<std::string> order = cluster.names_but(leader);
  order.insert(order.begin(), leader);
  Client waiter = cluster.client(order, kTtl);  // waits at the leader, which dies as the lock comes free
  auto grant = stand_in_line(waiter, "lock");
  cluster.pause(leader);
  auto released = std::async(std::launch::async, [&] { return holder.release("lock"); });
  cluster.resume(leader);
  cluster.kill(leader);
  REQUIRE(released.get());
  const Grant granted = grant.get();
  check_granted(granted);
  const auto view = waiter.check("lock", wire::ReadMode::kLinearizable);
  REQUIRE(view->lock);
  CHECK(view->lock->holders.at(0).token == granted.answer->token);
  CHECK(view->lock->holder_count == 1);
}

TEST_CASE("a lease survives a change of leader") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), 3s);
  auto lock = Lock::acquire(holder, {"lock"});
  REQUIRE(lock);
  const std::string leader = cluster.leader();
  cluster.kill(leader);
  cluster.leader();
  const auto before = lock->safe_until();
  REQUIRE(wait_until([&] { return lock->safe_until() > before; }));
  CHECK(lock->is_held());
  CHECK(lock->release());
}

TEST_CASE("without a quorum the holder knows that its lock is lost before anyone else can have it") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kTtl);
  auto lock = Lock::acquire(holder, {"lock"});
  REQUIRE(lock);
  std::promise<std::pair<LossReason, Time>> told;
  lock->on_lost([&](LossReason reason) { told.set_value({reason, boot_time()}); });
  const auto rest = cluster.names_but(cluster.leader());
  for (const std::string& name : rest) cluster.kill(name);
  auto lost = told.get_future();
  REQUIRE(lost.wait_for(kPatience) == std::future_status::ready);
  CHECK(lost.get().first == LossReason::kUnreachable);
  CHECK_FALSE(lock->is_held());
  CHECK_FALSE(lock->release());
  for (const std::string& name : rest) cluster.start(name);
  // It was lost for good: the cluster is told, or expires it, and the next one gets a higher token.
  const FencingToken token = lock->token();
  Client next = cluster.client(cluster.names(), kTtl);
  const auto answer = next.acquire({"lock"});
  REQUIRE(answer);
  CHECK(answer->granted);
  CHECK(answer->token > token);
}

TEST_CASE("an operator takes a lock: its holder is told so, and the history says who did it and why") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kTtl);
  Client operator_ = cluster.client(cluster.names());
  auto lock = Lock::acquire(holder, {"lock"});
  REQUIRE(lock);
  std::promise<LossReason> told;
  lock->on_lost([&](LossReason reason) { told.set_value(reason); });
  REQUIRE(operator_.force_release("lock", "stuck since noon")->released);
  auto lost = told.get_future();
  REQUIRE(lost.wait_for(kPatience) == std::future_status::ready);
  CHECK(lost.get() == LossReason::kForced);
  const auto history = operator_.history("lock");
  REQUIRE(history);
  REQUIRE(history->events.size() == 1);
  CHECK(history->events[0].reason == locks::EndReason::kForced);
  CHECK(history->events[0].by == operator_.client_id());
  CHECK(history->events[0].why == "stuck since noon");
  CHECK(history->events[0].client == holder.client_id());
}

// Goal: a lock is free soon after its holder is gone, never before its holder knows, and who waits gets it.
// Method: clients with leases of real nodes; holders that vanish, close, or are cut off; nodes that die meanwhile.
#include <doctest/doctest.h>

#include <future>
#include <mutex>

#include "lockstep/lock.hpp"
#include "nodes/system/clock.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using namespace std::chrono_literals;
using lockstep::testing::Cluster;
using lockstep::testing::kPatience;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

constexpr Duration kTtl = 3s;       // of a session that is to expire
constexpr Duration kLasting = 60s;  // of one that is not, however busy the machine

SessionId open_for_a_ttl(testing::RawClient& raw, std::uint8_t who, Duration ttl = kTtl) {
  wire::OpenSession open;
  open.client.bytes[15] = who;
  open.secret.fill(who);
  open.nonce = who;
  open.ttl_ms = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(ttl).count());
  return raw.ask_for<locks::SessionOpened>(open).session;
}

// What a process that was killed leaves behind: a session that nobody renews.
SessionId hold_without_renewals(Cluster& cluster, const std::string& node, const std::string& lock, std::uint8_t who,
                                Duration ttl = kTtl) {
  auto raw = cluster.raw_client(node);
  const SessionId session = open_for_a_ttl(raw, who, ttl);
  const locks::Execute preempt{session, RequestNumber(1), RequestNumber(1), locks::Preempt{lock}};
  REQUIRE(std::holds_alternative<locks::Granted>(raw.ask(preempt).body));
  return session;
}

// A worker that starts, perhaps again: with what it had stored when it was killed.
struct Worker {
  Worker(Cluster& cluster, std::uint8_t who, const SessionRecord& saved, Duration ttl)
      : client(create(cluster, who, ttl)) {
    SessionKeeper keeper;
    keeper.secret.fill(who);
    keeper.saved = saved;
    keeper.save = [kept = kept](const SessionRecord& session) -> tl::expected<void, std::string> {
      const std::lock_guard lock(kept->mutex);
      kept->saved = session;
      return {};
    };
    REQUIRE(client.keep_session(std::move(keeper)));
  }
  SessionRecord stored() const {
    const std::lock_guard lock(kept->mutex);
    return kept->saved;
  }

  struct Kept {
    std::mutex mutex;
    SessionRecord saved;
  };
  std::shared_ptr<Kept> kept = std::make_shared<Kept>();
  Client client;

 private:
  static Client create(Cluster& cluster, std::uint8_t who, Duration ttl) {
    ClientConfig config;
    config.endpoints.clear();
    for (const std::string& name : cluster.names()) config.endpoints.push_back(cluster.endpoints(name).client);
    config.context = cluster.context();
    config.client_id = ClientId();
    config.client_id->bytes[15] = who;
    config.ttl = ttl;
    config.keeps_session = true;
    auto client = Client::create(config);
    REQUIRE(client);
    return *std::move(client);
  }
};

SessionRecord with_session(SessionId session) {
  SessionRecord saved;
  saved.session = session;
  return saved;
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
  options.on_progress = [queued, told = false](const LineProgress&) mutable {
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

TEST_CASE("the lock of a holder that is gone is granted to the next in line, and not before its TTL") {
  StartedCluster cluster(3);
  Client waiter = cluster.client(cluster.names(), kLasting);
  const Time last_heard = boot_time();  // or later
  hold_without_renewals(cluster, "b", "lock", 1);
  auto granted = stand_in_line(waiter, "lock");
  const Grant grant = granted.get();
  check_granted(grant);
  CHECK(grant.at - last_heard >= kTtl);
}

TEST_CASE("closing a session gives all it holds to the next in line, in one round") {
  StartedCluster cluster(3);
  Client holder = cluster.client({"a", "b"}, kLasting);
  Client one = cluster.client({"b", "c"}, kLasting);
  Client two = cluster.client({"c", "a"}, kLasting);
  REQUIRE(holder.acquire({"x", "y"})->granted);
  auto first = stand_in_line(one, "x");
  auto second = stand_in_line(two, "y");
  REQUIRE(holder.close());
  const Grant x = first.get();
  const Grant y = second.get();
  check_granted(x);
  check_granted(y);
  CHECK(x.answer->token == y.answer->token);  // of one entry
}

TEST_CASE("a renewed lease outlives its TTL, and renewals write nothing") {
  StartedCluster cluster(3, testing::kNoElections);
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
  Client holder = cluster.client(cluster.names(), kLasting);
  REQUIRE(holder.preempt("lock")->granted);
  const std::string follower = cluster.follower();
  std::vector<std::string> order = cluster.names_but(follower);
  order.insert(order.begin(), follower);
  Client first = cluster.client(order, kLasting);
  Client second = cluster.client(cluster.names(), kLasting);
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
  Client holder = cluster.client(cluster.names(), kLasting);
  REQUIRE(holder.preempt("lock")->granted);
  // It stands in line, and is never heard of again.
  auto raw = cluster.raw_client("b");
  const SessionId dead = open_for_a_ttl(raw, 7, 8s);
  const locks::Execute acquire{dead, RequestNumber(1), RequestNumber(1), locks::Acquire{{"lock"}}};
  REQUIRE(std::holds_alternative<locks::Queued>(raw.ask(acquire).body));
  Client living = cluster.client(cluster.names(), kLasting);
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
  Client next = cluster.client(cluster.names(), kLasting);
  check_granted(stand_in_line(next, "lock").get());
  auto raw = cluster.raw_client("c");
  for (const wire::RequestBody& body : std::vector<wire::RequestBody>{
           wire::KeepAlive{gone}, locks::Execute{gone, RequestNumber(2), RequestNumber(2), locks::Release{"lock"}}}) {
    CHECK(raw.ask_for<wire::ErrorAnswer>(body).code == ErrorCode::kSessionExpired);
  }
  CHECK(next.lease().safe_until);
  CHECK(next.check("lock")->lock->holders.at(0).owner == next.client_id());
}

TEST_CASE("a grant whose answer dies with a node is answered by another, with the same token") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kLasting);
  REQUIRE(holder.preempt("lock")->granted);
  const std::string leader = cluster.leader();
  std::vector<std::string> order = cluster.names_but(leader);
  order.insert(order.begin(), leader);
  Client waiter = cluster.client(order, kLasting);  // waits at the leader, which dies as the lock comes free
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
  Client holder = cluster.client(cluster.names(), 15s);
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
  Client next = cluster.client(cluster.names(), kLasting);
  const auto answer = next.acquire({"lock"});
  REQUIRE(answer);
  CHECK(answer->granted);
  CHECK(answer->token > token);
}

TEST_CASE("an operator takes a lock: its holder is told so, and the history says who did it and why") {
  StartedCluster cluster(3);
  Client holder = cluster.client(cluster.names(), kLasting);
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

TEST_CASE("L1: a worker that restarts has its locks at once, with new tokens, and its earlier incarnation is refused") {
  StartedCluster cluster(3);
  constexpr Duration kLongTtl = 30s;
  Worker earlier(cluster, 9, {}, kLongTtl);
  REQUIRE(earlier.client.take_over()->empty());
  auto held = Lock::acquire(earlier.client, {"a", "b"});
  AcquireOptions shared;
  shared.mode = locks::Mode::kShared;
  auto also_held = Lock::acquire(earlier.client, {"c"}, shared);
  REQUIRE(held);
  REQUIRE(also_held);
  std::promise<LossReason> told;
  held->on_lost([&](LossReason reason) { told.set_value(reason); });
  Client other = cluster.client(cluster.names(), kLasting);
  auto next_in_line = stand_in_line(other, "a");

  const Time start = boot_time();
  Worker later(cluster, 9, earlier.stored(), kLongTtl);
  const auto came = later.client.take_over();
  REQUIRE(came);
  REQUIRE(came->size() == 3);
  CHECK((*came)[2].name == "c");
  CHECK((*came)[2].mode == locks::Mode::kShared);
  auto lock = std::optional(Lock::adopt(later.client, *came));
  CHECK(lock->is_held());
  CHECK(lock->token() > also_held->token());
  CHECK(*lock->safe_until() > start + kLongTtl * 9 / 10);  // a full TTL
  CHECK(other.check("a", wire::ReadMode::kLinearizable)->lock->holders.at(0).token == lock->token());

  // The earlier one goes on as if nothing had happened, until it hears of it.
  CHECK(earlier.client.preempt("d").error().is(ErrorCode::kSessionSuperseded));
  auto lost = told.get_future();
  REQUIRE(lost.wait_for(kPatience) == std::future_status::ready);
  CHECK(lost.get() == LossReason::kSuperseded);
  CHECK_FALSE(also_held->is_held());
  CHECK_FALSE(held->release());
  CHECK(lock->is_held());

  lock.reset();
  check_granted(next_in_line.get());
}

TEST_CASE("L1: a worker that was killed before its Open was answered has what that opened, through any node") {
  StartedCluster cluster(3);
  hold_without_renewals(cluster, "b", "lock", 5, 30s);
  SessionRecord saved;
  saved.open_nonce = 5;  // stored before it was sent; the answer was not heard
  Worker worker(cluster, 5, saved, 30s);
  const auto came = worker.client.take_over();
  REQUIRE(came);
  REQUIRE(came->size() == 1);
  CHECK(came->front().name == "lock");
  CHECK(worker.client.release("lock")->released);
}

TEST_CASE("a worker that comes back after its lease expired opens anew, and is told that its locks are gone") {
  StartedCluster cluster(3);
  for (const bool knew_its_session : {true, false}) {
    const std::uint8_t who = knew_its_session ? 6 : 7;
    SessionRecord saved = with_session(hold_without_renewals(cluster, "a", "lock", who));
    if (!knew_its_session) {
      saved = SessionRecord{};
      saved.open_nonce = who;
    }
    Client next = cluster.client(cluster.names(), kLasting);
    check_granted(stand_in_line(next, "lock").get());
    Worker worker(cluster, who, saved, kTtl);
    const auto came = worker.client.take_over();
    REQUIRE(came);
    CHECK(came->empty());
    CHECK_FALSE(worker.client.preempt("lock")->granted);
    CHECK(worker.client.preempt("free " + std::to_string(who))->granted);
    REQUIRE(next.release("lock"));
  }
}

TEST_CASE("L1: an earlier incarnation that missed its successor cannot fence it") {
  StartedCluster cluster(3);
  const SessionId first = hold_without_renewals(cluster, "a", "lock", 8, 30s);
  Worker successor(cluster, 8, with_session(first), 30s);
  const auto came = successor.client.take_over();
  REQUIRE(came);
  const Lock lock = Lock::adopt(successor.client, *came);
  Worker stale(cluster, 8, with_session(first), 30s);  // read the record before its successor stored
  const auto refused = stale.client.take_over();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().is(ErrorCode::kSessionConflict));
  CHECK(refused.error().current_session == successor.client.session());
  CHECK(lock.is_held());
  CHECK(successor.client.verify("lock", lock.token())->current);
}

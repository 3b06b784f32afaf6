#include <algorithm>

#include "tests/unit/client/scripted_client.hpp"

namespace lockstep::lease_test {
namespace {

constexpr Duration kCertain = 8820ms;  // 0.98 of 9 s

// A client whose session was opened by an Open sent now, with the lock "x" and nothing under way.
ScriptedClient with_lease(std::size_t endpoints, Duration ttl = 9s) {
  ScriptedClient client(options_with_lease(endpoints, ttl));
  client.open_by_preempting("x");
  client.events.clear();
  return client;
}

void acknowledge(ScriptedClient& client, const ClientSend& keep_alive, std::uint64_t forced_at = 0) {
  client.answer(keep_alive, wire::KeptAlive{LogIndex(forced_at)}, 12 + forced_at);
}

ClientSend last_keep_alive(const ScriptedClient& client) {
  REQUIRE_FALSE(client.sent_of<wire::KeepAlive>().empty());
  return client.sent_of<wire::KeepAlive>().back();
}

}  // namespace

TEST_CASE("L1: the Open carries the TTL and the note") {
  ScriptedClient client(options_with_lease(1));
  client.preempt("a");
  const auto& open = client.body_of<wire::OpenSession>(client.last());
  CHECK(open.ttl_ms == 9000);
  CHECK(open.note == "a test");
}

TEST_CASE("L3: the lease counts from the first send of the Open, 0.98 of the TTL") {
  ScriptedClient client(options_with_lease(2));
  const Time start = client.now;
  client.preempt("a");
  CHECK_FALSE(client.core.lease().safe_until);
  client.pass(1500ms);
  REQUIRE(client.sent.size() == 2);  // it was repeated after a second
  client.answer(client.last(), locks::SessionOpened{SessionId(10)}, 10);
  CHECK(client.core.lease().safe_until == start + kCertain);
  CHECK(client.events == std::vector<LeaseEvent>{LeaseRenewed{start + kCertain}});
}

TEST_CASE("L3: a session that an earlier Open of the same nonce may have opened counts from that one") {
  ScriptedClient client(options_with_lease(1));
  const Time start = client.now;
  client.preempt("a");
  client.refuse(client.last(), ErrorCode::kTooManySessions);
  client.pass(2s);
  client.sent.clear();
  client.preempt("a");
  client.answer(client.last(), locks::SessionOpened{SessionId(10)}, 10);
  CHECK(client.core.lease().safe_until == start + kCertain);
}

TEST_CASE("a grant that is heard after an operator took a lock is looked at") {
  ScriptedClient client = with_lease(1);
  const CallId call = client.preempt("b");
  const ClientSend preempt = client.last();
  client.pass(3s);
  acknowledge(client, last_keep_alive(client), 30);
  client.sent.clear();
  client.answer(preempt, locks::Granted{FencingToken(20)}, 20);
  CHECK(client.is_done(call));
  const auto checks = client.sent_of<wire::CheckRequest>();
  const auto is_of_b = [&](const ClientSend& send) { return client.body_of<wire::CheckRequest>(send).name == "b"; };
  CHECK(std::any_of(checks.begin(), checks.end(), is_of_b));
}

TEST_CASE("from the moment that a close leaves nothing counts as held") {
  ScriptedClient client = with_lease(1);
  client.core.close(client.now);
  CHECK(client.core.held().empty());
  const ClientOutput output = client.core.take_output();
  REQUIRE(output.lease_events.size() == 1);
  const auto& lost = std::get<LeaseLost>(output.lease_events.front());
  CHECK(lost.reason == LossReason::kClosed);
  CHECK(lost.locks.size() == 1);
}

TEST_CASE("a close has what it asked for when a keep-alive is told that the session is gone, in whatever way") {
  for (const ErrorCode code : {ErrorCode::kSessionClosed, ErrorCode::kSessionExpired, ErrorCode::kSessionSuperseded,
                               ErrorCode::kSessionForced}) {
    ScriptedClient client = with_lease(1);
    client.pass(3s);
    const ClientSend keep_alive = last_keep_alive(client);
    const CallId first = client.close();
    const CallId second = client.close();
    client.refuse(keep_alive, code);
    client.outcome<locks::Closed>(first);
    client.outcome<locks::Closed>(second);
    CHECK(client.events_of<LeaseLost>().size() == 1);
    CHECK(client.core.lease().lost == LossReason::kClosed);
    client.sent.clear();
    client.preempt("x");  // a later operation opens another one
    CHECK(client.body_of<wire::OpenSession>(client.last()).replaces == SessionId(10));
  }
  ScriptedClient unending(options_with(1));
  unending.open_by_preempting("x");
  const CallId other = unending.release("x");
  const CallId close = unending.close();
  unending.refuse(unending.sent.front(), ErrorCode::kSessionClosed);  // the close ran first
  unending.outcome<locks::Closed>(close);
  CHECK(unending.outcome<ClientError>(other).definite);
  CHECK_FALSE(unending.is_done(unending.preempt("x")));
}

TEST_CASE("L3: an acknowledged keep-alive extends the lease from when it was sent, and nothing else does") {
  ScriptedClient client = with_lease(1);
  const Time opened = client.now;
  client.pass(3s);
  const ClientSend keep_alive = last_keep_alive(client);
  CHECK(client.body_of<wire::KeepAlive>(keep_alive).session == SessionId(10));
  const Time sent = client.now;
  client.now += 400ms;
  client.preempt("b");
  client.answer(client.last(), locks::Granted{FencingToken(12)}, 12);
  CHECK(client.core.lease().safe_until == opened + kCertain);
  acknowledge(client, keep_alive);
  CHECK(client.core.lease().safe_until == sent + kCertain);
  acknowledge(client, keep_alive);  // a second time: nothing
  CHECK(client.events_of<LeaseRenewed>().size() == 1);
}

TEST_CASE("a keep-alive goes out every third of the TTL, each a message of its own") {
  ScriptedClient client = with_lease(1);
  std::vector<CallNumber> calls;
  for (int i = 1; i <= 20; ++i) {
    client.pass(3s);
    REQUIRE(client.sent_of<wire::KeepAlive>().size() == static_cast<std::size_t>(i));
    const ClientSend keep_alive = last_keep_alive(client);
    CHECK(std::find(calls.begin(), calls.end(), keep_alive.request.call) == calls.end());
    calls.push_back(keep_alive.request.call);
    acknowledge(client, keep_alive);
  }
  CHECK(client.events_of<LeaseLost>().empty());
  CHECK(client.sent.size() == 20);  // and nothing else
}

TEST_CASE("an unanswered keep-alive is followed by another at the next endpoint, after a sixth of the TTL at most") {
  for (const Duration ttl : {9s, 3s}) {
    const Duration patience = std::min<Duration>(1s, ttl / 6);
    ScriptedClient client = with_lease(3, ttl);
    client.pass(ttl / 3);
    const ClientSend first = last_keep_alive(client);
    client.pass(patience - 1ms);
    CHECK(client.sent_of<wire::KeepAlive>().size() == 1);
    client.pass(1ms);
    REQUIRE(client.sent_of<wire::KeepAlive>().size() == 2);
    const ClientSend second = last_keep_alive(client);
    CHECK(second.endpoint != first.endpoint);
    CHECK(second.request.call != first.request.call);
  }
}

TEST_CASE("a keep-alive that a node could not pass on goes to the next endpoint soon, as a new message") {
  for (const bool connected : {true, false}) {
    ScriptedClient client = with_lease(2);
    client.pass(3s);
    const ClientSend first = last_keep_alive(client);
    if (connected) {
      client.refuse(first, ErrorCode::kNoLeader);
    } else {
      client.not_connected(first.endpoint);
    }
    CHECK(client.sent_of<wire::KeepAlive>().size() == 1);
    client.pass(10ms);
    REQUIRE(client.sent_of<wire::KeepAlive>().size() == 2);
    CHECK(last_keep_alive(client).endpoint != first.endpoint);
    CHECK(last_keep_alive(client).request.call != first.request.call);
  }
}

TEST_CASE("L3: a late acknowledgement counts with the send time of its own keep-alive") {
  ScriptedClient client = with_lease(2);
  client.pass(3s);
  const ClientSend first = last_keep_alive(client);
  const Time first_sent = client.now;
  client.pass(1s);
  const ClientSend second = last_keep_alive(client);
  const Time second_sent = client.now;
  REQUIRE(second.request.call != first.request.call);
  client.now += 300ms;
  acknowledge(client, first);
  CHECK(client.core.lease().safe_until == first_sent + kCertain);
  acknowledge(client, second);
  CHECK(client.core.lease().safe_until == second_sent + kCertain);

  ScriptedClient other = with_lease(2);
  other.pass(4s);
  const auto sent = other.sent_of<wire::KeepAlive>();
  REQUIRE(sent.size() == 2);
  acknowledge(other, sent[1]);
  const auto safe_until = other.core.lease().safe_until;
  acknowledge(other, sent[0]);
  CHECK(other.core.lease().safe_until == safe_until);  // never back
}

TEST_CASE("L3: without an acknowledged renewal the locks are lost at the deadline, not before") {
  ScriptedClient client = with_lease(2);
  const CallId call = client.preempt("b");
  client.pass(kCertain - 1ms);
  CHECK(client.events_of<LeaseLost>().empty());
  CHECK(client.core.held().contains("x"));
  client.pass(1ms);
  const auto lost = client.events_of<LeaseLost>();
  REQUIRE(lost.size() == 1);
  CHECK(lost[0] == LeaseLost{LossReason::kUnreachable, {{"x", FencingToken(11)}}});
  CHECK(client.core.held().empty());
  CHECK(client.core.lease() == LeaseView{std::nullopt, LossReason::kUnreachable});
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kUnavailable);  // its own patience was shorter
}

TEST_CASE("what was under way when the lease ran out failed, and may have happened") {
  ScriptedClient client = with_lease(1);
  client.pass(8s);
  const CallId sent = client.preempt("b");
  client.pass(1s);
  CHECK(client.outcome<ClientError>(sent).code == ErrorCode::kSessionExpired);
  CHECK_FALSE(client.outcome<ClientError>(sent).definite);
}

TEST_CASE("L3: a process that was stopped finds its locks lost at its first look, whatever comes first") {
  const auto stopped = [] {
    ScriptedClient client = with_lease(1);
    client.pass(3s);
    client.now += 1h;  // no tick: no timer ran
    return client;
  };
  SUBCASE("an answer") {
    ScriptedClient client = stopped();
    acknowledge(client, last_keep_alive(client));
    CHECK_FALSE(client.core.lease().safe_until);
    CHECK(client.events_of<LeaseLost>().size() == 1);
    CHECK(client.events_of<LeaseRenewed>().empty());
  }
  SUBCASE("an answer that would have come in time, had the lease been extended first") {
    ScriptedClient client = with_lease(1);
    client.pass(3s);
    client.now += 5900ms;  // 80 ms late, and the acknowledged keep-alive would do for another 2.9 s
    acknowledge(client, last_keep_alive(client));
    CHECK(client.events_of<LeaseLost>().size() == 1);
  }
  SUBCASE("a tick") {
    ScriptedClient client = stopped();
    client.tick();
    CHECK(client.events_of<LeaseLost>().size() == 1);
  }
  SUBCASE("a release") {
    ScriptedClient client = stopped();
    const CallId call = client.release("x");
    CHECK(client.outcome<ClientError>(call).code == ErrorCode::kSessionExpired);
    CHECK(client.outcome<ClientError>(call).definite);
    CHECK(client.events_of<LeaseLost>().size() == 1);
  }
  SUBCASE("an operation, which then belongs to the next session") {
    ScriptedClient client = stopped();
    const CallId call = client.preempt("b");
    CHECK(client.events_of<LeaseLost>().size() == 1);
    CHECK_FALSE(client.is_done(call));
    for (const ClientSend& send : client.sent_of<locks::Execute>()) {
      CHECK(std::holds_alternative<locks::Close>(client.execute(send).operation));
    }
  }
  SUBCASE("an acquisition") {
    ScriptedClient client = stopped();
    client.acquire({"b"});
    CHECK(client.events_of<LeaseLost>().size() == 1);
  }
  SUBCASE("a read") {
    ScriptedClient client = stopped();
    client.check("x");
    CHECK(client.events_of<LeaseLost>().size() == 1);
  }
  SUBCASE("a close") {
    ScriptedClient client = stopped();
    client.close();
    CHECK(client.events_of<LeaseLost>() == std::vector{LeaseLost{LossReason::kUnreachable, {{"x", FencingToken(11)}}}});
  }
}

TEST_CASE("L3: a grant that is answered after the lease ran out is not held") {
  ScriptedClient client = with_lease(1);
  client.pass(8s);
  const CallId call = client.preempt("b");
  const ClientSend send = client.last();
  client.now += 1s;
  client.answer(send, locks::Granted{FencingToken(12)}, 12);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kSessionExpired);
  CHECK(client.core.held().empty());
}

TEST_CASE("after a loss the old session is closed before another is opened, which names it") {
  ScriptedClient client = with_lease(2);
  client.pass(kCertain);
  client.sent.clear();
  const CallId call = client.preempt("b");
  CHECK(client.sent_of<wire::OpenSession>().empty());
  client.pass(1s);
  const ClientSend close = client.last_of<locks::Close>();
  CHECK(client.execute(close).session == SessionId(10));
  CHECK(client.execute(close).number == RequestNumber(2));
  CHECK(client.execute(close).acknowledged_below == RequestNumber(2));
  CHECK(client.sent_of<wire::OpenSession>().empty());
  client.answer(close, locks::Closed{}, 30);
  REQUIRE(client.sent_of<wire::OpenSession>().size() == 1);
  const ClientSend open = client.sent_of<wire::OpenSession>().front();
  CHECK(client.body_of<wire::OpenSession>(open).replaces == SessionId(10));
  CHECK(client.core.lease().lost == LossReason::kUnreachable);
  client.answer(open, locks::SessionOpened{SessionId(31)}, 31);
  CHECK_FALSE(client.core.lease().lost);
  CHECK(client.last_execute().session == SessionId(31));
  CHECK(client.last_execute().number == RequestNumber(1));
  client.answer(client.last(), locks::Granted{FencingToken(32)}, 32);
  client.outcome<locks::Granted>(call);
}

TEST_CASE("the close of a lost session is repeated until the cluster says that it is over, with no call waiting") {
  for (const ErrorCode end : {ErrorCode::kSessionExpired, ErrorCode::kSessionForced, ErrorCode::kSessionClosed}) {
    ScriptedClient client = with_lease(2);
    client.pass(kCertain);
    client.sent.clear();
    client.pass(10s);
    CHECK(client.sent.size() >= 10);
    client.refuse(client.last(), ErrorCode::kNoLeader);
    client.pass(1s);
    client.refuse(client.last_of<locks::Close>(), end);
    client.sent.clear();
    client.pass(1min);
    CHECK(client.sent.empty());
    client.preempt("b");
    CHECK(client.sent_of<wire::OpenSession>().size() == 1);
  }
}

TEST_CASE("the cluster says how a session ended, and the reason is told with the locks") {
  const std::pair<ErrorCode, LossReason> ends[] = {{ErrorCode::kSessionExpired, LossReason::kExpired},
                                                   {ErrorCode::kSessionForced, LossReason::kForced},
                                                   {ErrorCode::kSessionClosed, LossReason::kClosed},
                                                   {ErrorCode::kSessionSuperseded, LossReason::kSuperseded}};
  for (const auto& end : ends) {
    const ErrorCode code = end.first;
    const LossReason reason = end.second;
    for (const bool by_keep_alive : {true, false}) {
      CAPTURE(to_string(reason));
      ScriptedClient client = with_lease(2);
      client.pass(3s);
      const ClientSend keep_alive = last_keep_alive(client);
      const CallId call = client.preempt("b");
      client.refuse(by_keep_alive ? keep_alive : client.last(), code);
      CHECK(client.outcome<ClientError>(call).code == code);
      CHECK(client.events_of<LeaseLost>() == std::vector{LeaseLost{reason, {{"x", FencingToken(11)}}}});
      CHECK(client.core.lease().lost == reason);
      CHECK(client.outcome<ClientError>(client.release("x")).code == error_after(reason));
      client.sent.clear();
      const CallId later = client.preempt("c");
      if (reason == LossReason::kSuperseded) {
        CHECK(client.outcome<ClientError>(later).code == code);  // the newer incarnation is this client now
        CHECK(client.sent.empty());
      } else {
        REQUIRE(client.sent.size() == 1);  // it is over already: nothing to close
        CHECK(client.body_of<wire::OpenSession>(client.last()).replaces == SessionId(10));
      }
    }
  }
}

TEST_CASE("a session that was opened too late to be of use is closed again, and the operation runs in the next") {
  ScriptedClient client(options_with_lease(1));
  client.core.preempt(client.now, "a", 1min);
  client.pass(8s);
  const ClientSend open = client.sent_of<wire::OpenSession>().front();
  client.now += 1s;
  client.answer(open, locks::SessionOpened{SessionId(10)}, 10);
  CHECK(client.events.empty());
  const ClientSend close = client.last_of<locks::Close>();
  CHECK(client.execute(close).session == SessionId(10));
  client.answer(close, locks::Closed{}, 11);
  const Time start = client.now;
  const ClientSend again = client.last();
  CHECK(client.body_of<wire::OpenSession>(again).replaces == SessionId(10));
  client.answer(again, locks::SessionOpened{SessionId(12)}, 12);
  CHECK(client.core.lease().safe_until == start + kCertain);
  CHECK(client.last_execute().session == SessionId(12));
  CHECK(client.last_execute().operation == locks::Operation(locks::Preempt{"a"}));
}

// ---- Locks that an operator took

TEST_CASE("when an operator took a lock the client looks which one, and tells of that alone") {
  ScriptedClient client = with_lease(1);
  client.preempt("y");
  client.answer(client.last(), locks::Granted{FencingToken(12)}, 12);
  client.pass(3s);
  client.sent.clear();
  client.pass(0s);
  client.pass(3s);
  acknowledge(client, last_keep_alive(client), 20);
  const auto checks = client.sent_of<wire::CheckRequest>();
  REQUIRE(checks.size() == 2);
  CHECK(client.body_of<wire::CheckRequest>(checks[0]).at_least >= LogIndex(20));
  locks::LockView other;
  other.name = "x";
  other.holders.push_back({ClientId{}, SessionId(3), FencingToken(25), {}, {}});
  other.holder_count = 1;
  locks::LockView own;
  own.name = "y";
  own.holders.push_back({ClientId{}, SessionId(10), FencingToken(12), {}, {}});
  own.holder_count = 1;
  client.answer(checks[0], wire::CheckAnswer{other, 1}, 40);
  client.answer(checks[1], wire::CheckAnswer{own, 1}, 40);
  CHECK(client.events_of<LocksForced>() == std::vector{LocksForced{{{"x", FencingToken(11)}}}});
  CHECK(client.events_of<LeaseLost>().empty());
  CHECK(client.core.held() == std::map<std::string, FencingToken>{{"y", FencingToken(12)}});

  client.sent.clear();
  client.pass(3s);
  acknowledge(client, last_keep_alive(client), 20);  // nothing new
  CHECK(client.sent_of<wire::CheckRequest>().empty());
}

TEST_CASE("a released lock that was not there any more was taken by an operator") {
  ScriptedClient client = with_lease(1);
  const CallId call = client.release("x");
  client.answer(client.last(), locks::NotHolder{}, 20);
  client.outcome<locks::NotHolder>(call);
  CHECK(client.events_of<LocksForced>() == std::vector{LocksForced{{{"x", FencingToken(11)}}}});
}

TEST_CASE("of a lock with more holders than are shown the client gives its share back rather than guess") {
  ScriptedClient client = with_lease(1);
  client.pass(3s);
  acknowledge(client, last_keep_alive(client), 20);
  locks::LockView many;
  many.name = "x";
  many.mode = locks::Mode::kShared;
  many.holder_count = 1000;
  client.answer(client.sent_of<wire::CheckRequest>().front(), wire::CheckAnswer{many, 1}, 40);
  CHECK(client.events_of<LocksForced>().size() == 1);
  CHECK(client.execute(client.last_of<locks::Release>()).operation == locks::Operation(locks::Release{"x"}));
}

// ---- Closing

TEST_CASE("a close ends the session with its locks, and a later operation opens another") {
  for (const bool already_over : {false, true}) {
    ScriptedClient client = with_lease(1);
    const CallId call = client.close();
    const ClientSend close = client.last();
    CHECK(client.execute(close).operation == locks::Operation(locks::Close{}));
    if (already_over) {
      client.refuse(close, ErrorCode::kSessionExpired);
    } else {
      client.answer(close, locks::Closed{}, 30);
    }
    client.outcome<locks::Closed>(call);
    CHECK(client.events_of<LeaseLost>() == std::vector{LeaseLost{LossReason::kClosed, {{"x", FencingToken(11)}}}});
    client.sent.clear();
    client.pass(1min);
    CHECK(client.sent.empty());
    client.preempt("b");
    CHECK(client.body_of<wire::OpenSession>(client.last()).replaces == SessionId(10));
  }
}

TEST_CASE("a close without a session is done at once") {
  ScriptedClient client(options_with_lease(1));
  client.outcome<locks::Closed>(client.close());
  CHECK(client.sent.empty());
}

TEST_CASE("a close while a lost session is being given up waits for that") {
  ScriptedClient client = with_lease(1);
  client.pass(kCertain);
  const CallId call = client.close();
  CHECK_FALSE(client.is_done(call));
  client.answer(client.last_of<locks::Close>(), locks::Closed{}, 30);
  client.outcome<locks::Closed>(call);
}

TEST_CASE("a close does not wait for what was left unanswered") {
  ScriptedClient client = with_lease(1);
  client.preempt("b");
  client.pass(5s);  // given up, unanswered
  client.sent.clear();
  client.close();
  client.last_of<locks::Close>();
}

// ---- Without a lease

TEST_CASE("with TTL 0 there is nothing to keep alive but waits, every 3 s") {
  ScriptedClient client(options_with(1));
  client.open_by_preempting("x");
  CHECK_FALSE(client.core.lease().safe_until);
  client.pass(1min);
  CHECK(client.sent.empty());
  const CallId call = client.acquire({"b"});
  client.answer(client.last(), locks::Queued{WaiterId(20), 1, {}}, 20);
  CHECK(client.sent_of<wire::KeepAlive>().size() == 1);
  for (int i = 1; i <= 5; ++i) {
    client.answer(client.sent_of<wire::KeepAlive>().back(), wire::KeptAlive{}, 20);
    CHECK_FALSE(client.core.lease().safe_until);
    client.answer(client.sent_of<wire::Wait>().back(), locks::Queued{WaiterId(20), 1, {}}, 20);
    client.pass(3s);
    CHECK(client.sent_of<wire::KeepAlive>().size() == static_cast<std::size_t>(i + 1));
  }
  client.answer(client.sent_of<wire::Wait>().back(), locks::Granted{FencingToken(30)}, 30);
  client.outcome<locks::Granted>(call);
  client.sent.clear();
  client.pass(1min);
  CHECK(client.sent.empty());
}

TEST_CASE("under a lease what a call left behind is settled although nobody waits, with TTL 0 it is not") {
  for (const bool lease : {true, false}) {
    ScriptedClient client(lease ? options_with_lease(1) : options_with(1));
    client.open_by_preempting("x");
    client.preempt("b");
    client.pass(5s);
    client.sent.clear();
    client.pass(2s);
    CHECK(client.sent_of<locks::Execute>().empty() != lease);
  }
}

}  // namespace lockstep::lease_test

#include "tests/unit/client/scripted_client.hpp"

namespace lockstep::acquire_test {
namespace {

const ClientId kOther = *parse_client_id("00000000-0000-4000-8000-000000000001");

ScriptedClient opened(ClientOptions options) {
  ScriptedClient client(options);
  client.open_by_preempting("x");
  return client;
}

locks::Held held_by_other(const std::string& name) { return {kOther, FencingToken(5), WallTime(1s), name, "them"}; }
locks::Queued queued(std::uint64_t position) { return {WaiterId(20), position, held_by_other("a")}; }

ClientSend last_wait(const ScriptedClient& client) {
  REQUIRE_FALSE(client.sent_of<wire::Wait>().empty());
  return client.sent_of<wire::Wait>().back();
}

void acknowledge_all(ScriptedClient& client) {
  for (const ClientSend& send : client.sent_of<wire::KeepAlive>()) client.answer(send, wire::KeptAlive{}, 20);
}

// Lets time pass while a quorum answers every renewal.
void pass_alive(ScriptedClient& client, Duration duration) {
  for (Duration passed{}; passed < duration; passed += 500ms) {
    client.pass(500ms);
    acknowledge_all(client);
  }
}

// In line for "a", third.
ScriptedClient in_line(ClientOptions options, CallId& call, std::optional<Duration> wait = {}) {
  ScriptedClient client = opened(std::move(options));
  call = client.acquire({"a"}, wait);
  client.answer(client.last(), queued(3), 20);
  acknowledge_all(client);
  return client;
}

}  // namespace

TEST_CASE("an acquisition asks for all its names at once, in order and each once") {
  ScriptedClient client = opened(options_with(1));
  AcquireTerms terms;
  terms.thread = 7;
  const CallId call = client.core.acquire(client.now, {"c", "a", "c"}, terms);
  client.tick();
  const auto acquire = std::get<locks::Acquire>(client.last_execute().operation);
  CHECK(acquire.names == std::vector<std::string>{"a", "c"});
  CHECK(acquire.wait);
  CHECK(acquire.thread == 7);
  client.answer(client.last(), locks::Granted{FencingToken(20)}, 20);
  CHECK(client.outcome<locks::Granted>(call).token == FencingToken(20));
  CHECK(client.core.held().contains("a"));
  CHECK(client.core.held().contains("c"));
}

TEST_CASE("what cannot be acquired is refused here, and uses no number") {
  ScriptedClient client(options_with(1));
  AcquireTerms no_permits;
  no_permits.mode = locks::Mode::kPermit;
  AcquireTerms odd_permits;
  odd_permits.permits = 3;
  const std::vector<std::string> many = [] {
    std::vector<std::string> names;
    for (int i = 0; i < 17; ++i) names.push_back("n" + std::to_string(i));
    return names;
  }();
  const CallId calls[] = {client.acquire({}), client.acquire(many), client.acquire({"a", ""}),
                          client.core.acquire(client.now, {"a"}, no_permits),
                          client.core.acquire(client.now, {"a"}, odd_permits)};
  client.tick();
  for (const CallId call : calls) {
    CHECK(client.outcome<ClientError>(call).definite);
    CHECK_FALSE(client.outcome<ClientError>(call).detail.empty());
  }
  CHECK(client.outcome<ClientError>(calls[2]).code == ErrorCode::kInvalidName);
  CHECK(client.sent.empty());
}

TEST_CASE("asked once, it is told who holds the lock, or that others wait for it") {
  ScriptedClient client = opened(options_with(1));
  const CallId held = client.acquire({"a"}, 0s);
  CHECK_FALSE(std::get<locks::Acquire>(client.last_execute().operation).wait);
  client.answer(client.last(), held_by_other("a"), 20);
  CHECK(client.outcome<NotAcquired>(held) == NotAcquired{held_by_other("a"), 0});
  CHECK(client.done.at(held).applied == LogIndex(20));
  const CallId waited_for = client.acquire({"a"}, 0s);
  client.refuse(client.last(), ErrorCode::kWaitedFor);
  CHECK(client.outcome<NotAcquired>(waited_for) == NotAcquired{});
}

TEST_CASE("in line, it asks by long polls of 5 s at most until it is granted") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call);
  for (int i = 0; i < 20; ++i) {
    const ClientSend wait = last_wait(client);
    const auto& body = client.body_of<wire::Wait>(wait);
    CHECK(body.session == SessionId(10));
    CHECK(body.waiter == WaiterId(20));
    CHECK(body.up_to_ms == 5000);
    CHECK(body.at_least == LogIndex(20));
    client.pass(5s);
    acknowledge_all(client);
    CHECK_FALSE(client.is_done(call));  // whatever the call's timeout is
    client.answer(wait, queued(3), 20);
    CHECK(last_wait(client).request.call != wait.request.call);
  }
  client.answer(last_wait(client), locks::Granted{FencingToken(40)}, 40);
  CHECK(client.outcome<locks::Granted>(call).token == FencingToken(40));
  CHECK(client.core.held().at("a") == FencingToken(40));
}

TEST_CASE("a change of position or holder is told, and only a change") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call);
  REQUIRE(client.progress.size() == 1);
  CHECK(client.progress[0].call == call);
  CHECK(client.progress[0].progress == AcquireProgress{3, held_by_other("a")});
  client.answer(last_wait(client), queued(3), 20);
  CHECK(client.progress.size() == 1);
  client.pass(100ms);
  client.answer(last_wait(client), queued(2), 21);
  CHECK(client.progress.at(1).progress.position == 2);
  locks::Queued behind_another = queued(2);
  behind_another.by.token = FencingToken(21);
  client.answer(last_wait(client), behind_another, 22);
  CHECK(client.progress.at(2).progress.by.token == FencingToken(21));
}

TEST_CASE("a node that does not hold a wait back is not flooded") {
  CallId call;
  ScriptedClient client = in_line(options_with(1), call);
  client.sent.clear();
  const Time end = client.now + 1s;
  client.answer(ClientSend{0, {CallNumber(999), wire::StatusRequest{}}}, queued(3), 20);
  std::size_t waits = 0;
  client.pass(0s);
  while (client.now < end) {
    for (const ClientSend& send : std::exchange(client.sent, {})) {
      if (!std::holds_alternative<wire::Wait>(send.request.body)) continue;
      ++waits;
      client.answer(send, queued(3), 20);
    }
    client.pass(10ms);
  }
  CHECK(waits <= 11);
}

TEST_CASE("an answer to a wait that is older than what was seen is not believed") {
  CallId call;
  ScriptedClient client = in_line(options_with(2), call);
  const ClientSend wait = last_wait(client);
  client.answer(wait, locks::Granted{FencingToken(40)}, 19);
  CHECK_FALSE(client.is_done(call));
  client.pass(10ms);
  CHECK(last_wait(client).endpoint != wait.endpoint);
}

TEST_CASE("when the wait is over it is cancelled, and ends not granted with its last place and the holder") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call, 7s);
  client.pass(5s);
  acknowledge_all(client);
  client.answer(last_wait(client), queued(2), 21);
  CHECK(client.body_of<wire::Wait>(last_wait(client)).up_to_ms == 2000);
  client.pass(1999ms);
  for (const ClientSend& send : client.sent_of<locks::Execute>()) {
    CHECK_FALSE(std::holds_alternative<locks::Cancel>(client.execute(send).operation));
  }
  client.pass(1ms);
  const ClientSend cancel = client.last_of<locks::Cancel>();
  CHECK(client.execute(cancel).operation == locks::Operation(locks::Cancel{WaiterId(20)}));
  CHECK_FALSE(client.is_done(call));
  client.answer(cancel, locks::Cancelled{}, 22);
  CHECK(client.outcome<NotAcquired>(call) == NotAcquired{held_by_other("a"), 2});
  CHECK(client.core.session().unanswered().empty());
}

TEST_CASE("a wait that is over when the request is queued at last is cancelled at once") {
  ScriptedClient client = opened(options_with_lease(1));
  const CallId call = client.acquire({"a"}, 100ms);
  const ClientSend asked = client.last();
  client.pass(500ms);
  client.answer(asked, queued(1), 20);
  client.answer(client.last_of<locks::Cancel>(), locks::Cancelled{}, 21);
  client.outcome<NotAcquired>(call);
  CHECK(client.sent_of<wire::Wait>().empty());
}

TEST_CASE("a cancel that a grant overtook ends granted, once") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call, 2s);
  const ClientSend wait = last_wait(client);
  client.pass(2s);
  const ClientSend cancel = client.last_of<locks::Cancel>();
  client.answer(wait, locks::Granted{FencingToken(21)}, 21);  // too late to be believed alone
  CHECK_FALSE(client.is_done(call));
  client.answer(cancel, locks::Granted{FencingToken(21)}, 21);
  CHECK(client.outcome<locks::Granted>(call).token == FencingToken(21));
  CHECK(client.core.held().at("a") == FencingToken(21));
}

TEST_CASE("what was released before its grant was heard of is not counted on, whatever tells of the grant") {
  for (const bool by_cancel : {false, true}) {
    CallId call;
    ScriptedClient client = in_line(options_with_lease(1), call, 2s);
    const ClientSend wait = last_wait(client);
    client.release("a");  // it was granted meanwhile
    client.answer(client.last_of<locks::Release>(), locks::Released{}, 30);
    if (by_cancel) client.pass(2s);
    client.answer(by_cancel ? client.last_of<locks::Cancel>() : wait, locks::Granted{FencingToken(25)}, 30);
    CHECK(client.outcome<locks::Granted>(call).token == FencingToken(25));
    CHECK_FALSE(client.core.held().contains("a"));
  }
}

TEST_CASE("a cancel of what is gone ends not granted") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call, 2s);
  client.pass(2s);
  client.refuse(client.last_of<locks::Cancel>(), ErrorCode::kWaiterGone);
  client.outcome<NotAcquired>(call);
}

TEST_CASE("the application may end a wait at any point of its way") {
  SUBCASE("before it was asked") {
    ScriptedClient client(options_with_lease(1));
    const CallId call = client.acquire({"a"});
    client.cancel(call);
    client.outcome<NotAcquired>(call);
    client.preempt("b");
    client.open();
    CHECK(client.sent.size() == 1);
    CHECK(client.last_execute().operation == locks::Operation(locks::Preempt{"b"}));
  }
  SUBCASE("while it is asked") {
    ScriptedClient client = opened(options_with_lease(1));
    const CallId call = client.acquire({"a"});
    client.cancel(call);
    CHECK_FALSE(client.is_done(call));  // it may be granted
    client.answer(client.last_of<locks::Acquire>(), queued(1), 20);
    client.answer(client.last_of<locks::Cancel>(), locks::Cancelled{}, 21);
    client.outcome<NotAcquired>(call);
  }
  SUBCASE("in line") {
    CallId call;
    ScriptedClient client = in_line(options_with_lease(1), call);
    client.cancel(call);
    client.cancel(call);
    client.answer(client.last_of<locks::Cancel>(), locks::Cancelled{}, 21);
    client.outcome<NotAcquired>(call);
  }
  SUBCASE("after its end, and of another call") {
    ScriptedClient client = opened(options_with_lease(1));
    const CallId call = client.acquire({"a"});
    client.answer(client.last(), locks::Granted{FencingToken(20)}, 20);
    client.cancel(call);
    const CallId preempt = client.preempt("b");
    client.cancel(preempt);
    CHECK_FALSE(client.is_done(preempt));
    CHECK(client.core.held().contains("a"));
  }
}

TEST_CASE("a wait goes on at the next node when one dies: after its own patience, or when a renewal finds it silent") {
  SUBCASE("alone") {
    ClientOptions options = options_with(2);
    CallId call;
    ScriptedClient client = in_line(options, call);
    const ClientSend wait = last_wait(client);
    for (int i = 0; i < 5; ++i) {
      client.pass(1s);
      acknowledge_all(client);
    }
    CHECK(last_wait(client).request.call == wait.request.call);  // held back, not dead
    client.pass(1s);
    CHECK(last_wait(client).endpoint != wait.endpoint);
  }
  SUBCASE("with a renewal") {
    CallId call;
    ScriptedClient client = in_line(options_with_lease(2), call);
    const ClientSend wait = last_wait(client);
    client.pass(3s);  // the keep-alive goes to the dead node
    client.pass(1s);
    CHECK(last_wait(client).endpoint != wait.endpoint);
    CHECK(last_wait(client).request.call != wait.request.call);
    client.answer(last_wait(client), locks::Granted{FencingToken(40)}, 40);
    client.outcome<locks::Granted>(call);
  }
}

TEST_CASE("a wait does not change its node while that one answers") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(3), call);
  const std::size_t endpoint = last_wait(client).endpoint;
  for (int i = 0; i < 10; ++i) {
    pass_alive(client, 5s);
    client.answer(last_wait(client), queued(3), 20);
    CHECK(last_wait(client).endpoint == endpoint);
  }
}

TEST_CASE("a request that is gone from the line ends its acquisition") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call);
  client.refuse(last_wait(client), ErrorCode::kWaiterGone);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kWaiterGone);
  CHECK(client.outcome<ClientError>(call).definite);
}

TEST_CASE("the end of the session ends its acquisitions") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(1), call);
  client.refuse(last_wait(client), ErrorCode::kSessionExpired);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kSessionExpired);
  CHECK(client.events_of<LeaseLost>().at(0).reason == LossReason::kExpired);

  CallId silent;
  ScriptedClient unreachable = in_line(options_with_lease(1), silent);
  unreachable.now += 1h;
  unreachable.tick();
  CHECK(unreachable.outcome<ClientError>(silent).code == ErrorCode::kSessionExpired);
}

TEST_CASE("a deadlock is a definite error") {
  ScriptedClient client = opened(options_with_lease(1));
  const CallId call = client.acquire({"a"});
  client.refuse(client.last(), ErrorCode::kDeadlock);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kDeadlock);
  CHECK(client.outcome<ClientError>(call).definite);
  client.pass(1s);
  CHECK_FALSE(client.core.has_acquisitions());
}

// ---- Without an answer from a quorum

TEST_CASE("an acquisition that nobody waits for any more is undone before anything new is asked") {
  ScriptedClient client = opened(options_with_lease(1, 60s));
  const CallId call = client.acquire({"a", "b"});
  client.pass(5s);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kUnavailable);
  CHECK_FALSE(client.outcome<ClientError>(call).definite);
  const CallId next = client.preempt("c");
  const auto asked = client.last_of<locks::Acquire>();
  SUBCASE("granted: released, all of it") {
    client.answer(asked, locks::Granted{FencingToken(20)}, 20);
    CHECK_FALSE(client.core.held().contains("a"));
    client.answer(client.last_of<locks::Release>(), locks::Released{}, 21);
    client.answer(client.last_of<locks::Release>(), locks::Released{}, 22);
  }
  SUBCASE("queued: cancelled") {
    client.answer(asked, queued(1), 20);
    client.answer(client.last_of<locks::Cancel>(), locks::Cancelled{}, 21);
    CHECK(client.sent_of<wire::Wait>().empty());
  }
  SUBCASE("queued, granted meanwhile: released") {
    client.answer(asked, queued(1), 20);
    client.answer(client.last_of<locks::Cancel>(), locks::Granted{FencingToken(21)}, 21);
    client.answer(client.last_of<locks::Release>(), locks::Released{}, 22);
    client.answer(client.last_of<locks::Release>(), locks::NotHolder{}, 23);
  }
  CHECK_FALSE(client.core.has_acquisitions());
  CHECK(client.last_execute().operation == locks::Operation(locks::Preempt{"c"}));
  client.answer(client.last(), locks::Granted{FencingToken(30)}, 30);
  client.outcome<locks::Granted>(next);
}

TEST_CASE("in line, an acquisition ends when neither renewals nor waits are answered for the call's time") {
  CallId call;
  ScriptedClient client = in_line(options_with_lease(2, 60s), call);
  for (int i = 0; i < 4; ++i) {
    pass_alive(client, 5s);
    client.answer(last_wait(client), queued(3), 20);
  }
  CHECK_FALSE(client.is_done(call));  // nobody was silent; from now on everybody is
  client.pass(10s);
  CHECK_FALSE(client.is_done(call));  // the wait may be held back for 5 s, and be answered in 1 s: silent from then on
  client.pass(1s);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kUnavailable);
  CHECK_FALSE(client.outcome<ClientError>(call).definite);
  client.answer(client.last_of<locks::Cancel>(), locks::Cancelled{}, 30);
  CHECK_FALSE(client.core.has_acquisitions());
}

// ---- What another process left behind

namespace {

ClientOptions kept_acquire() {
  ClientOptions options = options_with(1);
  options.keeps_session = true;
  options.claims_unfinished = true;
  options.saved.session = SessionId(10);
  options.saved.next_number = RequestNumber(5);
  options.saved.unfinished = {{RequestNumber(4), locks::Acquire{{"a"}, locks::Mode::kExclusive, 0, true, 0}}};
  return options;
}

}  // namespace

TEST_CASE("a repeated acquire goes on where the command before it ended") {
  ScriptedClient client(kept_acquire());
  const CallId call = client.acquire({"a"});
  REQUIRE(client.sent.size() == 1);
  CHECK(client.last_execute().number == RequestNumber(4));
  SUBCASE("it was granted") {
    client.answer(client.last(), locks::Granted{FencingToken(20)}, 20);
    client.outcome<locks::Granted>(call);
  }
  SUBCASE("it is in line") {
    client.answer(client.last(), queued(1), 20);
    client.answer(last_wait(client), locks::Granted{FencingToken(21)}, 21);
    client.outcome<locks::Granted>(call);
  }
  SUBCASE("its wait ran out long ago") {
    client.answer(client.last(), queued(1), 20);
    client.refuse(last_wait(client), ErrorCode::kWaiterGone);
    CHECK_FALSE(client.is_done(call));
    CHECK(client.last_execute().number == RequestNumber(5));
    client.answer(client.last(), locks::Granted{FencingToken(21)}, 21);
    client.outcome<locks::Granted>(call);
  }
}

TEST_CASE("an acquire that nobody repeats leaves the line first; what it was granted stays the session's") {
  ScriptedClient client(kept_acquire());
  client.pass(1min);
  CHECK(client.sent.empty());
  const CallId call = client.release("a");
  REQUIRE(client.sent.size() == 1);
  SUBCASE("granted") {
    client.answer(client.last(), locks::Granted{FencingToken(20)}, 20);
    CHECK(client.last_execute().operation == locks::Operation(locks::Release{"a"}));
  }
  SUBCASE("in line") {
    client.answer(client.last(), queued(1), 20);
    client.answer(client.last_of<locks::Cancel>(), locks::Cancelled{}, 21);
    CHECK(client.last_execute().operation == locks::Operation(locks::Release{"a"}));
  }
  client.answer(client.last(), locks::NotHolder{}, 30);
  client.outcome<locks::NotHolder>(call);
}

// ---- The other calls

TEST_CASE("an operator's calls") {
  ScriptedClient client = opened(options_with(1));
  const CallId force = client.core.force_release(client.now, "a", "it hangs");
  client.tick();
  CHECK(client.last_execute().operation == locks::Operation(locks::ForceRelease{"a", "it hangs"}));
  client.answer(client.last(), locks::Released{}, 20);
  client.outcome<locks::Released>(force);
  const CallId gone = client.core.close_session(client.now, SessionId(3), "it hangs");
  client.tick();
  client.refuse(client.last(), ErrorCode::kNoSuchSession);
  CHECK(client.outcome<ClientError>(gone).code == ErrorCode::kNoSuchSession);
  const CallId wordy = client.core.force_release(client.now, "a", std::string(300, 'w'));
  client.tick();
  CHECK(client.outcome<ClientError>(wordy).code == ErrorCode::kBadRequest);
  const CallId own = client.core.close_session(client.now, SessionId(10), "");
  client.tick();
  client.answer(client.last(), locks::Closed{}, 21);
  client.outcome<locks::Closed>(own);
  CHECK(client.core.lease().lost == LossReason::kForced);
}

TEST_CASE("what comes free by its own forced release is a client's that stood in line, whichever answer comes first") {
  CallId call;
  ScriptedClient client = in_line(options_with(1), call);
  const ClientSend wait = last_wait(client);
  client.core.force_release(client.now, "a", "it hangs");
  client.tick();
  const ClientSend force = client.last_of<locks::ForceRelease>();
  SUBCASE("that of the wait") {
    client.answer(wait, locks::Granted{FencingToken(21)}, 21);
    client.answer(force, locks::Released{}, 21);
  }
  SUBCASE("that of the release") {
    client.answer(force, locks::Released{}, 21);
    client.answer(wait, locks::Granted{FencingToken(21)}, 21);
  }
  client.outcome<locks::Granted>(call);
  CHECK(client.core.held().contains("a"));
  CHECK(client.events_of<LocksForced>().empty());
}

TEST_CASE("what its own forced release took from a client that stood in line before is found out") {
  CallId call;
  ScriptedClient client = in_line(options_with(1), call);
  const ClientSend wait = last_wait(client);
  client.core.force_release(client.now, "a", "it hangs");
  client.tick();
  const ClientSend force = client.last_of<locks::ForceRelease>();
  SUBCASE("granted first") {
    client.answer(wait, locks::Granted{FencingToken(21)}, 21);
    client.answer(force, locks::Released{}, 22);
  }
  SUBCASE("released first") {
    client.answer(force, locks::Released{}, 22);
    client.answer(wait, locks::Granted{FencingToken(21)}, 22);
  }
  for (const ClientSend& check : client.sent_of<wire::CheckRequest>()) {
    if (std::get<wire::CheckRequest>(check.request.body).name == "a") client.answer(check, wire::CheckAnswer{}, 22);
  }
  CHECK_FALSE(client.core.held().contains("a"));
  CHECK(client.events_of<LocksForced>() == std::vector{LocksForced{{{"a", FencingToken(21)}}}});
}

TEST_CASE("a watch may be held back as long as it asked for, and a retry asks for what is left") {
  ScriptedClient client(options_with(2));
  const CallId call = client.core.watch(client.now, "p/", LogIndex(7), "", 20s);
  client.tick();
  const ClientSend first = client.last();
  CHECK(client.body_of<wire::WatchRequest>(first).up_to_ms == 20'000);
  client.pass(12s);
  CHECK(client.sent.size() == 1);
  client.not_connected(first.endpoint);
  client.pass(1s);
  REQUIRE(client.sent.size() == 2);
  CHECK(client.body_of<wire::WatchRequest>(client.last()).up_to_ms < 8'000);
  client.answer(client.last(), wire::WatchAnswer{false, LogIndex(6), {}, {}, false}, 9);
  CHECK_FALSE(client.is_done(call));  // older than what it was asked to go on from
  client.pass(1s);
  client.answer(client.last(), wire::WatchAnswer{false, LogIndex(9), {}, {}, false}, 9);
  CHECK(client.outcome<wire::WatchAnswer>(call).index == LogIndex(9));
  const CallId silent = client.core.watch(client.now, "", LogIndex(), "", 20s);
  client.pass(24s);
  CHECK_FALSE(client.is_done(silent));
  client.pass(1s);
  CHECK(client.outcome<ClientError>(silent).code == ErrorCode::kUnavailable);
}

}  // namespace lockstep::acquire_test

// L1: who goes on from an earlier process takes its session over, never shares it, and fences nobody later.
#include "tests/unit/client/scripted_client.hpp"

namespace lockstep::takeover_test {
namespace {

ClientOptions kept_with_lease(const SavedSession& saved, std::size_t endpoints = 1) {
  ClientOptions options = options_with_lease(endpoints);
  options.keeps_session = true;
  options.saved = saved;
  return options;
}

SavedSession with_session(std::uint64_t session) {
  SavedSession saved;
  saved.session = SessionId(session);
  saved.next_number = RequestNumber(5);
  saved.unfinished = {{RequestNumber(4), locks::Preempt{"old"}}};
  return saved;
}

// What was sent last, which must be an Open.
const wire::OpenSession& open_of(const ScriptedClient& client) {
  return client.body_of<wire::OpenSession>(client.last());
}

locks::LockChange grant(const std::string& name, std::uint64_t token, locks::Mode mode = locks::Mode::kExclusive) {
  return {LogIndex(token), name, mode, options_with(1).client, FencingToken(token), std::nullopt};
}

wire::WatchAnswer changes_up_to(std::uint64_t index, std::vector<locks::LockChange> changes) {
  wire::WatchAnswer page;
  page.index = LogIndex(index);
  page.changes = std::move(changes);
  return page;
}

// Its session 30 is open, and was asked for what it holds.
struct TakingOver {
  explicit TakingOver(std::size_t endpoints = 1) : client(kept_with_lease(with_session(10), endpoints)) {
    call = client.take_over();
    client.open(SessionId(30));
  }
  ScriptedClient client;
  CallId call;
};

}  // namespace

TEST_CASE("L1: a kept session with a lease is named by an Open of this process's own, not gone on with") {
  ScriptedClient client(kept_with_lease(with_session(10)));
  client.preempt("a");
  REQUIRE(client.sent.size() == 1);
  CHECK(open_of(client).replaces == SessionId(10));
  CHECK(open_of(client).nonce == 77);
  REQUIRE(client.saves_before_send.size() == 1);
  CHECK(client.saves_before_send[0].first == 0);  // the nonce is stored before it is used
  CHECK(client.saves[0].open_nonce == 77);
  CHECK(client.saves[0].replaces == SessionId(10));
  CHECK(client.saves[0].unfinished.empty());
  client.open(SessionId(30));
  CHECK(client.last_execute().session == SessionId(30));
  CHECK(client.last_execute().number == RequestNumber(1));
  CHECK(client.saves.back().session == SessionId(30));
}

TEST_CASE("of a session with a lease only its opening and its end are worth a write") {
  ScriptedClient client(kept_with_lease({}));
  client.preempt("a");
  client.open();
  const std::size_t saves = client.saves.size();
  CHECK(client.saves.back().unfinished.empty());
  client.answer(client.last(), locks::Granted{FencingToken(11)}, 11);
  client.release("a");
  client.answer(client.last(), locks::Released{}, 12);
  client.pass(3s);
  client.answer(client.last(), wire::KeptAlive{}, 20);
  CHECK(client.saves.size() == saves);
  client.close();
  client.answer(client.last(), locks::Closed{}, 21);
  REQUIRE(client.saves.size() == saves + 1);
  CHECK(client.saves.back().replaces == SessionId(10));
}

TEST_CASE("L1: what an unanswered Open of an earlier process opened is taken over in turn, for it may live") {
  SavedSession saved;
  saved.open_nonce = 1234;
  saved.replaces = SessionId(7);
  ScriptedClient client(kept_with_lease(saved));
  const CallId call = client.preempt("a");
  CHECK(open_of(client).nonce == 1234);
  CHECK(open_of(client).replaces == SessionId(7));
  CHECK(client.saves.empty());  // that was stored already
  client.pass(500ms);
  const Time own_open = client.now;
  client.answer(client.last(), locks::SessionOpened{SessionId(20)}, 20);
  CHECK(client.events.empty());
  REQUIRE(client.sent.size() == 2);
  CHECK(open_of(client).nonce == 77);
  CHECK(open_of(client).replaces == SessionId(20));
  CHECK(client.saves_before_send.back().first == 1);
  CHECK(client.saves.back().open_nonce == 77);
  CHECK(client.saves.back().replaces == SessionId(20));
  CHECK_FALSE(client.is_done(call));
  client.answer(client.last(), locks::SessionOpened{SessionId(30)}, 30);
  CHECK(client.core.session().id() == SessionId(30));
  CHECK(client.core.lease().safe_until == own_open + 8820ms);  // L3: from the own Open
  CHECK(client.last_execute().session == SessionId(30));
}

TEST_CASE("an ended session that nobody told of is gone on from, for that takes nothing from anyone") {
  for (const std::uint64_t earlier_nonce : {std::uint64_t{0}, std::uint64_t{1234}}) {
    SavedSession saved;
    saved.open_nonce = earlier_nonce;
    ScriptedClient client(kept_with_lease(saved));
    const CallId call = client.preempt("a");
    client.answer(client.last(), wire::ErrorAnswer{ErrorCode::kSessionConflict, "", SessionId(50)}, 60);
    const auto asked = client.sent_of<wire::SessionsRequest>();
    REQUIRE(asked.size() == 1);
    CHECK(client.body_of<wire::SessionsRequest>(asked[0]).after == SessionId(49));
    CHECK(client.body_of<wire::SessionsRequest>(asked[0]).at_least == LogIndex(60));
    answer_sessions(client, {SessionId(51)});  // another client's
    CHECK_FALSE(client.is_done(call));
    CHECK(open_of(client).replaces == SessionId(50));
    CHECK(open_of(client).nonce == 77);
    CHECK(client.saves.back().replaces == SessionId(50));
  }
}

TEST_CASE("L1: a session that lives and is not the one that was named is left alone") {
  ScriptedClient client(kept_with_lease(with_session(10)));
  const CallId call = client.take_over();
  client.answer(client.last(), wire::ErrorAnswer{ErrorCode::kSessionConflict, "", SessionId(50)}, 60);
  answer_sessions(client, {SessionId(50)});
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kSessionConflict);
  CHECK(client.outcome<ClientError>(call).current_session == SessionId(50));
  client.sent.clear();
  client.pass(1min);
  CHECK(client.sent.empty());
}

TEST_CASE("taking over opens the session, and tells at once when it holds nothing") {
  TakingOver one;
  answer_sessions(one.client, {SessionId(30)});
  CHECK(one.client.outcome<TakenOver>(one.call).locks.empty());
  CHECK(one.client.sent_of<wire::WatchRequest>().empty());

  ScriptedClient unkept(options_with_lease(1));
  const CallId call = unkept.take_over();
  unkept.open();
  answer_sessions(unkept, {});
  CHECK(unkept.outcome<TakenOver>(call).locks.empty());
}

TEST_CASE("what was taken over is told with its modes and its new token, and counts as held") {
  TakingOver one;
  ScriptedClient& client = one.client;
  const CallId next = client.preempt("z");
  CHECK(client.body_of<wire::SessionsRequest>(client.last()).after == SessionId(29));
  answer_sessions(client, {SessionId(30)}, 2);
  CHECK_FALSE(client.is_done(one.call));
  CHECK(client.body_of<wire::WatchRequest>(client.last()).from == LogIndex(29));
  locks::LockChange ended = grant("a", 11);
  ended.ended = locks::EndReason::kSuperseded;
  locks::LockChange others = grant("c", 30);
  others.owner = ClientId{};  // who waited behind an old wait of ours
  locks::LockChange forced = grant("d", 30);
  forced.index = LogIndex(31);
  forced.ended = locks::EndReason::kForced;
  client.answer(
      client.last(),
      changes_up_to(31, {ended, grant("a", 30), grant("b", 30, locks::Mode::kShared), others, grant("d", 30), forced}),
      31);
  const FencingToken token(30);
  CHECK(client.outcome<TakenOver>(one.call).locks ==
        std::vector<TakenOverLock>{{"a", locks::Mode::kExclusive, token}, {"b", locks::Mode::kShared, token}});
  CHECK(client.core.held() == std::map<std::string, FencingToken>{{"a", token}, {"b", token}});
  // Only now does anything else leave.
  CHECK_FALSE(client.is_done(next));
  CHECK(client.last_execute().operation == locks::Operation(locks::Preempt{"z"}));
}

TEST_CASE("a node that is behind is not believed, and one that has forgotten the changes tells the full state") {
  TakingOver one(2);
  ScriptedClient& client = one.client;
  answer_sessions(client, {SessionId(30)}, 2);
  client.answer(client.last(), changes_up_to(29, {}), 29);
  CHECK_FALSE(client.is_done(one.call));
  client.pass(500ms);
  REQUIRE(client.sent_of<wire::WatchRequest>().size() == 2);
  wire::WatchAnswer page;
  page.reset = page.more = true;
  page.index = LogIndex(40);
  page.locks = {grant("a", 30), grant("b", 35)};
  client.answer(client.last(), page, 40);
  CHECK_FALSE(client.is_done(one.call));
  const auto& next = client.body_of<wire::WatchRequest>(client.last());
  CHECK(next.from == LogIndex(40));
  CHECK(next.after == "b");
  page.reset = page.more = false;
  page.index = LogIndex(41);
  page.changes = {grant("a", 30)};
  page.changes[0].ended = locks::EndReason::kForced;
  page.locks = {grant("c", 30)};
  client.answer(client.last(), page, 41);
  const std::vector<TakenOverLock> expected{{"c", locks::Mode::kExclusive, FencingToken(30)}};
  CHECK(client.outcome<TakenOver>(one.call).locks == expected);
}

TEST_CASE("when the full state begins anew, what its earlier pages told counts no more") {
  TakingOver one;
  ScriptedClient& client = one.client;
  answer_sessions(client, {SessionId(30)}, 2);
  wire::WatchAnswer page;
  page.reset = page.more = true;
  page.index = LogIndex(40);
  page.locks = {grant("a", 30)};  // an operator takes it away before the next page
  client.answer(client.last(), page, 40);
  page.more = false;
  page.index = LogIndex(41);
  page.locks = {grant("b", 30)};
  client.answer(client.last(), page, 41);
  const std::vector<TakenOverLock> expected{{"b", locks::Mode::kExclusive, FencingToken(30)}};
  CHECK(client.outcome<TakenOver>(one.call).locks == expected);
  CHECK_FALSE(client.core.held().contains("a"));
}

TEST_CASE("a session that is lost while it is taken over tells so, and its locks are told with a later loss") {
  TakingOver lost;
  lost.client.pass(10s);
  CHECK_FALSE(lost.client.outcome<ClientError>(lost.call).detail.empty());

  TakingOver superseded;
  ScriptedClient& client = superseded.client;
  answer_sessions(client, {SessionId(30)}, 1);
  client.answer(client.last(), changes_up_to(30, {grant("a", 30)}), 30);
  client.pass(3s);
  client.refuse(client.sent_of<wire::KeepAlive>().back(), ErrorCode::kSessionSuperseded);
  const auto losses = client.events_of<LeaseLost>();
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].reason == LossReason::kSuperseded);
  CHECK(losses[0].locks == std::vector<OwnedLock>{{"a", FencingToken(30)}});
  CHECK(client.outcome<ClientError>(client.take_over()).code == ErrorCode::kSessionSuperseded);
}

}  // namespace lockstep::takeover_test

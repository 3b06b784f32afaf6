#include "tests/unit/client/scripted_client.hpp"

namespace lockstep::session_test {
namespace {

// A client with a session that an earlier process kept.
ClientOptions kept(std::vector<UnfinishedRequest> unfinished = {}) {
  ClientOptions options = options_with(2);
  options.keeps_session = true;
  options.saved.session = SessionId(10);
  options.saved.next_number = RequestNumber(5);
  options.saved.highest_index = LogIndex(40);
  options.saved.unfinished = std::move(unfinished);
  return options;
}

UnfinishedRequest preempt_of(const std::string& name, std::uint64_t number) {
  return {RequestNumber(number), locks::Preempt{name}};
}

}  // namespace

TEST_CASE("a number is acknowledged only when it and all below it were answered") {
  ScriptedClient client(options_with(1));
  client.open_by_preempting("x");  // number 1
  for (const char* name : {"a", "b", "c"}) client.preempt(name);
  REQUIRE(client.sent.size() == 3);
  const auto sent = client.sent;  // numbers 2, 3, 4
  CHECK(client.execute(sent[2]).acknowledged_below == RequestNumber(2));
  client.answer(sent[1], locks::Granted{FencingToken(20)});
  client.answer(sent[2], locks::Granted{FencingToken(21)});
  client.preempt("d");
  CHECK(client.last_execute().number == RequestNumber(5));
  CHECK(client.last_execute().acknowledged_below == RequestNumber(2));
  client.answer(sent[0], locks::Granted{FencingToken(22)});
  client.preempt("e");
  CHECK(client.last_execute().acknowledged_below == RequestNumber(5));
}

TEST_CASE("at most 64 requests are unacknowledged: the others wait here") {
  ScriptedClient client(options_with(1));
  client.open_by_preempting("x");
  for (int i = 0; i < 70; ++i) client.preempt("n" + std::to_string(i));
  REQUIRE(client.sent.size() == 64);
  const auto sent = client.sent;
  client.answer(sent[1], locks::Granted{FencingToken(20)});  // not the lowest: the window does not move
  CHECK(client.sent.size() == 64);
  client.answer(sent[0], locks::Granted{FencingToken(20)});  // now the two lowest are answered
  CHECK(client.sent.size() == 66);
  for (const ClientSend& send : client.sent) {
    const auto& execute = client.execute(send);
    CHECK(execute.number - execute.acknowledged_below < locks::kMaxUnacknowledged);
  }
}

TEST_CASE("a call that timed out is asked again before anything new is sent, under its number") {
  ScriptedClient client(options_with(1));
  client.open_by_preempting("x");
  const CallId lost = client.preempt("a");
  client.pass(5s);
  CHECK(client.outcome<ClientError>(lost).code == ErrorCode::kUnavailable);
  client.sent.clear();
  client.pass(1min);
  CHECK(client.sent.empty());  // nobody waits, so nothing is sent
  CHECK(client.core.next_deadline() == Time::max());

  const CallId next = client.release("a");
  REQUIRE(client.sent.size() == 1);
  CHECK(client.last_execute().number == RequestNumber(2));
  CHECK(client.last_execute().operation == locks::Operation(locks::Preempt{"a"}));
  client.answer(client.last(), locks::Granted{FencingToken(20)});
  CHECK_FALSE(client.is_done(next));
  CHECK(client.last_execute().number == RequestNumber(3));
  CHECK(client.last_execute().operation == locks::Operation(locks::Release{"a"}));
  CHECK(client.last_execute().acknowledged_below == RequestNumber(3));
  client.answer(client.last(), locks::Released{});
  client.outcome<locks::Released>(next);
}

TEST_CASE("an answer that comes after its call gave up still settles the request") {
  ScriptedClient client(options_with(1));
  client.open_by_preempting("x");
  client.preempt("a");
  const ClientSend copy = client.last();
  client.pass(5s);
  client.answer(copy, locks::Granted{FencingToken(20)}, 20);
  client.sent.clear();
  client.preempt("b");
  REQUIRE(client.sent.size() == 1);
  CHECK(client.last_execute().number == RequestNumber(3));
  CHECK(client.last_execute().acknowledged_below == RequestNumber(3));
}

TEST_CASE("a call that was never sent leaves nothing behind") {
  ScriptedClient client(options_with(1));
  const CallId call = client.preempt("a");
  client.pass(5s);  // the Open is not answered
  client.outcome<ClientError>(call);
  client.sent.clear();
  client.preempt("b");
  client.open();
  REQUIRE(client.sent.size() == 1);
  CHECK(client.last_execute().operation == locks::Operation(locks::Preempt{"b"}));
  CHECK(client.last_execute().number == RequestNumber(1));
}

TEST_CASE("an Open is repeated with its nonce and what it replaces") {
  ScriptedClient client(options_with(2));
  client.preempt("a");
  client.pass(1s);
  REQUIRE(client.sent.size() == 2);
  CHECK(client.sent[0].request.body == client.sent[1].request.body);
  CHECK(client.sent[0].request.call != client.sent[1].request.call);
}

TEST_CASE("a refused Open tells every operation that waits for it, and is not repeated by itself") {
  ScriptedClient client(options_with(2));
  const CallId one = client.preempt("a");
  const CallId two = client.preempt("b");
  const CallId read = client.check("a");
  client.answer(client.sent.front(), wire::ErrorAnswer{ErrorCode::kSessionConflict, "", SessionId(9)});
  answer_sessions(client, {SessionId(9)});
  CHECK(client.outcome<ClientError>(one).code == ErrorCode::kSessionConflict);
  CHECK(client.outcome<ClientError>(two).current_session == SessionId(9));
  CHECK_FALSE(client.is_done(read));
  client.sent.clear();
  client.answer(ClientSend{0, {CallNumber(2), wire::StatusRequest{}}}, wire::CheckAnswer{});
  client.pass(1min);
  CHECK(client.sent.empty());
}

TEST_CASE("the end of the session fails everything of it, now and later, but no read") {
  for (const ErrorCode code : {ErrorCode::kSessionExpired, ErrorCode::kSessionSuperseded}) {
    ScriptedClient client(kept({preempt_of("old", 4)}));
    const CallId one = client.preempt("a");
    const CallId two = client.preempt("b");
    const CallId read = client.check("a");
    client.refuse(client.sent.front(), code);
    CHECK(client.outcome<ClientError>(one).code == code);
    CHECK(client.outcome<ClientError>(two).code == code);
    CHECK(client.outcome<ClientError>(client.release("a")).code == code);
    CHECK_FALSE(client.is_done(read));
    REQUIRE_FALSE(client.saves.empty());
    CHECK_FALSE(client.saves.back().session);
    CHECK(client.saves.back().replaces == SessionId(10));
    CHECK(client.saves.back().unfinished.empty());
  }
}

TEST_CASE("after the end of the session only what certainly did not run is definitely refused") {
  ScriptedClient client(kept({preempt_of("old", 4)}));
  client.pass(1min);
  const CallId waiting = client.preempt("waits for the old one");
  client.refuse(client.last(), ErrorCode::kSessionExpired);
  CHECK(client.outcome<ClientError>(waiting).definite);  // it was never sent

  ScriptedClient sent_once(kept());
  const CallId refused = sent_once.release("a");
  const CallId other = sent_once.release("b");
  sent_once.refuse(sent_once.sent.front(), ErrorCode::kSessionExpired);
  CHECK(sent_once.outcome<ClientError>(refused).definite);
  CHECK_FALSE(sent_once.outcome<ClientError>(other).definite);  // its answer may be on its way
  CHECK(sent_once.outcome<ClientError>(sent_once.release("c")).definite);

  ScriptedClient sent_twice(kept());
  const CallId retried = sent_twice.release("a");
  sent_twice.pass(1100ms);
  REQUIRE(sent_twice.sent.size() == 2);
  sent_twice.refuse(sent_twice.last(), ErrorCode::kSessionExpired);
  CHECK_FALSE(sent_twice.outcome<ClientError>(retried).definite);  // the first copy may have released it
}

TEST_CASE("whoever goes on from an ended session opens a new one that names it") {
  ClientOptions options = options_with(1);
  options.saved.replaces = SessionId(10);
  ScriptedClient client(options);
  client.preempt("a");
  CHECK(std::get<wire::OpenSession>(client.last().request.body).replaces == SessionId(10));
}

TEST_CASE("a kept session is used without an Open, from its next number on") {
  ScriptedClient client(kept());
  client.preempt("a");
  REQUIRE(client.sent.size() == 1);
  CHECK(client.last_execute().session == SessionId(10));
  CHECK(client.last_execute().number == RequestNumber(5));
  CHECK(client.last_execute().acknowledged_below == RequestNumber(5));
}

TEST_CASE("what an earlier process left unfinished is asked first, all of it") {
  ScriptedClient client(kept({preempt_of("u", 3), preempt_of("v", 4)}));
  CHECK(client.sent.empty());
  const CallId call = client.preempt("a");
  REQUIRE(client.sent.size() == 2);
  const auto sent = client.sent;
  CHECK(client.execute(sent[0]).number == RequestNumber(3));
  CHECK(client.execute(sent[1]).number == RequestNumber(4));
  CHECK(client.execute(sent[1]).acknowledged_below == RequestNumber(3));
  client.answer(sent[1], locks::Held{});
  CHECK(client.sent.size() == 2);
  client.answer(sent[0], locks::Granted{FencingToken(20)});
  REQUIRE(client.sent.size() == 3);
  CHECK(client.last_execute().number == RequestNumber(5));
  CHECK_FALSE(client.is_done(call));
}

TEST_CASE("reads do not wait for what is unfinished") {
  ScriptedClient client(kept({preempt_of("u", 4)}));
  client.check("a");
  REQUIRE(client.sent.size() == 1);
  CHECK(std::holds_alternative<wire::CheckRequest>(client.last().request.body));
}

TEST_CASE("what must be kept is in the same output as the send that needs it, or an earlier one") {
  ClientOptions options = options_with(1);
  options.keeps_session = true;
  ScriptedClient client(options);
  client.preempt("a");
  REQUIRE(client.saves_before_send.size() == 1);
  CHECK(client.saves_before_send[0].first == 0);  // before the Open
  CHECK(client.saves_before_send[0].second.open_nonce == 77);
  client.open(SessionId(10));
  REQUIRE(client.saves.size() == 2);
  CHECK(client.saves[1].session == SessionId(10));
  CHECK(client.saves[1].open_nonce == 0);
  CHECK(client.saves[1].next_number == RequestNumber(2));
  CHECK(client.saves[1].unfinished == std::vector{preempt_of("a", 1)});
  CHECK(client.saves_before_send[1].first == 1);  // after the Open, before the request
  client.answer(client.last(), locks::Granted{FencingToken(20)}, 20);
  REQUIRE(client.saves.size() == 3);
  CHECK(client.saves[2].unfinished.empty());
  CHECK(client.saves[2].highest_index == LogIndex(20));
}

TEST_CASE("a retry of what is kept already asks for no further save") {
  ScriptedClient client(kept());
  client.preempt("a");
  CHECK(client.saves.size() == 1);
  client.pass(3s);
  CHECK(client.sent.size() == 4);
  CHECK(client.saves.size() == 1);
}

TEST_CASE("an Open that an earlier process sent is repeated with that process's nonce") {
  ClientOptions options = options_with(1);
  options.keeps_session = true;
  options.saved.open_nonce = 1234;
  options.saved.replaces = SessionId(7);
  ScriptedClient client(options);
  client.preempt("a");
  const auto& open = std::get<wire::OpenSession>(client.last().request.body);
  CHECK(open.nonce == 1234);
  CHECK(open.replaces == SessionId(7));
}

TEST_CASE("a session can be restored after the cluster is known") {
  ScriptedClient client(options_with(1));
  client.status();
  client.answer(client.last(), wire::StatusAnswer{}, 50);
  client.sent.clear();
  wire::Secret secret{};
  secret[0] = 1;
  client.core.restore_session(secret, kept({preempt_of("u", 4)}).saved);
  CHECK(client.core.session().highest_index() == LogIndex(50));
  client.preempt("a");
  CHECK(client.last_execute().number == RequestNumber(4));
}

TEST_CASE("reads ask for the highest index seen, and never believe an older answer") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");  // answered at index 11
  const CallId call = client.check("x");
  CHECK(std::get<wire::CheckRequest>(client.last().request.body).at_least == LogIndex(11));
  client.answer(client.last(), wire::CheckAnswer{}, 10);
  CHECK_FALSE(client.is_done(call));
  client.pass(10ms);
  REQUIRE(client.sent.size() == 2);
  client.answer(client.last(), wire::CheckAnswer{}, 30);
  CHECK(client.done.at(call).applied == LogIndex(30));
  client.check("x");
  CHECK(std::get<wire::CheckRequest>(client.last().request.body).at_least == LogIndex(30));
  ScriptedClient with_memory(kept());
  with_memory.check("x");
  CHECK(std::get<wire::CheckRequest>(with_memory.last().request.body).at_least == LogIndex(40));
}

TEST_CASE("a repeated command takes the answer of its unfinished first copy, if that says yes") {
  ClientOptions options = kept({preempt_of("a", 4)});
  options.claims_unfinished = true;
  ScriptedClient client(options);
  const CallId call = client.preempt("a");
  REQUIRE(client.sent.size() == 1);
  CHECK(client.last_execute().number == RequestNumber(4));
  client.answer(client.last(), locks::Granted{FencingToken(20)});
  CHECK(client.outcome<locks::Granted>(call).token == FencingToken(20));
  CHECK(client.sent.size() == 1);
}

TEST_CASE("a repeated command is asked anew if its first copy was refused long ago") {
  ClientOptions options = kept({preempt_of("a", 4)});
  options.claims_unfinished = true;
  ScriptedClient client(options);
  const CallId call = client.preempt("a");
  client.answer(client.last(), locks::Held{});
  CHECK_FALSE(client.is_done(call));
  REQUIRE(client.sent.size() == 2);
  CHECK(client.last_execute().number == RequestNumber(5));
  client.answer(client.last(), locks::Granted{FencingToken(21)});
  client.outcome<locks::Granted>(call);
}

TEST_CASE("another command, or a request that was not the last word, is never claimed") {
  ClientOptions options = kept({preempt_of("a", 3)});  // number 4 was answered after it was sent
  options.claims_unfinished = true;
  ScriptedClient client(options);
  const CallId call = client.preempt("a");
  client.answer(client.last(), locks::Granted{FencingToken(20)});
  CHECK_FALSE(client.is_done(call));
  CHECK(client.last_execute().number == RequestNumber(5));

  ClientOptions other = kept({preempt_of("a", 4)});
  other.claims_unfinished = true;
  ScriptedClient releasing(other);
  const CallId release = releasing.release("a");
  CHECK(releasing.last_execute().number == RequestNumber(4));
  releasing.answer(releasing.last(), locks::Granted{FencingToken(20)});
  CHECK_FALSE(releasing.is_done(release));
  CHECK(releasing.last_execute().number == RequestNumber(5));
}

TEST_CASE("a claimed request that times out again stays unfinished") {
  ClientOptions options = kept({preempt_of("a", 4)});
  options.claims_unfinished = true;
  ScriptedClient client(options);
  const CallId call = client.preempt("a");
  client.pass(5s);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kUnavailable);
  CHECK(client.core.session().is_unanswered(RequestNumber(4)));
  client.sent.clear();
  const CallId again = client.preempt("a");
  client.answer(client.last(), locks::Granted{FencingToken(20)});
  client.outcome<locks::Granted>(again);
}

TEST_CASE("a release is never taken for one that undoes an acquisition which its call gave up") {
  ClientOptions options = options_with(1);
  options.claims_unfinished = true;
  ScriptedClient client(options);
  client.open_by_preempting("x");
  client.acquire({"a"});
  const ClientSend acquire = client.last();
  client.pass(5s);  // its call ends, unavailable
  client.answer(acquire, locks::Granted{FencingToken(20)}, 20);
  const ClientSend undo = client.last_of<locks::Release>();
  const CallId release = client.release("a");
  client.answer(undo, locks::Released{}, 21);
  CHECK_FALSE(client.is_done(release));
  client.answer(client.last_of<locks::Release>(), locks::NotHolder{}, 22);
  client.outcome<locks::NotHolder>(release);
}

}  // namespace lockstep::session_test

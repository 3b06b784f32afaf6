#include "tests/unit/client/scripted_client.hpp"

namespace lockstep::retry_test {

TEST_CASE("the first operation opens the session, the next ones use it") {
  ScriptedClient client(options_with(1));
  const CallId first = client.preempt("a");
  REQUIRE(client.sent.size() == 1);
  const auto& open = std::get<wire::OpenSession>(client.last().request.body);
  CHECK(open.nonce == 77);
  CHECK(open.ttl_ms == 0);
  CHECK_FALSE(open.replaces);
  client.open(SessionId(10));
  CHECK(client.last_execute().session == SessionId(10));
  CHECK(client.last_execute().number == RequestNumber(1));
  client.answer(client.last(), locks::Granted{FencingToken(12)}, 12);
  CHECK(client.outcome<locks::Granted>(first).token == FencingToken(12));
  CHECK(client.done.at(first).applied == LogIndex(12));

  const CallId second = client.release("a");
  REQUIRE(client.sent.size() == 2);
  CHECK(client.last_execute().number == RequestNumber(2));
  client.answer(client.last(), locks::Released{});
  client.outcome<locks::Released>(second);
}

TEST_CASE("a retry after silence has the same number, a new call number, and goes to the next endpoint") {
  ScriptedClient client(options_with(3));
  client.open_by_preempting("x");
  const CallId call = client.preempt("a");
  client.pass(1s);
  REQUIRE(client.sent.size() == 2);
  const ClientSend first = client.sent[0];
  const ClientSend second = client.sent[1];
  CHECK(second.endpoint == (first.endpoint + 1) % 3);
  CHECK(second.request.call != first.request.call);
  CHECK(client.execute(second) == client.execute(first));
  CHECK_FALSE(client.is_done(call));

  client.pass(1s);
  CHECK(client.last().endpoint == (first.endpoint + 2) % 3);
}

TEST_CASE("an answer to an earlier copy ends the call, and answers to the others change nothing") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  const CallId call = client.preempt("a");
  client.pass(2s);
  REQUIRE(client.sent.size() == 3);
  const auto sent = client.sent;
  client.answer(sent[0], locks::Granted{FencingToken(20)}, 20);
  CHECK(client.outcome<locks::Granted>(call).token == FencingToken(20));
  client.answer(sent[1], locks::Granted{FencingToken(20)}, 20);  // ScriptedClient requires one completion a call
  client.answer(sent[0], locks::Granted{FencingToken(20)}, 20);
  client.answer(sent[2], locks::Held{}, 21);
  CHECK(client.sent.size() == 3);
  client.pass(1min);
  CHECK(client.sent.size() == 3);
  CHECK(client.core.next_deadline() == Time::max());
}

TEST_CASE("a late answer is not taken for the answer to another call") {
  ScriptedClient client(options_with(1));
  client.open_by_preempting("x");
  client.preempt("a");
  const ClientSend first = client.last();
  client.answer(first, locks::Granted{FencingToken(20)}, 20);
  const CallId other = client.preempt("b");
  client.answer(first, locks::Granted{FencingToken(20)}, 20);
  CHECK_FALSE(client.is_done(other));
  client.answer(client.last(), locks::Held{}, 21);
  client.outcome<locks::Held>(other);
}

TEST_CASE("a node that cannot read a retry says nothing of the copy that another may have run") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  const CallId call = client.preempt("a");
  const ClientSend first = client.last();
  client.pass(std::chrono::milliseconds(1500));
  const ClientSend retry = client.last();
  REQUIRE(retry.request.call != first.request.call);
  client.refuse(retry, ErrorCode::kUnsupportedVersion);
  CHECK_FALSE(client.is_done(call));
  client.answer(first, locks::Granted{FencingToken(20)}, 20);
  CHECK(client.outcome<locks::Granted>(call).token == FencingToken(20));
}

TEST_CASE("what says nothing of earlier copies is asked again under the same number, elsewhere, after a pause") {
  for (const ErrorCode code : {ErrorCode::kBusy, ErrorCode::kNoLeader, ErrorCode::kUnavailable}) {
    CAPTURE(error_info(code).name);
    ScriptedClient client(options_with(2));
    client.open_by_preempting("x");
    const CallId call = client.preempt("a");
    const ClientSend first = client.last();
    client.refuse(first, code);
    CHECK(client.sent.size() == 1);
    client.pass(10ms);
    REQUIRE(client.sent.size() == 2);
    CHECK(client.last().endpoint != first.endpoint);
    CHECK(client.execute(client.last()) == client.execute(first));
    CHECK_FALSE(client.is_done(call));
  }
}

TEST_CASE("pauses between refused copies grow up to a limit") {
  ScriptedClient client(options_with(3));
  client.open_by_preempting("x");
  client.preempt("a");
  Duration last_pause{};
  for (int i = 0; i < 12; ++i) {
    if (client.sent.empty()) break;
    const ClientSend copy = client.last();
    const std::size_t before = client.sent.size();
    client.refuse(copy, ErrorCode::kNoLeader);
    const Time refused = client.now;
    if (!client.core.has_waiting_calls()) break;
    last_pause = client.core.next_deadline() - refused;
    CHECK(last_pause <= 500ms);
    client.pass(last_pause);
    if (client.sent.size() == before) break;  // the call's time is over
  }
  CHECK(last_pause >= 200ms);
}

TEST_CASE("a refusal of an earlier copy does not disturb the newer one") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  client.preempt("a");
  client.pass(1s);
  REQUIRE(client.sent.size() == 2);
  const ClientSend old_copy = client.sent[0];
  client.refuse(old_copy, ErrorCode::kUnavailable);
  client.pass(500ms);
  CHECK(client.sent.size() == 2);
}

TEST_CASE("without a connection the next endpoint is tried soon") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  client.preempt("a");
  const ClientSend first = client.last();
  client.not_connected(first.endpoint);
  client.pass(10ms);
  REQUIRE(client.sent.size() == 2);
  CHECK(client.last().endpoint != first.endpoint);
  client.not_connected(first.endpoint);  // nothing waits for that one any more
  CHECK(client.sent.size() == 2);
}

TEST_CASE("new requests start at the endpoint that answers") {
  ScriptedClient client(options_with(3));
  client.check("a");
  const std::size_t silent = client.last().endpoint;
  client.pass(1s);
  const std::size_t alive = client.last().endpoint;
  CHECK(alive != silent);
  client.answer(client.last(), wire::CheckAnswer{}, 5);
  client.check("b");
  CHECK(client.last().endpoint == alive);
}

TEST_CASE("a call ends when its time is over, as unavailable, and it is known what was wrong where") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  const CallId call = client.preempt("a");
  client.refuse(client.last(), ErrorCode::kNoLeader);
  for (int i = 0; i < 100 && !client.is_done(call); ++i) {
    client.pass(100ms);
    if (!client.is_done(call)) client.refuse(client.last(), ErrorCode::kNoLeader);
  }
  const auto& error = client.outcome<ClientError>(call);
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.detail == "no answer within 5 s");
  for (const std::string& problem : client.core.endpoint_problems()) CHECK(problem.starts_with("no_leader: "));
}

TEST_CASE("a call may have a time of its own") {
  ScriptedClient client(options_with(1));
  const CallId call = client.core.read(client.now, wire::CheckRequest{"a", wire::ReadMode::kLocal, {}}, 300ms);
  client.pass(299ms);
  CHECK_FALSE(client.is_done(call));
  client.pass(1ms);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kUnavailable);
}

TEST_CASE("a definite error ends the call at once") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  const CallId call = client.preempt("a");
  client.refuse(client.last(), ErrorCode::kTooManyLocks);
  CHECK(client.outcome<ClientError>(call).code == ErrorCode::kTooManyLocks);
  CHECK(client.core.session().unanswered().empty());
}

TEST_CASE("a bad name never leaves, and uses no number") {
  ScriptedClient client(options_with(1));
  for (const CallId call : {client.preempt(""), client.release("a\nb"), client.check(std::string(256, 'n'))}) {
    const auto& error = client.outcome<ClientError>(call);
    CHECK(error.code == ErrorCode::kInvalidName);
    CHECK_FALSE(error.detail.empty());
  }
  CHECK(client.sent.empty());
  CHECK(client.core.next_deadline() == Time::max());
}

TEST_CASE("an answer of another kind is not believed") {
  ScriptedClient client(options_with(2));
  client.open_by_preempting("x");
  const CallId preempt = client.preempt("a");
  client.answer(client.last(), locks::Released{});
  CHECK_FALSE(client.is_done(preempt));
  client.pass(10ms);
  REQUIRE(client.sent.size() == 2);
  client.answer(client.last(), locks::Held{}, 30);
  client.outcome<locks::Held>(preempt);
  const CallId check = client.check("a");
  client.answer(client.last(), wire::StatusAnswer{}, 30);
  CHECK_FALSE(client.is_done(check));
}

TEST_CASE("an error that names no call moves on what waits at that endpoint, and tells why in the end") {
  ScriptedClient client(options_with(2));
  const CallId call = client.status();
  const ClientSend first = client.last();
  client.core.step(client.now, ServerMessage{first.endpoint,
                                             {CallNumber(), LogIndex(),
                                              wire::ErrorAnswer{ErrorCode::kUnsupportedVersion, "version 9", {}}}});
  client.pass(10ms);
  REQUIRE(client.sent.size() == 2);
  CHECK(client.last().endpoint != first.endpoint);
  CHECK_FALSE(client.is_done(call));
}

TEST_CASE("a copy of the core goes its own way and the same events give the same output") {
  ScriptedClient one(options_with(3));
  one.preempt("a");
  ScriptedClient two = one;
  for (ScriptedClient* client : {&one, &two}) {
    client->open();
    client->refuse(client->last(), ErrorCode::kBusy);
    client->pass(3s);
  }
  REQUIRE(one.sent.size() == two.sent.size());
  for (std::size_t i = 0; i < one.sent.size(); ++i) {
    CHECK(one.sent[i].endpoint == two.sent[i].endpoint);
    CHECK(one.sent[i].request == two.sent[i].request);
  }
}

}  // namespace lockstep::retry_test

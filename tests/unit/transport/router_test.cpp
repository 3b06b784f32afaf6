// Goal: whatever frames a client sends, a node's ROUTER gives whole requests or a clear rejection, and goes on.
// Method: a real ROUTER on a port of the system's choice, against plain sockets that misbehave on purpose.
#include "nodes/transport/router.hpp"

#include <doctest/doctest.h>

#include "nodes/transport/client_connection.hpp"
#include "protocol/wire/limits.hpp"
#include "tests/support/port_of_nobody.hpp"
#include "transport_testing.hpp"

namespace lockstep::router_test {

using lockstep::testing::eventually;
using lockstep::testing::kAnyPort;
using lockstep::testing::PortOfNobody;
using lockstep::testing::receive;
using lockstep::testing::receive_one;
using lockstep::testing::send_eventually;

namespace {

struct Fixture {
  Context context;
  Router router = std::move(*Router::for_clients(context, std::string(kAnyPort)));

  zmq::socket_t connect(zmq::socket_type type, const std::string& routing_id = "") {
    zmq::socket_t socket(context.raw(), type);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 120'000);
    if (!routing_id.empty()) socket.set(zmq::sockopt::routing_id, routing_id);
    socket.connect(router.endpoint());
    return socket;
  }
};

void send_frames(zmq::socket_t& socket, const std::vector<std::string>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto more = i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    REQUIRE(socket.send(zmq::buffer(frames[i]), more));
  }
}

std::vector<std::string> receive_frames(zmq::socket_t& socket) {
  std::vector<std::string> frames;
  zmq::message_t frame;
  do {
    if (!socket.recv(frame)) return frames;
    frames.push_back(frame.to_string());
  } while (frame.more());
  return frames;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a DEALER's request is one frame, and so is its answer") {
  zmq::socket_t dealer = connect(zmq::socket_type::dealer);
  send_frames(dealer, {"question"});
  const auto requests = receive(router, 1);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].body == "question");
  CHECK(requests[0].flaw.empty());
  CHECK(router.send(requests[0].connection, "answer") == SendResult::kSent);
  CHECK(receive_frames(dealer) == std::vector<std::string>{"answer"});
}

TEST_CASE_FIXTURE(Fixture, "a REQ's empty frame is taken and given back") {
  zmq::socket_t req = connect(zmq::socket_type::req);
  for (const std::string text : {"first", "second"}) {
    send_frames(req, {text});
    const auto requests = receive(router, 1);
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].body == text);
    CHECK(router.send(requests[0].connection, "re: " + text) == SendResult::kSent);
    // A REQ socket takes only an answer that begins with the empty frame, and hides it.
    CHECK(receive_frames(req) == std::vector<std::string>{"re: " + text});
  }
}

TEST_CASE_FIXTURE(Fixture, "each connection has an id of its own") {
  zmq::socket_t a = connect(zmq::socket_type::dealer);
  zmq::socket_t b = connect(zmq::socket_type::req);
  send_frames(a, {"a"});
  send_frames(b, {"b"});
  auto requests = receive(router, 2);
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].connection);
  CHECK(requests[1].connection);
  CHECK(requests[0].connection != requests[1].connection);
  for (const ReceivedRequest& request : requests) router.send(request.connection, "to " + request.body);
  CHECK(receive_frames(a) == std::vector<std::string>{"to a"});
  CHECK(receive_frames(b) == std::vector<std::string>{"to b"});
}

TEST_CASE_FIXTURE(Fixture, "a message of several frames is rejected whole, and the connection goes on") {
  zmq::socket_t dealer = connect(zmq::socket_type::dealer);
  send_frames(dealer, {"one", "two"});
  send_frames(dealer, {"", "one", "two", "three"});
  send_frames(dealer, {"", "", ""});
  send_frames(dealer, std::vector<std::string>(500, "x"));
  send_frames(dealer, {"good"});
  const auto requests = receive(router, 5);
  REQUIRE(requests.size() == 5);
  CHECK(requests[0].flaw == "expected one frame, got 2");
  CHECK(requests[1].flaw == "expected one frame, got 3");
  CHECK(requests[2].flaw == "expected one frame, got 2");
  CHECK(requests[3].flaw == "expected one frame, got 500");
  for (std::size_t i = 0; i < 4; ++i) CHECK(requests[i].body.empty());
  CHECK(requests[4].body == "good");
  CHECK(router.counters().malformed == 4);
}

TEST_CASE_FIXTURE(Fixture, "an empty frame alone is a request with an empty body") {
  zmq::socket_t dealer = connect(zmq::socket_type::dealer);
  send_frames(dealer, {""});
  const auto requests = receive(router, 1);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].body.empty());
  CHECK(requests[0].flaw.empty());
}

TEST_CASE_FIXTURE(Fixture, "a flood of frames takes several turns, and other clients are answered after it") {
  constexpr std::size_t kFlood = 3 * kFramesPerTurn;
  zmq::socket_t flooder = connect(zmq::socket_type::dealer);
  send_frames(flooder, std::vector<std::string>(kFlood, "x"));
  std::size_t turns = 0;
  std::vector<ReceivedRequest> requests;
  CHECK(eventually({router.poll_item()}, [&] {
    requests = router.receive();
    if (!router.read_empty()) ++turns;
    return !requests.empty();
  }));
  CHECK(turns == 3);
  CHECK(requests[0].flaw == "expected one frame, got " + std::to_string(kFlood));

  zmq::socket_t dealer = connect(zmq::socket_type::dealer);
  send_frames(dealer, {"after"});
  const auto after = receive(router, 1);
  REQUIRE(after.size() == 1);
  CHECK(after[0].body == "after");
}

TEST_CASE_FIXTURE(Fixture, "a routing id that the client chose is dropped and counted") {
  zmq::socket_t named = connect(zmq::socket_type::dealer, "admin");
  zmq::socket_t five = connect(zmq::socket_type::dealer, "12345");
  send_frames(named, {"hello"});
  send_frames(five, {"hello"});
  CHECK(eventually({router.poll_item()}, [&] {
    CHECK(router.receive().empty());
    return router.counters().foreign_routing_ids == 2;
  }));
}

TEST_CASE_FIXTURE(Fixture, "a frame above the limit ends only the connection that sent it") {
  zmq::socket_t large = connect(zmq::socket_type::dealer);
  zmq::socket_t honest = connect(zmq::socket_type::dealer);
  send_frames(large, {std::string(wire::kMaxClientFrame + 1, 'x')});
  send_frames(honest, {std::string(wire::kMaxClientFrame, 'y')});
  const auto requests = receive(router, 1);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].body == std::string(wire::kMaxClientFrame, 'y'));
}

TEST_CASE_FIXTURE(Fixture, "an answer to a client that has left is reported and counted") {
  ConnectionId connection;
  {
    zmq::socket_t dealer = connect(zmq::socket_type::dealer);
    send_frames(dealer, {"bye"});
    connection = receive(router, 1).at(0).connection;
  }
  CHECK(eventually({}, [&] { return router.send(connection, "answer") == SendResult::kGone; }));
  CHECK(router.counters().sends_gone == 1);
}

TEST_CASE_FIXTURE(Fixture, "an answer to a client that reads nothing is given up, never waited for") {
  zmq::socket_t deaf = connect(zmq::socket_type::dealer);
  send_frames(deaf, {"hello"});
  const ConnectionId connection = receive(router, 1).at(0).connection;
  const std::string large(wire::kMaxClientFrame, 'x');
  bool full = false;
  for (int sent = 0; sent < 20'000 && !full; ++sent) full = router.send(connection, large) == SendResult::kFull;
  CHECK(full);
  CHECK(router.counters().sends_full == 1);
}

TEST_CASE_FIXTURE(Fixture, "a port in use is an error that names the endpoint") {
  const std::string taken = router.endpoint();
  const auto second = Router::for_clients(context, taken);
  REQUIRE_FALSE(second);
  CHECK(to_string(second.error()) == taken + ": address already in use");
}

TEST_CASE_FIXTURE(Fixture, "an endpoint that cannot be bound is an error that says why") {
  const auto bad = Router::for_peers(context, "tcp://127.0.0.1");
  REQUIRE_FALSE(bad);
  CHECK(to_string(bad.error()) == "tcp://127.0.0.1: expected tcp://host:port or ipc://path");
  // TEST-NET-1 (RFC 5737) is no address of this machine.
  const auto foreign = Router::for_peers(context, "tcp://192.0.2.1:7101");
  REQUIRE_FALSE(foreign);
  CHECK(to_string(foreign.error()) == "tcp://192.0.2.1:7101: cannot assign requested address");
}

TEST_CASE_FIXTURE(Fixture, "a client program's connection asks and is answered") {
  auto client = ClientConnection::open(context, router.endpoint());
  REQUIRE(client);
  REQUIRE(send_eventually([&] { return client->send("question"); }));
  const auto requests = receive(router, 1);
  REQUIRE(requests.size() == 1);
  router.send(requests[0].connection, "answer");
  CHECK(receive_one(*client) == "answer");
}

TEST_CASE_FIXTURE(Fixture, "a client's connection takes nothing while nobody is there") {
  const PortOfNobody nobody;
  auto client = ClientConnection::open(context, nobody.endpoint());
  REQUIRE(client);
  CHECK(client->send("question") == SendResult::kFull);
}

TEST_CASE("a client's connection refuses an endpoint that names nobody") {
  Context context;
  const auto client = ClientConnection::open(context, "tcp://*:7101");
  REQUIRE_FALSE(client);
  CHECK(to_string(client.error()) == "tcp://*:7101: '*' names no one machine that others could connect to");
}

}  // namespace lockstep::router_test

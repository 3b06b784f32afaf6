// Goal: whatever arrives on any socket of a node, the node goes on: it neither ends nor hangs nor changes what it
// holds, and what a client can be told about its mistake it is told. Method: bytes below ZeroMQ (raw TCP), wrong
// messages over ZeroMQ, and a false peer in the place of a node that is down. After each attack every node that
// was attacked must still be the same process, answer its status, and grant a lock.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zmq.hpp>

#include "nodes/transport/endpoint.hpp"
#include "protocol/base/random.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using namespace std::string_literals;
using lockstep::testing::RawClient;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

// Sends bytes over TCP as they are, and closes. A node may close first.
void send_tcp(const std::string& endpoint, const std::string& bytes) {
  const auto parsed = parse_endpoint(endpoint);
  REQUIRE(parsed);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(parsed->port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  close(fd);
}

// ZMTP 3.0 (RFC 23): greeting without security, then READY with the socket type.
std::string zmtp_greeting() {
  return "\xff"s + std::string(8, '\0') + "\x7f" + "\x03"s + "\0"s + "NULL" + std::string(16, '\0') +
         std::string(32, '\0');
}
std::string zmtp_ready(const std::string& socket_type) {
  const std::string body =
      "\x05READY\x0bSocket-Type"s + std::string(3, '\0') + static_cast<char>(socket_type.size()) + socket_type;
  return "\x04"s + static_cast<char>(body.size()) + body;
}

struct Target {
  std::string endpoint;
  std::string speaks;  // a socket type that it takes
};
std::vector<Target> sockets_of(const StartedCluster& cluster, const std::string& name) {
  const auto& at = cluster.endpoints(name);
  return {{at.client, "DEALER"}, {at.peer, "DEALER"}, {at.publish, "SUB"}};
}

zmq::socket_t connected(StartedCluster& cluster, zmq::socket_type type, const std::string& endpoint) {
  zmq::socket_t socket(cluster.context()->raw(), type);
  socket.set(zmq::sockopt::linger, 10'000);
  socket.set(zmq::sockopt::sndtimeo, 10'000);
  socket.set(zmq::sockopt::rcvtimeo, 120'000);
  socket.connect(endpoint);
  return socket;
}

void send_frames(zmq::socket_t& socket, const std::vector<std::string>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto more = i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    REQUIRE(socket.send(zmq::buffer(frames[i]), more));
  }
}

// The node is the process it was, says where it stands, and takes part in granting a lock.
void check_that_it_serves(StartedCluster& cluster, const std::string& name) {
  static int attacks = 0;
  CAPTURE(name);
  const auto status = cluster.status(name, testing::kPatience);
  REQUIRE(status);
  CHECK(status->pid == static_cast<std::uint64_t>(cluster.pid(name)));
  Client client = cluster.client({name});
  const auto granted = client.preempt("after attack " + std::to_string(++attacks));
  REQUIRE(granted);
  CHECK(granted->granted);
}

wire::ErrorAnswer refusal_of(RawClient& client, const std::string& frame) {
  client.send_frame(frame);
  const auto response = client.receive();
  REQUIRE(response);
  REQUIRE(std::holds_alternative<wire::ErrorAnswer>(response->body));
  return std::get<wire::ErrorAnswer>(response->body);
}

std::string valid_request() {
  wire::CheckRequest check;
  check.name = "a lock";
  return wire::encode(wire::Request{CallNumber(77), check});
}

raft::Message valid_message(const wire::StatusAnswer& status) {
  raft::Append append;
  append.previous_index = status.last_index;
  append.previous_term = status.term;
  const locks::Execute execute{SessionId(1), RequestNumber(1), RequestNumber(1), locks::Preempt{"a lock"}};
  append.entries = {{status.term, WallTime{}, raft::Noop{}},
                    {status.term, WallTime{}, raft::Command{wire::encode(locks::Command{execute})}}};
  return {status.cluster, status.term, NodeId(12345), {}, append};
}

}  // namespace

TEST_CASE("bytes that are not ZeroMQ do no harm on any socket") {
  StartedCluster cluster(3);
  Random random(1);
  for (const Target& target : sockets_of(cluster, "a")) {
    CAPTURE(target.endpoint);
    for (int i = 0; i < 50; ++i) send_tcp(target.endpoint, random_bytes(random, random.below(2000)));
    send_tcp(target.endpoint, "");
    send_tcp(target.endpoint, "GET / HTTP/1.1\r\nHost: lockstep\r\n\r\n");
    send_tcp(target.endpoint, random_bytes(random, 1'000'000));
    check_that_it_serves(cluster, "a");
  }
}

TEST_CASE("ZeroMQ that breaks off or lies about sizes does no harm on any socket") {
  StartedCluster cluster(3);
  Random random(2);
  for (const Target& target : sockets_of(cluster, "a")) {
    CAPTURE(target.endpoint);
    const std::string hello = zmtp_greeting() + zmtp_ready(target.speaks);
    for (std::size_t size = 0; size <= hello.size(); size += 3) send_tcp(target.endpoint, hello.substr(0, size));
    for (int i = 0; i < 50; ++i) send_tcp(target.endpoint, hello + random_bytes(random, random.below(500)));
    send_tcp(target.endpoint, zmtp_greeting() + zmtp_ready("PUSH"));
    send_tcp(target.endpoint, hello + "\x02"s + "\x7f" + std::string(7, '\xff') + "a frame of eight exabytes");
    send_tcp(target.endpoint, hello + "\x00\xff"s + "a frame that ends early");
    send_tcp(target.endpoint, hello + "\xff" + std::string(100, '\xff'));
    std::string endless = hello;
    for (int i = 0; i < 10'000; ++i) endless += "\x01\x01x"s;  // "more" follows each, and never comes
    send_tcp(target.endpoint, endless);
    check_that_it_serves(cluster, "a");
  }
}

TEST_CASE("every truncated request is answered with an error, counted, and harms nothing") {
  StartedCluster cluster(3);
  RawClient client = cluster.raw_client("a");
  const std::string request = valid_request();
  const std::uint64_t before = cluster.status("a")->rejected_frames;
  for (std::size_t size = 0; size < request.size(); ++size) {
    CAPTURE(size);
    const wire::ErrorAnswer error = refusal_of(client, request.substr(0, size));
    CHECK(error.code == ErrorCode::kBadRequest);
    CHECK(error.detail != "");
  }
  const wire::ErrorAnswer trailing = refusal_of(client, request + "x");
  CHECK(trailing.code == ErrorCode::kBadRequest);
  CHECK(cluster.status("a")->rejected_frames == before + request.size() + 1);
  check_that_it_serves(cluster, "a");
}

TEST_CASE("a wrong version is answered as such, and so are wrong fields, by name and under their call number") {
  StartedCluster cluster(1);
  RawClient client = cluster.raw_client("a");
  std::string request = valid_request();
  REQUIRE(static_cast<std::uint8_t>(request[1]) == wire::kVersion);
  request[1] = 9;
  const wire::ErrorAnswer version = refusal_of(client, request);
  CHECK(version.code == ErrorCode::kUnsupportedVersion);
  CHECK(version.detail.find("version") != std::string::npos);

  wire::CheckRequest check;
  check.name = "line\nbreak";
  client.send_frame(wire::encode(wire::Request{CallNumber(78), check}));
  const auto response = client.receive();
  REQUIRE(response);
  CHECK(response->call == CallNumber(78));
  REQUIRE(std::holds_alternative<wire::ErrorAnswer>(response->body));
  CHECK(std::get<wire::ErrorAnswer>(response->body).code == ErrorCode::kInvalidName);
  CHECK(std::get<wire::ErrorAnswer>(response->body).detail.find("name") != std::string::npos);
  check_that_it_serves(cluster, "a");
}

TEST_CASE("random requests, and right ones with a byte changed, are each answered") {
  StartedCluster cluster(3);
  RawClient client = cluster.raw_client("b");
  Random random(3);
  const std::string request = valid_request();
  constexpr int kFrames = 500;
  for (int i = 0; i < kFrames; ++i) {
    std::string frame = random_bytes(random, random.below(200));
    if (random.one_in(2)) {
      // But for the last field: a read that must wait for an index far ahead is a right one.
      frame = request;
      frame[random.below(frame.size() - 1)] ^= static_cast<char>(1 + random.below(255));
    }
    client.send_frame(frame);
    REQUIRE(client.receive());
  }
  check_that_it_serves(cluster, "b");
}

TEST_CASE("a client's multipart message is answered with an error, however long it is") {
  StartedCluster cluster(3);
  for (const std::size_t frames : {2U, 3U, 10U, 20'000U}) {
    CAPTURE(frames);
    zmq::socket_t dealer = connected(cluster, zmq::socket_type::dealer, cluster.endpoints("a").client);
    send_frames(dealer, std::vector<std::string>(frames, valid_request()));
    zmq::message_t answer;
    REQUIRE(dealer.recv(answer));
    const auto response = wire::decode_response(answer.to_string_view());
    REQUIRE(response);
    REQUIRE(std::holds_alternative<wire::ErrorAnswer>(response->body));
    CHECK(std::get<wire::ErrorAnswer>(response->body).detail ==
          "message: expected one frame, got " + std::to_string(frames));
  }
  check_that_it_serves(cluster, "a");
}

TEST_CASE("a frame above a socket's limit ends its sender's connection and nothing else") {
  StartedCluster cluster(3);
  RawClient honest = cluster.raw_client("a");
  honest.ask(wire::StatusRequest{});
  const auto& at = cluster.endpoints("a");
  zmq::socket_t to_client = connected(cluster, zmq::socket_type::dealer, at.client);
  send_frames(to_client, {std::string(wire::kMaxClientFrame + 1, 'x')});
  zmq::socket_t to_peer = connected(cluster, zmq::socket_type::dealer, at.peer);
  send_frames(to_peer, {std::string(wire::kMaxPeerFrame + 1, 'x')});
  // A subscription of a size that only costs memory.
  const std::string topic = "\x01"s + std::string(0xfffff, 'x');
  send_tcp(at.publish, zmtp_greeting() + zmtp_ready("SUB") + "\x02"s + std::string(5, '\0') + "\x10"s +
                           std::string(2, '\0') + topic);
  for (int i = 0; i < 20; ++i) honest.ask(wire::StatusRequest{});
  check_that_it_serves(cluster, "a");
}

TEST_CASE("a request above the limit of a request is refused unread, and one at it is read") {
  StartedCluster cluster(1);
  RawClient client = cluster.raw_client("a");
  const std::string longest(wire::kMaxClientRequest, '\x01');
  CHECK(refusal_of(client, longest).detail == "request: expected an array, got an integer");
  CHECK(refusal_of(client, longest + "x").detail == "request: is 32769 bytes long, at most 32768 are allowed");
  CHECK(refusal_of(client, std::string(wire::kMaxClientFrame, '\xc4')).code == ErrorCode::kBadRequest);
  CHECK(refusal_of(client, std::string(wire::kMaxClientRequest + 1, '\x94')).code == ErrorCode::kBadRequest);
}

TEST_CASE("a session's note of 1024 bytes is taken, and a longer one is refused by name") {
  StartedCluster cluster(1);
  RawClient client = cluster.raw_client("a");
  wire::OpenSession open;
  open.client.bytes[0] = 1;
  open.note = std::string(wire::kMaxNote, 'n');
  std::string longer = wire::encode(wire::Request{CallNumber(1), open});
  longer[longer.size() - wire::kMaxNote - 1] = 1;  // the lower byte of the note's length, which was 1024
  const wire::ErrorAnswer error = refusal_of(client, longer + "n");
  CHECK(error.code == ErrorCode::kBadRequest);
  CHECK(error.detail == "open_session.note: is 1025 bytes long, at most 1024 are allowed");
  CHECK(client.ask_for<locks::SessionOpened>(open).session);
}

TEST_CASE("a client that chooses its routing id, or reads none of its answers, disturbs nobody") {
  StartedCluster cluster(3);
  zmq::socket_t named(cluster.context()->raw(), zmq::socket_type::dealer);
  named.set(zmq::sockopt::linger, 0);
  named.set(zmq::sockopt::rcvtimeo, 100);
  named.set(zmq::sockopt::routing_id, "admin");
  named.connect(cluster.endpoints("a").client);
  send_frames(named, {valid_request()});

  zmq::socket_t deaf(cluster.context()->raw(), zmq::socket_type::dealer);
  deaf.set(zmq::sockopt::linger, 0);
  deaf.set(zmq::sockopt::rcvhwm, 1);
  deaf.connect(cluster.endpoints("a").client);
  const std::string status = wire::encode(wire::Request{CallNumber(1), wire::StatusRequest{}});
  RawClient honest = cluster.raw_client("a");
  for (int i = 0; i < 20'000; ++i) {
    (void)deaf.send(zmq::buffer(status), zmq::send_flags::dontwait);
    if (i % 1000 == 0) honest.ask(wire::StatusRequest{});
  }
  check_that_it_serves(cluster, "a");
  zmq::message_t answer;
  CHECK_FALSE(named.recv(answer));
}

TEST_CASE("what no peer would send changes nothing on the peer sockets") {
  StartedCluster cluster(3, lockstep::testing::kNoElections);
  Random random(4);
  const auto before = cluster.status("a");
  REQUIRE(before);
  const std::string message = wire::encode(valid_message(*before));
  REQUIRE(wire::decode_message(message));
  zmq::socket_t dealer = connected(cluster, zmq::socket_type::dealer, cluster.endpoints("a").peer);
  for (std::size_t size = 0; size < message.size(); ++size) send_frames(dealer, {message.substr(0, size)});
  for (int i = 0; i < 500; ++i) send_frames(dealer, {random_bytes(random, random.below(300))});
  send_frames(dealer, std::vector<std::string>(20'000, message));
  send_frames(dealer, {"", message, message});
  std::string other_version = message;
  other_version[1] = 9;
  send_frames(dealer, {other_version});

  zmq::socket_t subscriber = connected(cluster, zmq::socket_type::xsub, cluster.endpoints("a").publish);
  for (int i = 0; i < 1000; ++i) send_frames(subscriber, {"\x01"s + random_bytes(random, 100)});
  send_frames(subscriber, std::vector<std::string>(1000, message));

  check_that_it_serves(cluster, "a");
  const auto after = cluster.status("a");
  REQUIRE(after);
  CHECK(after->term == before->term);
  CHECK(after->leader == before->leader);
}

TEST_CASE("a false peer in the place of a node that is down does no harm to the others") {
  StartedCluster cluster(3);
  const std::string down = cluster.follower();
  const std::vector<std::string> rest = cluster.names_but(down);
  const auto before = cluster.status(rest[0]);
  REQUIRE(before);
  cluster.kill(down);
  Random random(5);
  {
    // A context of their own: its end waits until both ports are free, which closing a socket does not.
    zmq::context_t false_peer;
    zmq::socket_t publisher(false_peer, zmq::socket_type::xpub);
    publisher.set(zmq::sockopt::linger, 0);
    publisher.set(zmq::sockopt::rcvtimeo, 120'000);
    publisher.set(zmq::sockopt::xpub_verbose, true);  // else the second subscription would not be seen
    publisher.bind(cluster.endpoints(down).publish);
    // Both of the others are connected again once both have subscribed.
    for (int subscribers = 0; subscribers < 2; ++subscribers) {
      zmq::message_t subscription;
      REQUIRE(publisher.recv(subscription));
    }
    const std::string message = wire::encode(valid_message(*before));
    for (std::size_t size = 0; size < message.size(); ++size) send_frames(publisher, {message.substr(0, size)});
    for (int i = 0; i < 500; ++i) send_frames(publisher, {random_bytes(random, random.below(300))});
    send_frames(publisher, std::vector<std::string>(20'000, message));
    send_frames(publisher, {std::string(wire::kMaxPeerFrame + 1, 'x')});
    std::string other_version = message;
    other_version[1] = 9;
    send_frames(publisher, {other_version});
    for (const std::string& name : rest) check_that_it_serves(cluster, name);

    // The same as answers to what the others ask the node that is down; killing the leader makes the last one ask.
    zmq::socket_t router(false_peer, zmq::socket_type::router);
    router.set(zmq::sockopt::linger, 0);
    router.set(zmq::sockopt::rcvtimeo, 120'000);
    router.bind(cluster.endpoints(down).peer);
    const std::string leader = cluster.leader();
    const std::string last = rest[0] == leader ? rest[1] : rest[0];
    cluster.kill(leader);
    zmq::message_t id;
    zmq::message_t question;
    REQUIRE(router.recv(id));
    REQUIRE(router.recv(question));
    const auto asked = wire::decode_message(question.to_string_view());
    REQUIRE(asked);
    for (int i = 0; i < 300; ++i) send_frames(router, {id.to_string(), random_bytes(random, random.below(300))});
    for (std::size_t size = 0; size < message.size(); ++size) {
      send_frames(router, {id.to_string(), message.substr(0, size)});
    }
    std::vector<std::string> flood(20'000, message);
    flood[0] = id.to_string();
    send_frames(router, flood);
    CHECK(cluster.status(last, testing::kPatience));
    cluster.start(leader);
    cluster.leader();
    for (const std::string& name : rest) check_that_it_serves(cluster, name);
  }
  cluster.start(down);
  cluster.leader();
  check_that_it_serves(cluster, down);
}

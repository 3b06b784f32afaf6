#include "tests/torture/network.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "tests/support/wait_until.hpp"

using lockstep::torture::Channel;
using lockstep::torture::Network;

namespace {

sockaddr_in at_port(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One end of a connection, or a listener.
struct Socket {
  explicit Socket(int open_fd) : fd(open_fd) {}
  Socket(Socket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  ~Socket() {
    if (fd >= 0) close(fd);
  }
  void send(const std::string& text) const { REQUIRE(write(fd, text.data(), text.size()) > 0); }
  bool has_something(int ms) const {
    pollfd polled{fd, POLLIN, 0};
    return poll(&polled, 1, ms) > 0;
  }
  // Empty: it was closed, one way or the other.
  std::string receive() const {
    REQUIRE(has_something(30'000));
    char text[100];
    const ssize_t count = read(fd, text, sizeof text);
    return count > 0 ? std::string(text, static_cast<std::size_t>(count)) : std::string();
  }
  int fd;
};

// A node b that listens, and the door of node a to it.
struct Pair {
  explicit Pair(Channel channel) {
    sockaddr_in address = at_port(0);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener.fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener.fd, 8) == 0);
    REQUIRE(getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const std::string target = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    const std::string door = network.open_door("a", "b", channel, target);
    port = std::stoi(door.substr(door.rfind(':') + 1));
  }
  Socket connect_a() const {
    Socket connected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = at_port(port);
    REQUIRE(connect(connected.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return connected;
  }
  Socket accept_b() const { return Socket(accept(listener.fd, nullptr, nullptr)); }

  Network network;
  Socket listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port = 0;
};

constexpr int kLongEnough = 200;  // ms in which bytes would have come a thousand times

}  // namespace

TEST_CASE("Bytes pass through a door both ways, and an end at one side is an end at the other") {
  const Pair pair(Channel::kPeer);
  const Socket b = [&] {
    const Socket a = pair.connect_a();
    Socket accepted = pair.accept_b();
    a.send("question");
    CHECK(accepted.receive() == "question");
    accepted.send("answer");
    CHECK(a.receive() == "answer");
    return accepted;
  }();
  CHECK(b.receive().empty());
}

TEST_CASE("Silence in one direction holds back what is sent there and nothing else, and it comes when that is over") {
  Pair pair(Channel::kPeer);
  const Socket a = pair.connect_a();
  const Socket b = pair.accept_b();
  pair.network.silence("a", "b");
  a.send("late");
  b.send("heard");
  CHECK(a.receive() == "heard");
  CHECK_FALSE(b.has_something(kLongEnough));
  pair.network.heal(false);
  CHECK(b.receive() == "late");
}

TEST_CASE("What stalled is lost with its connection, if the network heals so") {
  Pair pair(Channel::kPeer);
  const Socket a = pair.connect_a();
  const Socket b = pair.accept_b();
  pair.network.silence("b", "a");
  b.send("lost");
  CHECK_FALSE(a.has_something(kLongEnough));
  pair.network.heal(true);
  CHECK(a.receive().empty());
  const Socket again = pair.connect_a();
  const Socket accepted = pair.accept_b();
  accepted.send("new");
  CHECK(again.receive() == "new");
}

TEST_CASE("A node that is not heard publishing is heard otherwise") {
  for (const Channel channel : {Channel::kPeer, Channel::kPublish}) {
    Pair pair(channel);
    const Socket a = pair.connect_a();
    const Socket b = pair.accept_b();
    pair.network.silence_publishing("b");
    b.send("proposal");
    if (channel == Channel::kPeer) {
      CHECK(a.receive() == "proposal");
    } else {
      CHECK_FALSE(a.has_something(kLongEnough));
    }
  }
}

TEST_CASE("A cut closes what is open and hangs up on who comes, until it heals") {
  Pair pair(Channel::kPeer);
  const Socket a = pair.connect_a();
  const Socket b = pair.accept_b();
  pair.network.cut("b", "a");
  CHECK(a.receive().empty());
  CHECK(b.receive().empty());
  CHECK(pair.connect_a().receive().empty());
  pair.network.heal(false);
  const Socket again = pair.connect_a();
  again.send("back");
  CHECK(pair.accept_b().receive() == "back");
}

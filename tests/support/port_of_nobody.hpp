#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace lockstep::testing {

// A port that is taken but that nobody listens on: connecting to it is refused for as long as this lives. (The port
// of a closed ZeroMQ socket will not do: its I/O thread stops listening some time after the close.)
class PortOfNobody {
 public:
  PortOfNobody() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  PortOfNobody(const PortOfNobody&) = delete;
  PortOfNobody& operator=(const PortOfNobody&) = delete;
  ~PortOfNobody() { ::close(socket_); }
  std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

}  // namespace lockstep::testing

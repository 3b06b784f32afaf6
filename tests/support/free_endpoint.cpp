#include "tests/support/free_endpoint.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>

namespace lockstep::testing {
namespace {

// Ports below the range from which the system takes those of outgoing connections (32768 on): in that range,
// a node that connects again and again to a peer that is down may be given its peer's port.
constexpr int kFirstPort = 15'000;
constexpr int kLastPort = 32'000;

// Holds the port against other tests for as long as this process lives: by a name that only the kernel keeps.
bool reserve(int port) {
  const int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "lockstep-test-port-" + std::to_string(port);
  std::copy(text.begin(), text.end(), name.sun_path + 1);  // an abstract name begins with a zero byte
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (bind(socket_fd, reinterpret_cast<const sockaddr*>(&name), size) == 0) return true;
  close(socket_fd);
  return false;
}

bool is_free(int port) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket_fd);
  return bound;
}

}  // namespace

std::string free_endpoint() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> some_port(kFirstPort, kLastPort);
  for (int attempt = 0; attempt < 10'000; ++attempt) {
    const int port = some_port(random);
    if (reserve(port) && is_free(port)) return "tcp://127.0.0.1:" + std::to_string(port);
  }
  throw std::runtime_error("no port is free");
}

}  // namespace lockstep::testing

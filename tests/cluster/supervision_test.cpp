// Goal: a node tells its service manager what systemd's Type=notify and watchdog need, in that order: ready when it
// serves, its role, that its loop turns, and that it stops. Method: real nodes, and a notification socket of the
// test's.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "nodes/system/file_descriptor.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/wait_until.hpp"

using namespace lockstep;
using lockstep::testing::Cluster;
using lockstep::testing::lockstepd_program;
using lockstep::testing::Process;
using lockstep::testing::wait_until;

namespace {

// What systemd has for each service: a datagram socket, and every message that came to it.
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path)
      : path_(path.string()), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path_.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    REQUIRE(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }

  const std::string& path() const { return path_; }

  std::size_t count(const std::string& message) {
    read_all();
    return static_cast<std::size_t>(std::count(messages_.begin(), messages_.end(), message));
  }
  bool has(const std::string& message) { return count(message) > 0; }
  // Of the first one that begins like that; the number of messages if none does.
  std::size_t position(const std::string& start) {
    read_all();
    const auto begins = [&](const std::string& message) { return message.starts_with(start); };
    return static_cast<std::size_t>(std::find_if(messages_.begin(), messages_.end(), begins) - messages_.begin());
  }
  const std::vector<std::string>& messages() {
    read_all();
    return messages_;
  }

 private:
  void read_all() {
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t bytes = recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (bytes < 0) return;
      messages_.emplace_back(buffer.data(), static_cast<std::size_t>(bytes));
    }
  }

  std::string path_;
  FileDescriptor fd_;
  std::vector<std::string> messages_;
};

Process start_supervised(const Cluster& cluster, const std::string& name, const NotifySocket& socket,
                         const std::string& watchdog_usec) {
  return Process({"/usr/bin/env", "NOTIFY_SOCKET=" + socket.path(), "WATCHDOG_USEC=" + watchdog_usec,
                  lockstepd_program(), (cluster.folder() / (name + ".toml")).string()},
                 cluster.folder(), cluster.folder() / (name + ".log"));
}

}  // namespace

TEST_CASE("ready is told when a node serves, then its role, then that its loop turns, and at the end that it stops") {
  Cluster cluster(1);
  NotifySocket socket(cluster.folder() / "notify");
  Process node = start_supervised(cluster, "a", socket, "100000");
  REQUIRE(wait_until([&] { return socket.has("READY=1"); }));
  CHECK(cluster.status("a", testing::kPatience));
  CHECK(socket.messages().front() == "READY=1");
  const std::string leads = "STATUS=node a: leader in term ";
  REQUIRE(wait_until([&] { return socket.position(leads) < socket.messages().size(); }));
  REQUIRE(wait_until([&] { return socket.count("WATCHDOG=1") >= 5; }));
  CHECK_FALSE(socket.has("STOPPING=1"));
  node.signal(SIGTERM);
  CHECK(node.wait().exit_code == 0);
  CHECK(socket.messages().back() == "STOPPING=1");
  CHECK(socket.count("READY=1") == 1);
  CHECK(socket.count(socket.messages()[socket.position(leads)]) == 1);  // only when it changes
}

TEST_CASE("a node that waits for the others is ready, and says whom it follows when they came") {
  Cluster cluster(3);
  NotifySocket socket(cluster.folder() / "notify");
  Process node = start_supervised(cluster, "a", socket, "0");
  REQUIRE(wait_until([&] { return socket.has("STATUS=node a: forming"); }));
  CHECK(socket.messages().front() == "READY=1");
  cluster.start(cluster.names_but("a"));
  const std::string leader = [&] {
    REQUIRE(wait_until([&] {
      const auto status = cluster.status("a");
      return status && !status->leader.empty();
    }));
    return cluster.status("a", testing::kPatience)->leader;
  }();
  const std::string role = leader == "a" ? "leader in term " : "follower in term ";
  REQUIRE(wait_until([&] { return socket.position("STATUS=node a: " + role) < socket.messages().size(); }));
  CHECK_FALSE(socket.has("WATCHDOG=1"));
}

TEST_CASE("a node does not wait for a service manager that reads nothing") {
  Cluster cluster(1);
  NotifySocket deaf(cluster.folder() / "notify");
  Process node = start_supervised(cluster, "a", deaf, "2000");  // many more beats than the socket takes
  REQUIRE(cluster.status("a", testing::kPatience));
  Client client = cluster.client(cluster.names());
  for (int i = 0; i < 200; ++i) REQUIRE(client.check("a"));
  node.signal(SIGTERM);
  CHECK(node.wait().exit_code == 0);
}

TEST_CASE("a node that cannot start is never ready") {
  Cluster cluster(1);
  NotifySocket socket(cluster.folder() / "notify");
  cluster.start("a");
  REQUIRE(cluster.status("a", testing::kPatience));  // it has the ports
  Process second = start_supervised(cluster, "a", socket, "100000");
  CHECK(second.wait().exit_code == 1);  // it may be started again: the port may come free
  CHECK(socket.messages().empty());
}

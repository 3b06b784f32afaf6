// Goal: whatever comes in wakes a node's loop by itself, and a loop that has read everything sleeps.
// Method: a node's real sockets and disk, with the other member played by hand, over ipc in a folder of its own.
#include "nodes/server/node_io.hpp"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <zmq.hpp>

#include "nodes/system/file_descriptor.hpp"
#include "tests/support/process.hpp"

namespace lockstep::node_io_test {
namespace {

struct Fixture {
  Fixture() {
    config.file = "a.toml";
    config.name = "a";
    config.data = (folder.path() / "data").string();
    for (const std::string name : {"a", "b"}) {
      const std::string stem = "ipc://" + (folder.path() / name).string();
      config.members.push_back({name, stem + ".client", stem + ".peer", stem + ".publish"});
    }
    for (zmq::socket_t* socket : {&publisher, &router, &dealer, &client}) socket->set(zmq::sockopt::linger, 0);
    publisher.bind(config.members[1].publish);
    router.bind(config.members[1].peer);
    auto opened = NodeIo::open(config, stop.get());
    REQUIRE(opened);
    io = std::move(opened->io);
    dealer.connect(config.members[0].peer);
    client.connect(config.members[0].client);
    hear_disk();
  }

  // Nothing but what comes in ends a wait, or the test's patience.
  template <typename Came>
  void wait_until(Came came) {
    while (!came()) {
      REQUIRE(io->wait(std::chrono::minutes(2)));
      hear_disk();
    }
  }
  // What the disk tells wakes the loop, too, until it is taken.
  void hear_disk() {
    for (raft::DiskEvent& event : io->take_disk_report().events) from_disk.push_back(std::move(event));
  }
  std::size_t from_peers(const std::string& body) {
    std::size_t count = 0;
    for (const ReceivedRequest& request : io->receive_from_peers()) count += request.body == body ? 1 : 0;
    return count;
  }

  lockstep::testing::TemporaryFolder folder;
  NodeConfig config;
  FileDescriptor stop{eventfd(0, EFD_NONBLOCK)};
  zmq::context_t context;
  zmq::socket_t publisher{context, zmq::socket_type::pub};
  zmq::socket_t router{context, zmq::socket_type::router};
  zmq::socket_t dealer{context, zmq::socket_type::dealer};
  zmq::socket_t client{context, zmq::socket_type::dealer};
  std::unique_ptr<NodeIo> io;
  std::vector<raft::DiskEvent> from_disk;
};

void send(zmq::socket_t& socket, const std::string& body) { socket.send(zmq::buffer(body), zmq::send_flags::none); }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a client's request wakes the loop") {
  send(client, "request");
  wait_until([&] { return !io->receive_from_clients().empty(); });
}

TEST_CASE_FIXTURE(Fixture, "a peer's request wakes the loop") {
  send(dealer, "request");
  wait_until([&] { return from_peers("request") == 1; });
  CHECK(io->peers_read_empty());
}

TEST_CASE_FIXTURE(Fixture, "a broadcast wakes the loop") {
  publisher.set(zmq::sockopt::sndtimeo, -1);
  // The subscription takes its time: so many are sent that the last one comes after it.
  bool heard = false;
  while (!heard) {
    send(publisher, "broadcast");
    io->wait(std::chrono::milliseconds(10));
    heard = from_peers("broadcast") > 0;
  }
  send(publisher, "the last");
  wait_until([&] { return from_peers("the last") == 1; });
}

TEST_CASE_FIXTURE(Fixture, "a peer's answer wakes the loop") {
  zmq::message_t id;
  zmq::message_t body;
  router.set(zmq::sockopt::rcvtimeo, 10);
  do {
    io->send_to_peers(raft::ToMember{"b"}, "question");
  } while (!router.recv(id));
  REQUIRE(router.recv(body));
  CHECK(body.to_string() == "question");
  router.send(id, zmq::send_flags::sndmore);
  send(router, "answer");
  wait_until([&] { return from_peers("answer") == 1; });
}

TEST_CASE_FIXTURE(Fixture, "a write that is durable wakes the loop") {
  raft::Write write;
  write.id = WriteId(1);
  write.hard_state = raft::HardState{ClusterId(1), Term(1), NodeId(2), {}};
  io->submit({write});
  wait_until([&] { return from_disk == std::vector<raft::DiskEvent>{raft::Persisted{WriteId(1)}}; });
}

TEST_CASE_FIXTURE(Fixture, "a part of a snapshot that was read, or is not there, wakes the loop") {
  io->read_snapshots({{NodeId(2), ConnectionId(5), CallNumber(6), LogIndex(30), 0, 100}});
  wait_until([&] { return from_disk.size() == 1; });
}

TEST_CASE_FIXTURE(Fixture, "a signal wakes the loop") {
  const std::uint64_t one = 1;
  REQUIRE(::write(stop.get(), &one, sizeof one) == sizeof one);
  CHECK(io->wait(std::chrono::minutes(2)));
}

TEST_CASE_FIXTURE(Fixture, "a loop that has taken everything sleeps") {
  send(client, "request");
  send(dealer, "request");
  wait_until([&] { return !io->receive_from_clients().empty(); });
  wait_until([&] { return from_peers("request") == 1; });
  hear_disk();
  CHECK_FALSE(io->wait(std::chrono::milliseconds(1)));
}

}  // namespace lockstep::node_io_test

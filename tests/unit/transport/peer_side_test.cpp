// Goal: three nodes that are connected once reach each other on every path, and lose nothing but what was
// sent while nobody was there. Method: three PeerSides over ipc in a folder of their own.
#include "nodes/transport/peer_side.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "nodes/transport/subscriber.hpp"
#include "transport_testing.hpp"

namespace lockstep::peer_side_test {

using lockstep::testing::eventually;
using lockstep::testing::kAnyPort;
using lockstep::testing::receive_one;
using lockstep::testing::send_eventually;

namespace {

struct Fixture {
  Fixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lockstep-transport-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    for (const std::string name : {"a", "b", "c"}) open(name);
  }
  ~Fixture() {
    sides.clear();
    std::filesystem::remove_all(folder);
  }

  PeerAddress address(const std::string& name) const {
    const std::string stem = "ipc://" + (folder / name).string();
    return {name, stem + ".peer", stem + ".publish"};
  }
  void open(const std::string& name) {
    std::vector<PeerAddress> others;
    for (const std::string other : {"a", "b", "c"}) {
      if (other != name) others.push_back(address(other));
    }
    auto side = PeerSide::open(context, address(name), others);
    REQUIRE(side);
    sides.emplace(name, std::move(*side));
  }
  // Sends again until it has come, as the protocol does: the first sends go before the connections are made.
  ReceivedRequest deliver(const std::string& from, const raft::Destination& way, const std::string& to,
                          const std::string& body) {
    ReceivedRequest found;
    PollItems items;
    sides.at(to).add_poll_items(items);
    CHECK(eventually(items, [&] {
      sides.at(from).send(way, body);
      for (ReceivedRequest& request : sides.at(to).receive()) {
        if (request.body == body) found = std::move(request);
      }
      return !found.body.empty();
    }));
    return found;
  }

  Context context;
  std::filesystem::path folder;
  std::map<std::string, PeerSide> sides;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what one node publishes reaches every other, and comes without a connection") {
  CHECK_FALSE(deliver("a", raft::Publish{}, "b", "news from a").connection);
  CHECK_FALSE(deliver("a", raft::Publish{}, "c", "more from a").connection);
  CHECK_FALSE(deliver("c", raft::Publish{}, "a", "news from c").connection);
}

TEST_CASE_FIXTURE(Fixture, "a message to a member arrives at it alone, and its answer comes back to the sender") {
  const ReceivedRequest question = deliver("b", raft::ToMember{"a"}, "a", "question");
  CHECK(question.connection);
  CHECK_FALSE(deliver("a", raft::ToConnection{question.connection}, "b", "answer").connection);
  CHECK(sides.at("c").receive().empty());
}

TEST_CASE_FIXTURE(Fixture, "a node that comes back is reached again on the connections of before") {
  deliver("a", raft::ToMember{"b"}, "b", "before");
  sides.erase("b");
  CHECK(eventually({}, [&] { return sides.at("a").send(raft::ToMember{"b"}, "meanwhile") != SendResult::kSent; }));
  CHECK(sides.at("a").dropped_sends() > 0);
  open("b");
  deliver("a", raft::ToMember{"b"}, "b", "after");
  deliver("a", raft::Publish{}, "b", "broadcast after");
}

TEST_CASE_FIXTURE(Fixture, "publishing without a listener succeeds, into nothing") {
  sides.erase("b");
  sides.erase("c");
  CHECK(sides.at("a").send(raft::Publish{}, "anyone?") == SendResult::kSent);
}

TEST_CASE("a subscriber from outside sees the broadcasts") {
  Context context;
  auto side = PeerSide::open(context, {"a", std::string(kAnyPort), std::string(kAnyPort)}, {});
  REQUIRE(side);
  auto subscriber = Subscriber::open(context, side->publish_endpoint());
  REQUIRE(subscriber);
  std::string heard;
  CHECK(eventually({}, [&] {
    side->send(raft::Publish{}, "frame");
    if (auto body = subscriber->receive()) heard = std::move(*body);
    return !heard.empty();
  }));
  CHECK(heard == "frame");
}

TEST_CASE("a peer endpoint in use is an error that names it") {
  Context context;
  auto side = PeerSide::open(context, {"a", std::string(kAnyPort), std::string(kAnyPort)}, {});
  REQUIRE(side);
  const std::string taken = side->publish_endpoint();
  const auto second = PeerSide::open(context, {"b", std::string(kAnyPort), taken}, {});
  REQUIRE_FALSE(second);
  CHECK(to_string(second.error()) == taken + ": address already in use");
}

TEST_CASE_FIXTURE(Fixture, "an ipc path that another process is bound to is not taken from it") {
  Context another;  // as another process would have
  const auto second = PeerSide::open(another, address("a"), {});
  REQUIRE_FALSE(second);
  CHECK(to_string(second.error()) == address("a").peer + ": address already in use");
  deliver("b", raft::ToMember{"a"}, "a", "still there");
}

// A member that is played by hand, with a socket of each kind that a PeerSide reads.
struct PlayedMember {
  explicit PlayedMember(Context& its_context, const PeerAddress& self, const PeerAddress& reader)
      : publisher(its_context.raw(), zmq::socket_type::pub),
        router(its_context.raw(), zmq::socket_type::router),
        dealer(its_context.raw(), zmq::socket_type::dealer) {
    for (zmq::socket_t* socket : {&publisher, &router, &dealer}) socket->set(zmq::sockopt::linger, 0);
    publisher.bind(self.publish);
    router.bind(self.peer);
    dealer.connect(reader.peer);
  }

  zmq::socket_t publisher;
  zmq::socket_t router;
  zmq::socket_t dealer;
  std::string reader_id;  // at the router, once it has sent something
};

void send_message(zmq::socket_t& socket, const std::string& routing_id, std::size_t frames, const std::string& body) {
  if (!routing_id.empty()) socket.send(zmq::buffer(routing_id), zmq::send_flags::sndmore);
  for (std::size_t i = 1; i < frames; ++i) socket.send(zmq::buffer(body), zmq::send_flags::sndmore);
  socket.send(zmq::buffer(body), zmq::send_flags::none);
}

// The lease clock of a leader rests on this (L5).
TEST_CASE("peers count as read empty only once every socket is, and a flood on one holds up no other") {
  for (const std::string flooded : {"publisher", "router", "dealer"}) {
    CAPTURE(flooded);
    Fixture folder_only;
    folder_only.sides.clear();
    Context context;
    const PeerAddress a{"a", folder_only.address("a").peer + "2", folder_only.address("a").publish + "2"};
    const PeerAddress b{"b", folder_only.address("b").peer + "2", folder_only.address("b").publish + "2"};
    PlayedMember member(context, b, a);
    auto side = PeerSide::open(context, a, {b});
    REQUIRE(side);
    PollItems items;
    side->add_poll_items(items);
    CHECK_FALSE(side->read_empty());  // nothing was read yet

    // Until all three connections are there.
    std::map<std::string, int> heard;
    const auto read = [&] {
      for (const ReceivedRequest& request : side->receive()) ++heard[request.body];
    };
    REQUIRE(eventually(items, [&] {
      if (side->send(raft::ToMember{"b"}, "here is a") != SendResult::kSent) return false;
      zmq::message_t id;
      zmq::message_t body;
      if (!member.router.recv(id, zmq::recv_flags::dontwait)) return false;
      CHECK(member.router.recv(body, zmq::recv_flags::none));
      member.reader_id = id.to_string();
      return true;
    }));
    const std::map<std::string, std::pair<zmq::socket_t*, std::string>> ways{
        {"publisher", {&member.publisher, ""}},
        {"router", {&member.router, member.reader_id}},
        {"dealer", {&member.dealer, ""}}};
    REQUIRE(eventually(items, [&] {
      for (const auto& [name, way] : ways) send_message(*way.first, way.second, 1, "probe of " + name);
      read();
      return heard.size() == ways.size();
    }));
    // What comes behind the last probe has nothing before it.
    for (const auto& [name, way] : ways) send_message(*way.first, way.second, 1, "last probe of " + name);
    REQUIRE(eventually(items, [&] {
      read();
      return std::all_of(ways.begin(), ways.end(),
                         [&](const auto& way) { return heard["last probe of " + way.first] == 1; });
    }));

    constexpr std::size_t kTurns = 3;
    send_message(*ways.at(flooded).first, ways.at(flooded).second, kTurns * kFramesPerTurn, "flood");
    int others = 0;
    for (const auto& [name, way] : ways) {
      if (name != flooded) send_message(*way.first, way.second, 1, "beside the flood, " + std::to_string(++others));
    }
    REQUIRE(eventually({}, [&] {
      wait_for(items, std::chrono::milliseconds(20));
      return std::all_of(items.begin(), items.end(), [](const zmq::pollitem_t& item) { return item.revents != 0; });
    }));
    read();
    CHECK(heard["beside the flood, 1"] == 1);
    CHECK(heard["beside the flood, 2"] == 1);
    for (std::size_t full_turns = 1; full_turns < kTurns; ++full_turns) {
      CHECK_FALSE(side->read_empty());
      read();
    }
    CHECK_FALSE(side->read_empty());
    read();
    CHECK(side->read_empty());
  }
}

TEST_CASE("waiting ends when a file descriptor is ready, or with its time") {
  int ends[2] = {};
  REQUIRE(pipe(ends) == 0);
  PollItems items{readable(ends[0])};
  wait_for(items, std::chrono::milliseconds(1));
  CHECK(items[0].revents == 0);
  REQUIRE(write(ends[1], "x", 1) == 1);
  wait_for(items, std::chrono::hours(1));
  CHECK(items[0].revents == ZMQ_POLLIN);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace lockstep::peer_side_test

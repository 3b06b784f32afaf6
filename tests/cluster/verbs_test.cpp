// Goal: every verb means the same through every node. Method: three real nodes, the C++ library, and plain
// ZeroMQ sockets as a client in another language would use them.
#include <doctest/doctest.h>

#include <zmq.hpp>

#include "protocol/wire/codec.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

TEST_CASE("each verb works through each node, and a refusal names the owner") {
  StartedCluster cluster(3);
  for (const std::string& name : cluster.names()) {
    for (const std::string& other : cluster.names()) {
      CAPTURE(name);
      CAPTURE(other);
      Client first = cluster.client({name});
      Client second = cluster.client({other});
      const std::string lock = "verbs/" + name + other;

      const auto before = first.check(lock);
      REQUIRE(before);
      CHECK_FALSE(before->lock);

      const auto granted = first.preempt(lock);
      REQUIRE(granted);
      CHECK(granted->granted);
      CHECK(granted->owner == first.client_id());
      CHECK(granted->token);

      const auto refused = second.preempt(lock);
      REQUIRE(refused);
      CHECK_FALSE(refused->granted);
      CHECK(refused->owner == first.client_id());
      CHECK(refused->token == granted->token);

      const auto own = first.preempt(lock);
      REQUIRE(own);
      CHECK_FALSE(own->granted);
      CHECK(own->owner == first.client_id());

      const auto held = second.check(lock, wire::ReadMode::kLinearizable);
      REQUIRE(held);
      REQUIRE(held->lock);
      CHECK(held->lock->holders.at(0).owner == first.client_id());
      CHECK(held->lock->holders.at(0).token == granted->token);

      const auto not_owner = second.release(lock);
      REQUIRE(not_owner);
      CHECK_FALSE(not_owner->released);
      CHECK(not_owner->owner == first.client_id());

      const auto released = first.release(lock);
      REQUIRE(released);
      CHECK(released->released);

      const auto again = second.preempt(lock);
      REQUIRE(again);
      CHECK(again->granted);
      CHECK(again->token > granted->token);
      const auto free = second.release(lock);
      REQUIRE(free);
      CHECK(free->released);
      const auto nobody = first.release(lock);
      REQUIRE(nobody);
      CHECK_FALSE(nobody->released);
      CHECK_FALSE(nobody->owner);
    }
  }
}

TEST_CASE("a client that moves to another node reads what it wrote") {
  StartedCluster cluster(3);
  for (const std::string& writer : cluster.names()) {
    for (const std::string& reader : cluster.names_but(writer)) {
      // The library names the highest index it has seen; without it a follower may answer from before.
      Client client = cluster.client({writer});
      const auto granted = client.preempt("moves/" + writer + reader);
      REQUIRE(granted);
      testing::RawClient raw = cluster.raw_client(reader);
      wire::CheckRequest check;
      check.name = "moves/" + writer + reader;
      check.at_least = granted->applied_index;
      const auto answer = raw.ask_for<wire::CheckAnswer>(check);
      REQUIRE(answer.lock);
      CHECK(answer.lock->holders.at(0).token == granted->token);
    }
  }
}

TEST_CASE("list shows the locks of a prefix in order of name, page by page, on every node") {
  StartedCluster cluster(3);
  Client client = cluster.client(cluster.names());
  for (const std::string name : {"list/c", "list/a", "other", "list/b"}) REQUIRE(client.preempt(name));
  for (const std::string& node : cluster.names()) {
    Client reader = cluster.client({node});
    const auto all = reader.list("list/", "", 10, wire::ReadMode::kLinearizable);
    REQUIRE(all);
    REQUIRE(all->locks.size() == 3);
    CHECK(all->locks[0].name == "list/a");
    CHECK(all->locks[2].name == "list/c");
    CHECK_FALSE(all->more);
    const auto page = reader.list("list/", "list/a", 1);
    REQUIRE(page);
    REQUIRE(page->locks.size() == 1);
    CHECK(page->locks[0].name == "list/b");
    CHECK(page->more);
  }
}

TEST_CASE("status tells who the members are, who leads, and that all nodes hold the same state") {
  StartedCluster cluster(3);
  Client client = cluster.client(cluster.names());
  REQUIRE(client.preempt("status/lock"));
  const std::string leader = cluster.leader();
  std::vector<wire::StatusAnswer> all;
  CHECK(wait_until([&] {
    all.clear();
    for (const std::string& name : cluster.names()) all.push_back(cluster.status(name).value_or(wire::StatusAnswer{}));
    return all[0].applied_index == all[1].applied_index && all[1].applied_index == all[2].applied_index &&
           all[0].applied_index == all[0].last_index && all[0].locks == 1 && all[1].locks == 1 && all[2].locks == 1;
  }));
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string& name = cluster.names()[i];
    const wire::StatusAnswer& status = all[i];
    CHECK(status.name == name);
    CHECK(status.pid == static_cast<std::uint64_t>(cluster.pid(name)));
    CHECK(status.leader == leader);
    CHECK(status.role == (name == leader ? wire::Role::kLeader : wire::Role::kFollower));
    CHECK(status.cluster == all[0].cluster);
    CHECK(status.term == all[0].term);
    CHECK(status.state_hash == all[0].state_hash);
    CHECK(status.sessions == 1);
    REQUIRE(status.members.size() == 3);
    CHECK(status.members[i].id == status.node);
    CHECK(status.members[i].client_endpoint == cluster.endpoints(name).client);
  }
}

TEST_CASE("a REQ socket can do all that a DEALER can") {
  StartedCluster cluster(3);
  for (const std::string& name : cluster.names()) {
    zmq::socket_t req(cluster.context()->raw(), zmq::socket_type::req);
    req.set(zmq::sockopt::linger, 0);
    req.set(zmq::sockopt::rcvtimeo, 120'000);
    req.connect(cluster.endpoints(name).client);
    std::uint64_t call = 0;
    const auto ask = [&](const wire::RequestBody& body) {
      REQUIRE(req.send(zmq::buffer(wire::encode(wire::Request{CallNumber(++call), body})), zmq::send_flags::none));
      zmq::message_t frame;
      REQUIRE(req.recv(frame));
      CHECK_FALSE(frame.more());
      auto response = wire::decode_response(frame.to_string_view());
      REQUIRE(response);
      CHECK(response->call == CallNumber(call));
      return response->body;
    };
    wire::OpenSession open;
    open.client.bytes[0] = static_cast<std::uint8_t>(name[0]);
    open.nonce = 7;
    const auto opened = ask(open);
    REQUIRE(std::holds_alternative<locks::SessionOpened>(opened));
    const SessionId session = std::get<locks::SessionOpened>(opened).session;
    const std::string lock = "req/" + name;
    const auto granted = ask(locks::Execute{session, RequestNumber(1), RequestNumber(1), locks::Preempt{lock}});
    CHECK(std::holds_alternative<locks::Granted>(granted));
    wire::CheckRequest check;
    check.name = lock;
    const auto held = ask(check);
    REQUIRE(std::holds_alternative<wire::CheckAnswer>(held));
    REQUIRE(std::get<wire::CheckAnswer>(held).lock);
    CHECK(std::get<wire::CheckAnswer>(held).lock->holders.at(0).owner == open.client);
    const auto released = ask(locks::Execute{session, RequestNumber(2), RequestNumber(2), locks::Release{lock}});
    CHECK(std::holds_alternative<locks::Released>(released));
    CHECK(std::holds_alternative<wire::StatusAnswer>(ask(wire::StatusRequest{})));
  }
}

TEST_CASE("a cluster of one, and one of five, serve as well") {
  for (const std::size_t size : {1U, 5U}) {
    StartedCluster cluster(size);
    Client client = cluster.client({cluster.names().back()});
    const auto granted = client.preempt("lock");
    REQUIRE(granted);
    CHECK(granted->granted);
    const auto held = cluster.client({cluster.names().front()}).check("lock", wire::ReadMode::kLinearizable);
    REQUIRE(held);
    REQUIRE(held->lock);
    CHECK(held->lock->holders.at(0).owner == client.client_id());
  }
}

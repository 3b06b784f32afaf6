#include "tools/lockstep/zmq/exchange.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "nodes/transport/router.hpp"
#include "tests/support/port_of_nobody.hpp"

namespace lockstep::exchange_test {
namespace {

constexpr Duration kPatience = std::chrono::seconds(120);
constexpr Duration kSoon = std::chrono::milliseconds(50);

// A node that answers every request with the request itself between brackets, or not at all.
class Echo {
 public:
  Echo(Context& context, bool answers)
      : router_(*Router::for_clients(context, "tcp://127.0.0.1:*")), endpoint_(router_.endpoint()) {
    thread_ = std::thread([this, answers] {
      while (!stopped_) {
        PollItems items{router_.poll_item()};
        wait_for(items, std::chrono::milliseconds(20));
        for (const ReceivedRequest& request : router_.receive()) {
          if (answers) router_.send(request.connection, "[" + request.body + "]");
        }
      }
    });
  }
  ~Echo() {
    stopped_ = true;
    thread_.join();
  }
  const std::string& endpoint() const { return endpoint_; }

 private:
  Router router_;
  std::string endpoint_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a DEALER and a REQ are both answered") {
  Context context;
  const Echo node(context, true);
  for (const SocketKind kind : {SocketKind::kClientDealer, SocketKind::kClientReq}) {
    const auto answer = exchange(context, kind, node.endpoint(), "ping", kPatience);
    REQUIRE(answer);
    CHECK(*answer == "[ping]");
  }
}

TEST_CASE("a node that does not answer") {
  Context context;
  const Echo node(context, false);
  const auto answer = exchange(context, SocketKind::kClientDealer, node.endpoint(), "ping", std::chrono::seconds(1));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().reason == NoAnswer::Reason::kTimeout);
  CHECK(answer.error().detail == node.endpoint() + ": no answer in time");
}

TEST_CASE("a node that is not there") {
  Context context;
  const testing::PortOfNobody nobody;
  const auto answer = exchange(context, SocketKind::kClientReq, nobody.endpoint(), "ping", kSoon);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().reason == NoAnswer::Reason::kTimeout);
  CHECK(answer.error().detail ==
        nobody.endpoint() + ": cannot connect: no node listens there, or it cannot be reached");
}

TEST_CASE("an endpoint that is none") {
  Context context;
  const auto answer = exchange(context, SocketKind::kClientDealer, "nonsense", "ping", kPatience);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().reason == NoAnswer::Reason::kBadEndpoint);
  CHECK(answer.error().detail.starts_with("nonsense: "));
}

}  // namespace lockstep::exchange_test

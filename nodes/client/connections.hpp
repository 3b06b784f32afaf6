// A client's ways to its nodes: one connection an endpoint, and what waits to leave on each.
//
// A connection takes nothing until it is up. So what is to be sent right after the start waits a moment
// (kConnectPatience) before the endpoint counts as not connected; one that was found down, or that does
// not take what it is given, counts as such at once until it takes something again.
// Not thread-safe: the client's loop owns it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "nodes/transport/client_connection.hpp"
#include "nodes/transport/context.hpp"

namespace lockstep {

class Connections {
 public:
  static tl::expected<Connections, TransportError> open(std::shared_ptr<Context> context,
                                                        const std::vector<std::string>& endpoints);

  // As they were given: for errors that say who was asked.
  const std::vector<std::string>& endpoints() const { return endpoints_; }
  void send(std::size_t endpoint, std::string frame) { nodes_[endpoint].outbox.push_back(std::move(frame)); }
  // Sends what can be sent. Returns the endpoints that are not connected; what waited for them is dropped.
  std::vector<std::size_t> flush(Time now);
  // When an endpoint's patience ends, if nothing happens before.
  Time next_deadline() const;
  // Until something came in, something waiting can leave, `wake_fd` is readable, or the time is over.
  void wait(Duration timeout, int wake_fd);
  // One frame that came in, and from where.
  std::optional<std::pair<std::size_t, std::string>> receive();

 private:
  struct Node {
    ClientConnection connection;
    std::deque<std::string> outbox;
    std::optional<Time> refused_since = {};  // since when it takes nothing
  };

  explicit Connections(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  static bool drain(Node& node);

  std::shared_ptr<Context> context_;  // outlives the sockets, so it stands before them
  std::vector<std::string> endpoints_;
  std::vector<Node> nodes_;
};

}  // namespace lockstep

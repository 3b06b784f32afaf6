// One ClientConnection an endpoint; what does not leave at once waits in order.
#include "nodes/client/connections.hpp"

#include <algorithm>

namespace lockstep {
namespace {

constexpr Duration kConnectPatience = std::chrono::milliseconds(100);

}  // namespace

tl::expected<Connections, TransportError> Connections::open(std::shared_ptr<Context> context,
                                                            const std::vector<std::string>& endpoints) {
  Connections connections(std::move(context));
  connections.endpoints_ = endpoints;
  for (const std::string& endpoint : endpoints) {
    auto connection = ClientConnection::open(*connections.context_, endpoint);
    if (!connection) return tl::unexpected(connection.error());
    connections.nodes_.push_back(Node{*std::move(connection), {}, {}});
  }
  return connections;
}

bool Connections::drain(Node& node) {
  while (!node.outbox.empty()) {
    if (node.connection.send(node.outbox.front()) != SendResult::kSent) return false;
    node.outbox.pop_front();
  }
  return true;
}

std::vector<std::size_t> Connections::flush(Time now) {
  std::vector<std::size_t> not_connected;
  for (std::size_t endpoint = 0; endpoint < nodes_.size(); ++endpoint) {
    Node& node = nodes_[endpoint];
    if (node.outbox.empty()) continue;
    if (drain(node)) {
      node.refused_since.reset();
      continue;
    }
    if (!node.refused_since) node.refused_since = now;
    if (now - *node.refused_since < kConnectPatience) continue;
    node.outbox.clear();
    not_connected.push_back(endpoint);
  }
  return not_connected;
}

Time Connections::next_deadline() const {
  Time next = Time::max();
  for (const Node& node : nodes_) {
    if (!node.outbox.empty() && node.refused_since) next = std::min(next, *node.refused_since + kConnectPatience);
  }
  return next;
}

void Connections::wait(Duration timeout, int wake_fd) {
  PollItems items{readable(wake_fd)};
  for (Node& node : nodes_) {
    items.push_back(node.outbox.empty() ? node.connection.poll_item() : node.connection.poll_item_for_sending());
  }
  wait_for(items, timeout);
}

std::optional<std::pair<std::size_t, std::string>> Connections::receive() {
  for (std::size_t endpoint = 0; endpoint < nodes_.size(); ++endpoint) {
    if (auto frame = nodes_[endpoint].connection.receive()) return std::pair(endpoint, *std::move(frame));
  }
  return std::nullopt;
}

}  // namespace lockstep

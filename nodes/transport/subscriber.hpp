// A listener for one node's broadcasts, for people and tests who want to watch the protocol. It sees what the
// node publishes from the moment it is connected, and misses what it is too slow for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "nodes/transport/inlet.hpp"
#include "nodes/transport/poll.hpp"
#include "nodes/transport/socket_options.hpp"

namespace lockstep {

class Subscriber {
 public:
  static tl::expected<Subscriber, TransportError> open(Context& context, const std::string& endpoint);

  // One message that has come in; those of more than one frame are dropped and counted.
  std::optional<std::string> receive() { return inlet_.receive(); }
  std::uint64_t malformed() const { return inlet_.malformed(); }

  zmq::pollitem_t poll_item() { return readable(inlet_.socket()); }

 private:
  explicit Subscriber(zmq::socket_t socket) : inlet_(std::move(socket)) {}

  Inlet inlet_;
};

}  // namespace lockstep

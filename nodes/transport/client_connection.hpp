// A client program's way to one node: a DEALER with one endpoint.
//
// One endpoint a socket, since ZeroMQ would share the requests out between two. It connects in the
// background and comes back by itself; while it is not connected nothing is taken, so a request is never
// queued for a node that may be gone. To give up what is on its way, destroy it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "nodes/transport/inlet.hpp"
#include "nodes/transport/poll.hpp"
#include "nodes/transport/socket_calls.hpp"
#include "nodes/transport/socket_options.hpp"

namespace lockstep {

class ClientConnection {
 public:
  static tl::expected<ClientConnection, TransportError> open(Context& context, const std::string& endpoint);

  // kFull: not connected yet, or the node does not keep up. poll_item_for_sending() tells when to try again.
  SendResult send(const std::string& body) { return send_frame(inlet_.socket(), body); }
  // One message that has come in; those of more than one frame are dropped and counted.
  std::optional<std::string> receive() { return inlet_.receive(); }
  std::uint64_t malformed() const { return inlet_.malformed(); }

  zmq::pollitem_t poll_item() { return readable(inlet_.socket()); }
  zmq::pollitem_t poll_item_for_sending() { return readable_or_writable(inlet_.socket()); }

 private:
  explicit ClientConnection(zmq::socket_t socket) : inlet_(std::move(socket)) {}

  Inlet inlet_;
};

}  // namespace lockstep

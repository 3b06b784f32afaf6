// Sends a request as one frame, and returns each answer as one frame.
#include "nodes/transport/client_connection.hpp"

#include <utility>

namespace lockstep {

tl::expected<ClientConnection, TransportError> ClientConnection::open(Context& context, const std::string& endpoint) {
  return open_connected(context, SocketKind::kClientDealer, endpoint).map([](zmq::socket_t&& socket) {
    return ClientConnection(std::move(socket));
  });
}

}  // namespace lockstep

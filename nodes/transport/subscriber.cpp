// Opens the SUB and connects it to one PUB.
#include "nodes/transport/subscriber.hpp"

#include <utility>

namespace lockstep {

tl::expected<Subscriber, TransportError> Subscriber::open(Context& context, const std::string& endpoint) {
  return open_connected(context, SocketKind::kClientSubscriber, endpoint).map([](zmq::socket_t&& socket) {
    return Subscriber(std::move(socket));
  });
}

}  // namespace lockstep

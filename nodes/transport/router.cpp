// Receives a request with its routing id, and sends each answer back to that id.
#include "nodes/transport/router.hpp"

#include <optional>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

// A ConnectionId is the four bytes of an automatic routing id, whether its requests come with REQ's empty
// frame, and a bit that is always set, since 0 means none.
constexpr std::size_t kAutomaticIdSize = 5;
constexpr std::uint64_t kEmptyFrame = std::uint64_t{1} << 32;
constexpr std::uint64_t kSet = std::uint64_t{1} << 33;

std::optional<std::uint64_t> number_of(const std::string& routing_id) {
  if (routing_id.size() != kAutomaticIdSize || routing_id[0] != '\0') return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t i = 1; i < kAutomaticIdSize; ++i) number = number << 8 | static_cast<unsigned char>(routing_id[i]);
  return number;
}

std::string routing_id_of(ConnectionId connection) {
  std::string id(kAutomaticIdSize, '\0');
  std::uint64_t number = connection.value();
  for (std::size_t i = kAutomaticIdSize - 1; i > 0; --i, number >>= 8) id[i] = static_cast<char>(number & 0xff);
  return id;
}

// The frames behind the routing id: a body, or an empty frame and a body.
ReceivedRequest request_from(std::uint64_t number, Multipart&& message) {
  const std::size_t frames = message.frames - 1;
  const bool delimited = frames > 1 && message.kept[1].empty();
  ReceivedRequest request;
  request.connection = ConnectionId(kSet | (delimited ? kEmptyFrame : 0) | number);
  if (frames == (delimited ? 2 : 1)) {
    request.body = std::move(message.kept.back());
  } else {
    const std::size_t bodies = delimited ? frames - 1 : frames;
    request.flaw = "expected one frame, got " + std::to_string(bodies);
  }
  return request;
}

}  // namespace

tl::expected<Router, TransportError> Router::for_clients(Context& context, const std::string& endpoint) {
  return open_bound(context, SocketKind::kClientRouter, endpoint).map([](zmq::socket_t&& socket) {
    return Router(std::move(socket));
  });
}

tl::expected<Router, TransportError> Router::for_peers(Context& context, const std::string& endpoint) {
  return open_bound(context, SocketKind::kPeerRouter, endpoint).map([](zmq::socket_t&& socket) {
    return Router(std::move(socket));
  });
}

std::vector<ReceivedRequest> Router::receive() {
  std::vector<ReceivedRequest> requests;
  std::size_t budget = kFramesPerTurn;
  while (auto message = reader_.read(socket_, budget)) {
    const auto number = number_of(message->kept.front());
    if (!number) {
      ++counters_.foreign_routing_ids;
      continue;
    }
    // A ROUTER hands out at least one frame behind the routing id.
    if (message->frames < 2) {
      ++counters_.malformed;
      continue;
    }
    requests.push_back(request_from(*number, std::move(*message)));
    if (!requests.back().flaw.empty()) ++counters_.malformed;
  }
  read_empty_ = budget > 0;
  return requests;
}

SendResult Router::send(ConnectionId connection, const std::string& body) {
  INVARIANT(connection, "an answer goes to a connection");
  // The routing id is where MANDATORY reports a connection that is gone or full. Once it is taken, the
  // frames behind it are taken too, or dropped with the connection.
  const SendResult result = send_frame(socket_, routing_id_of(connection), zmq::send_flags::sndmore);
  if (result == SendResult::kGone) ++counters_.sends_gone;
  if (result == SendResult::kFull) ++counters_.sends_full;
  if (result != SendResult::kSent) return result;
  if ((connection.value() & kEmptyFrame) != 0) send_frame(socket_, "", zmq::send_flags::sndmore);
  return send_frame(socket_, body);
}

}  // namespace lockstep

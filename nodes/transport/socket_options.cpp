// The options of each kind of socket, and the calls that open, bind and connect one.
#include "nodes/transport/socket_options.hpp"

#include <cctype>

#include "nodes/transport/endpoint.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep {
namespace {

constexpr std::uint64_t kClientThread = 1;  // bits of ZMQ_AFFINITY
constexpr std::uint64_t kPeerThread = 2;

// A frame above MAXMSGSIZE ends a *connecting* socket's connection for good, so those limits only stop
// what no honest node could send.
constexpr std::int64_t kConnectedPeerFrame = 64 * 1024 * 1024;
constexpr std::int64_t kConnectedClientFrame = 16 * 1024 * 1024;
// What a subscriber may send to a PUB socket: its subscription, which is empty, and the handshake. libzmq keeps
// some 36 bytes of memory for each byte of a subscription, as long as its sender stays connected.
constexpr std::int64_t kSubscriptionFrame = 4 * 1024;

constexpr int kPeerHwm = 4096;

zmq::socket_type type_of(SocketKind kind) {
  switch (kind) {
    case SocketKind::kClientRouter:
    case SocketKind::kPeerRouter: return zmq::socket_type::router;
    case SocketKind::kPublisher: return zmq::socket_type::pub;
    case SocketKind::kPeerSubscriber:
    case SocketKind::kClientSubscriber: return zmq::socket_type::sub;
    case SocketKind::kPeerDealer:
    case SocketKind::kClientDealer: return zmq::socket_type::dealer;
    case SocketKind::kClientReq: return zmq::socket_type::req;
  }
  return zmq::socket_type::dealer;
}

void set_common(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, 10);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, 5);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
  socket.set(zmq::sockopt::tcp_maxrt, 15'000);
}

void set_limits(zmq::socket_t& socket, int send_hwm, int receive_hwm, std::int64_t max_frame) {
  socket.set(zmq::sockopt::sndhwm, send_hwm);
  socket.set(zmq::sockopt::rcvhwm, receive_hwm);
  socket.set(zmq::sockopt::maxmsgsize, max_frame);
}

// Peers come back soon after they restart; clients are many, so they spread out.
void set_reconnect(zmq::socket_t& socket, int first_ms, int longest_ms) {
  socket.set(zmq::sockopt::reconnect_ivl, first_ms);
  socket.set(zmq::sockopt::reconnect_ivl_max, longest_ms);
  socket.set(zmq::sockopt::connect_timeout, 2000);
}

// MANDATORY makes a send to a connection that is gone or full an error instead of a silent loss.
void set_router(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::router_mandatory, true);
  socket.set(zmq::sockopt::router_handover, false);
  socket.set(zmq::sockopt::backlog, 4096);
  socket.set(zmq::sockopt::handshake_ivl, 15'000);
}

void set_options(zmq::socket_t& socket, SocketKind kind) {
  set_common(socket);
  switch (kind) {
    case SocketKind::kClientRouter:
      socket.set(zmq::sockopt::affinity, kClientThread);
      set_router(socket);
      set_limits(socket, 256, 64, wire::kMaxClientFrame);
      break;
    case SocketKind::kPeerRouter:
      socket.set(zmq::sockopt::affinity, kPeerThread);
      set_router(socket);
      set_limits(socket, kPeerHwm, kPeerHwm, wire::kMaxPeerFrame);
      break;
    case SocketKind::kPublisher:
      socket.set(zmq::sockopt::affinity, kPeerThread);
      socket.set(zmq::sockopt::backlog, 4096);
      set_limits(socket, kPeerHwm, kPeerHwm, kSubscriptionFrame);
      break;
    case SocketKind::kPeerSubscriber:
      socket.set(zmq::sockopt::affinity, kPeerThread);
      set_reconnect(socket, 50, 250);
      set_limits(socket, kPeerHwm, kPeerHwm, kConnectedPeerFrame);
      socket.set(zmq::sockopt::subscribe, "");
      break;
    case SocketKind::kPeerDealer:
      socket.set(zmq::sockopt::affinity, kPeerThread);
      socket.set(zmq::sockopt::immediate, true);
      set_reconnect(socket, 50, 250);
      set_limits(socket, kPeerHwm, kPeerHwm, kConnectedPeerFrame);
      break;
    case SocketKind::kClientDealer:
    case SocketKind::kClientReq:
      socket.set(zmq::sockopt::affinity, kClientThread);
      socket.set(zmq::sockopt::immediate, true);
      set_reconnect(socket, 100, 2000);
      set_limits(socket, 256, 1000, kConnectedClientFrame);
      break;
    case SocketKind::kClientSubscriber:
      socket.set(zmq::sockopt::affinity, kClientThread);
      set_reconnect(socket, 100, 2000);
      set_limits(socket, kPeerHwm, kPeerHwm, kConnectedPeerFrame);
      socket.set(zmq::sockopt::subscribe, "");
      break;
  }
}

TransportError failed(const std::string& endpoint, const zmq::error_t& error) {
  std::string detail = error.what();
  if (!detail.empty()) detail[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(detail[0])));
  const bool in_use = error.num() == EADDRINUSE;
  return {in_use ? TransportError::Kind::kAddressInUse : TransportError::Kind::kSystem, endpoint, std::move(detail)};
}

tl::unexpected<TransportError> invalid(const std::string& endpoint, std::string detail) {
  return tl::unexpected(TransportError{TransportError::Kind::kInvalidEndpoint, endpoint, std::move(detail)});
}

void allow_ipv6(zmq::socket_t& socket, const Endpoint& endpoint) {
  if (endpoint.host.starts_with('[')) socket.set(zmq::sockopt::ipv6, true);
}

}  // namespace

std::string to_string(const TransportError& error) { return error.endpoint + ": " + error.detail; }

OpenedSocket open_socket(Context& context, SocketKind kind) {
  try {
    zmq::socket_t socket(context.raw(), type_of(kind));
    set_options(socket, kind);
    return socket;
  } catch (const zmq::error_t& error) {
    return tl::unexpected(failed("a ZeroMQ socket", error));
  }
}

OpenedSocket open_bound(Context& context, SocketKind kind, const std::string& endpoint) {
  const auto parsed = parse_endpoint(endpoint);
  if (!parsed) return invalid(endpoint, parsed.error());
  const auto address = bindable(*parsed);
  if (!address) return tl::unexpected(TransportError{TransportError::Kind::kSystem, endpoint, address.error()});
  if (parsed->transport == Endpoint::Transport::kIpc && !context.claim_ipc_path(parsed->path)) {
    return tl::unexpected(TransportError{TransportError::Kind::kAddressInUse, endpoint, "address already in use"});
  }
  OpenedSocket socket = open_socket(context, kind);
  if (!socket) return socket;
  try {
    allow_ipv6(*socket, *parsed);
    socket->bind(*address);
    return socket;
  } catch (const zmq::error_t& error) {
    return tl::unexpected(failed(endpoint, error));
  }
}

OpenedSocket open_connected(Context& context, SocketKind kind, const std::string& endpoint) {
  OpenedSocket socket = open_socket(context, kind);
  if (!socket) return socket;
  if (auto connected = connect(*socket, endpoint); !connected) return tl::unexpected(connected.error());
  return socket;
}

tl::expected<void, TransportError> connect(zmq::socket_t& socket, const std::string& endpoint) {
  const auto parsed = parse_connectable_endpoint(endpoint);
  if (!parsed) return invalid(endpoint, parsed.error());
  try {
    allow_ipv6(socket, *parsed);
    socket.connect(endpoint);
    return {};
  } catch (const zmq::error_t& error) {
    return tl::unexpected(failed(endpoint, error));
  }
}

}  // namespace lockstep

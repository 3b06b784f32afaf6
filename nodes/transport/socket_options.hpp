// Every kind of socket this project opens, with all its options, in one place. The reason for a
// value that needs one stands beside it; the sizes come from protocol/wire/limits.hpp.
//
// ZMQ_HEARTBEAT_IVL stays 0 on every socket: with it, a stalled application can abort the whole process
// (libzmq #3937, #4767). The protocol has heartbeats of its own, and TCP keepalive finds dead hosts.
// Options are set before bind and connect only, since libzmq ignores most of them afterwards.
#pragma once

#include <string>

#include <tl/expected.hpp>
#include <zmq.hpp>

#include "nodes/transport/context.hpp"

namespace lockstep {

enum class SocketKind {
  kClientRouter,     // a node's end for clients
  kPeerRouter,       // a node's end for the requests of its peers
  kPublisher,        // a node's broadcasts
  kPeerSubscriber,   // a node's ear for the broadcasts of all its peers
  kPeerDealer,       // a node's way to one peer
  kClientDealer,     // a client program's way to one node
  kClientReq,        // the same with one question at a time, as the simplest clients do
  kClientSubscriber  // a client program's ear for one node's broadcasts
};

// Why a socket could not be opened. `endpoint` is as the caller wrote it; `detail` is for a person.
struct TransportError {
  enum class Kind {
    kInvalidEndpoint,  // it is no endpoint, or none that can be used so
    kAddressInUse,     // another process has it
    kSystem,           // anything else that libzmq or the system said, such as that a name does not resolve
  };
  Kind kind{};
  std::string endpoint;
  std::string detail;
};
// "tcp://127.0.0.1:7101: address already in use"
std::string to_string(const TransportError& error);

using OpenedSocket = tl::expected<zmq::socket_t, TransportError>;

OpenedSocket open_socket(Context& context, SocketKind kind);
// The endpoint must be bindable or connectable, see endpoint.hpp; if it is not, that is the error.
OpenedSocket open_bound(Context& context, SocketKind kind, const std::string& endpoint);
OpenedSocket open_connected(Context& context, SocketKind kind, const std::string& endpoint);
tl::expected<void, TransportError> connect(zmq::socket_t& socket, const std::string& endpoint);

}  // namespace lockstep

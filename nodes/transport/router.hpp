// A node's bound end for requests: one ROUTER, for its clients or for its peers.
//
// A message is one frame. A REQ socket puts an empty frame before it; such a request is taken as well, and
// its answer gets the empty frame back. A connection is known by the routing id that ZeroMQ gave it; it is a
// handle for the answer and never an identity. Who chose a routing id of its own is dropped and counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "nodes/transport/multipart_reader.hpp"
#include "nodes/transport/poll.hpp"
#include "nodes/transport/socket_calls.hpp"
#include "nodes/transport/socket_options.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

struct ReceivedRequest {
  ConnectionId connection;
  std::string body;
  std::string flaw;  // if not empty: what is wrong with the message's frames; there is no body then
};

struct RouterCounters {
  std::uint64_t foreign_routing_ids = 0;  // messages dropped
  std::uint64_t malformed = 0;            // messages with the wrong frames
  std::uint64_t sends_gone = 0;           // answers to connections that had closed
  std::uint64_t sends_full = 0;           // answers to connections that did not read theirs
};

class Router {
 public:
  static tl::expected<Router, TransportError> for_clients(Context& context, const std::string& endpoint);
  static tl::expected<Router, TransportError> for_peers(Context& context, const std::string& endpoint);

  // What has come in, at most kFramesPerTurn frames of it.
  std::vector<ReceivedRequest> receive();
  // True if the last receive() stopped because nothing was left.
  bool read_empty() const { return read_empty_; }
  SendResult send(ConnectionId connection, const std::string& body);

  zmq::pollitem_t poll_item() { return readable(socket_); }
  const RouterCounters& counters() const { return counters_; }
  std::string endpoint() { return bound_endpoint(socket_); }

 private:
  explicit Router(zmq::socket_t socket) : socket_(std::move(socket)) {}

  zmq::socket_t socket_;
  MultipartReader reader_{3};  // routing id, empty frame, body
  RouterCounters counters_;
  bool read_empty_ = false;
};

}  // namespace lockstep

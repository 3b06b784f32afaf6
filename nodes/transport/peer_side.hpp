// Everything between this node and the other members: its PUB and its ROUTER, one SUB to all their PUBs,
// and one DEALER to each of their ROUTERs.
//
// All connections are made at start and stay, so that a change of leader connects nothing. It moves bytes
// and knows no message: raft::Destination says which way each one leaves. Every send may be lost.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "nodes/transport/inlet.hpp"
#include "nodes/transport/router.hpp"
#include "protocol/raft/messages.hpp"

namespace lockstep {

struct PeerAddress {
  std::string name;
  std::string peer;     // where its ROUTER is bound
  std::string publish;  // where its PUB is bound
};

class PeerSide {
 public:
  static tl::expected<PeerSide, TransportError> open(Context& context, const PeerAddress& self,
                                                     const std::vector<PeerAddress>& others);

  // What has come in on all sockets. The connection is set for what came in on the ROUTER, and none for a
  // broadcast or an answer. A `flaw` is only ever set for the ROUTER.
  std::vector<ReceivedRequest> receive();
  // True if the last receive() left nothing behind on any socket.
  bool read_empty() const { return read_empty_; }
  // A member that is not one of the others cannot be sent to: a programmer's error.
  SendResult send(const raft::Destination& to, const std::string& body);

  void add_poll_items(PollItems& items);
  std::uint64_t dropped_sends() const { return dropped_sends_; }  // no room, not connected, or gone
  std::uint64_t malformed() const;  // messages of the SUB and the DEALERs that were not one frame
  std::string publish_endpoint() { return bound_endpoint(publisher_); }

 private:
  PeerSide(Router router, zmq::socket_t publisher, zmq::socket_t subscriber)
      : router_(std::move(router)), publisher_(std::move(publisher)), subscriber_(std::move(subscriber)) {}

  void receive_from(Inlet& inlet, std::vector<ReceivedRequest>& received);

  Router router_;
  zmq::socket_t publisher_;
  Inlet subscriber_;
  std::map<std::string, Inlet> dealers_;  // by the member's name
  std::uint64_t dropped_sends_ = 0;
  bool read_empty_ = false;
};

}  // namespace lockstep

// zmq's send and receive without waiting; what cannot happen on a socket of ours is an invariant.
#include "nodes/transport/socket_calls.hpp"

#include <cerrno>

#include "protocol/base/invariant.hpp"

namespace lockstep {

bool receive_frame(zmq::socket_t& socket, zmq::message_t& frame) {
  for (;;) {
    try {
      return socket.recv(frame, zmq::recv_flags::dontwait).has_value();
    } catch (const zmq::error_t& error) {
      INVARIANT(error.num() == EINTR, std::string("a socket can be read: ") + error.what());
    }
  }
}

SendResult send_frame(zmq::socket_t& socket, std::string_view bytes, zmq::send_flags flags) {
  for (;;) {
    try {
      const auto sent = socket.send(zmq::buffer(bytes.data(), bytes.size()), flags | zmq::send_flags::dontwait);
      return sent ? SendResult::kSent : SendResult::kFull;
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH) return SendResult::kGone;
      INVARIANT(error.num() == EINTR, std::string("a socket can be written: ") + error.what());
    }
  }
}

std::string bound_endpoint(zmq::socket_t& socket) { return socket.get(zmq::sockopt::last_endpoint); }

}  // namespace lockstep

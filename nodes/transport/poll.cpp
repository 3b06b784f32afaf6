// zmq::poll.
#include "nodes/transport/poll.hpp"

#include <cerrno>
#include <string>

#include "nodes/system/clock.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {

zmq::pollitem_t readable(int fd) { return {nullptr, fd, ZMQ_POLLIN, 0}; }

zmq::pollitem_t readable(zmq::socket_t& socket) { return {socket.handle(), 0, ZMQ_POLLIN, 0}; }

zmq::pollitem_t readable_or_writable(zmq::socket_t& socket) {
  return {socket.handle(), 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0};
}

bool wait_for(PollItems& items, Duration timeout) {
  try {
    return zmq::poll(items, sleep_time(timeout)) > 0;
  } catch (const zmq::error_t& error) {
    INVARIANT(error.num() == EINTR, std::string("sockets can be waited for: ") + error.what());
    return false;
  }
}

}  // namespace lockstep

// The three calls that move bytes, with ZeroMQ's errors as values. None of them ever waits.
//
// EINTR cannot lose anything: signals are blocked in our programs, and a call that was interrupted anyway is
// made again. An error that only a programmer can cause (a closed socket, one used by two threads) aborts.
#pragma once

#include <string>
#include <string_view>

#include <zmq.hpp>

namespace lockstep {

enum class SendResult {
  kSent,  // queued; it may still be lost with the connection
  kFull,  // no room: the far end does not keep up, or is not connected yet
  kGone,  // a ROUTER has no such connection any more
};

// One frame; false if there is none now.
bool receive_frame(zmq::socket_t& socket, zmq::message_t& frame);
SendResult send_frame(zmq::socket_t& socket, std::string_view bytes, zmq::send_flags flags = zmq::send_flags::none);

// The endpoint a bound socket got, with the port that the system chose.
std::string bound_endpoint(zmq::socket_t& socket);

}  // namespace lockstep

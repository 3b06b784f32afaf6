// Waiting for sockets and file descriptors together: the only place that calls zmq::poll.
//
// ZMQ_FD is edge-triggered and easily misread, and the poller classes are not in Debian's build.
#pragma once

#include <vector>

#include <zmq.hpp>

#include "protocol/base/types.hpp"

namespace lockstep {

using PollItems = std::vector<zmq::pollitem_t>;

zmq::pollitem_t readable(int fd);
zmq::pollitem_t readable(zmq::socket_t& socket);
zmq::pollitem_t readable_or_writable(zmq::socket_t& socket);

// Waits until an item is ready, and at most `timeout` (rounded up to a millisecond, so that whoever waits for
// a deadline finds it passed). What is ready stands in `revents`. An interrupted wait returns early. True if an item is
// ready.
bool wait_for(PollItems& items, Duration timeout);

}  // namespace lockstep

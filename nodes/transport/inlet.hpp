// A connecting socket whose messages are one frame each: what a SUB hears, and the answers a DEALER gets.
// A message of more than one frame is dropped and counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <zmq.hpp>

#include "nodes/transport/multipart_reader.hpp"

namespace lockstep {

class Inlet {
 public:
  explicit Inlet(zmq::socket_t socket) : socket_(std::move(socket)) {}

  // The next message; none if there is none now or `budget` frames have been read. Counts `budget` down.
  std::optional<std::string> receive(std::size_t& budget);
  std::optional<std::string> receive();

  zmq::socket_t& socket() { return socket_; }
  std::uint64_t malformed() const { return malformed_; }

 private:
  zmq::socket_t socket_;
  MultipartReader reader_{1};
  std::uint64_t malformed_ = 0;
};

}  // namespace lockstep

// Reads one socket's messages, frame by frame, without trusting their shape.
//
// A message may have any number of frames, and ZeroMQ limits only the size of each. So at most a few
// frames are kept, the rest is thrown away up to the end of the message, and a turn reads a limited number
// of frames: a flood costs its sender's connection nothing, but it never holds up this thread for long.
// A message that was begun is finished in a later turn, so a caller never sees the middle of one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <zmq.hpp>

namespace lockstep {

// How many frames of one socket one turn of a loop reads before it looks at the other sockets.
inline constexpr std::size_t kFramesPerTurn = 4096;

struct Multipart {
  std::vector<std::string> kept;  // the first frames
  std::size_t frames = 0;         // how many there were in all
};

class MultipartReader {
 public:
  explicit MultipartReader(std::size_t keep) : keep_(keep) {}

  // The next whole message; none if there is none now or `budget` frames have been read. Counts `budget` down.
  std::optional<Multipart> read(zmq::socket_t& socket, std::size_t& budget);

 private:
  std::size_t keep_;
  Multipart partial_;
};

}  // namespace lockstep

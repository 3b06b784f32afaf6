// Keeps the first frames of a message, counts the rest, and stops when its budget of frames is used up.
#include "nodes/transport/multipart_reader.hpp"

#include <cerrno>
#include <utility>

#include "nodes/transport/socket_calls.hpp"

namespace lockstep {

std::optional<Multipart> MultipartReader::read(zmq::socket_t& socket, std::size_t& budget) {
  while (budget > 0) {
    zmq::message_t frame;
    if (!receive_frame(socket, frame)) return std::nullopt;
    --budget;
    ++partial_.frames;
    if (partial_.kept.size() < keep_) partial_.kept.emplace_back(frame.to_string_view());
    if (!frame.more()) return std::exchange(partial_, {});
  }
  return std::nullopt;
}

}  // namespace lockstep

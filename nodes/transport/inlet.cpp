// Receives single-frame messages, and drops and counts every other.
#include "nodes/transport/inlet.hpp"

namespace lockstep {

std::optional<std::string> Inlet::receive(std::size_t& budget) {
  while (auto message = reader_.read(socket_, budget)) {
    if (message->frames == 1) return std::move(message->kept.front());
    ++malformed_;
  }
  return std::nullopt;
}

std::optional<std::string> Inlet::receive() {
  std::size_t budget = kFramesPerTurn;
  return receive(budget);
}

}  // namespace lockstep

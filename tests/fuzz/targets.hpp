// Everything that reads bytes which somebody else may have chosen, each as one function of those bytes.
//
// libFuzzer calls them with inputs it makes up (tests/fuzz/run); the test fuzz_corpus calls them with every file in
// tests/fuzz/corpus/TARGET. What must hold is checked with INVARIANT, and by the sanitizers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lockstep::fuzz {

using Bytes = std::span<const std::uint8_t>;

void client_frame(Bytes bytes);    // frames of clients, to a cluster of one
void peer_frame(Bytes bytes);      // frames of nodes, to a leader, a follower and a node without a cluster
void response_frame(Bytes bytes);  // frames of nodes, to a client
void config_text(Bytes bytes);     // the configuration of a node
void log_recovery(Bytes bytes);    // a data folder that was changed, its checksums put right again
void state_bytes(Bytes bytes);     // the state inside a snapshot
void zmq_json(Bytes bytes);        // messages as a person writes them, for `lockstep zmq`
void state_file(Bytes bytes);      // what one-shot commands keep

struct Target {
  std::string_view name;
  void (*run)(Bytes);
};
inline constexpr Target kTargets[] = {
    {"client_frame", client_frame}, {"peer_frame", peer_frame},     {"response_frame", response_frame},
    {"config_text", config_text},   {"log_recovery", log_recovery}, {"state_bytes", state_bytes},
    {"zmq_json", zmq_json},         {"state_file", state_file},
};

}  // namespace lockstep::fuzz

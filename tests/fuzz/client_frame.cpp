// What a client may send, valid or not, never ends a node, and every answer can be read.
#include "protocol/base/invariant.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/node.hpp"

namespace lockstep::fuzz {

// Records of one byte (what, and from whom) and a frame, or a time to pass.
void client_frame(Bytes bytes) {
  static const Node kNode = busy_cluster(1).front();
  Node node = kNode;
  Input input(bytes);
  for (int i = 0; i < 64 && !input.empty(); ++i) {
    const std::uint8_t what = input.byte();
    if (what % 8 == 7) {
      node.advance(std::chrono::milliseconds(50) * (1 + what / 8));
    } else {
      node.receive_from_client(ConnectionId(500 + what % 8), as_text(input.chunk()));
    }
    (void)node.take_messages();
    (void)node.take_replies();
  }
  const locks::StateMachine& state = node.replica().state();
  INVARIANT(state.hash() == state.recomputed_hash(), "the hash that is kept is the state's");
}

}  // namespace lockstep::fuzz

// A message that a person wrote is refused in a sentence, or is one that can be encoded and shown.
#include "protocol/base/invariant.hpp"
#include "tests/fuzz/input.hpp"
#include "tools/lockstep/json/message_json.hpp"
#include "tools/lockstep/zmq/tap_line.hpp"

namespace lockstep::fuzz {
namespace {

// Any frame can be shown, too.
void show_frame(std::string_view frame) {
  if (const auto message = wire::decode_message(frame)) {
    (void)to_line(to_json(*message));
    INVARIANT(to_tap_line(*message).find('\n') == std::string::npos, "a broadcast is shown on one line");
  }
  if (const auto request = wire::decode_request(frame)) (void)to_line(to_json(*request));
  if (const auto response = wire::decode_response(frame)) (void)to_line(to_json(*response));
}

}  // namespace

void zmq_json(Bytes bytes) {
  show_frame(as_text(bytes));
  const auto message = message_from_json(as_text(bytes));
  if (!message) {
    INVARIANT(!message.error().empty(), "what cannot be read is told why");
    return;
  }
  const std::string frame = encode(*message);
  const std::string line = to_line(to_json(*message));
  INVARIANT(line.find('\n') == std::string::npos, "a message is shown on one line");
  show_frame(frame);
}

}  // namespace lockstep::fuzz

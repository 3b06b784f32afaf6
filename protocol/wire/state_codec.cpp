// Writes a state's records in their order, and reads them in parts.
#include "protocol/wire/state_codec.hpp"

#include "protocol/wire/msgpack_reader.hpp"
#include "protocol/wire/msgpack_writer.hpp"
#include "protocol/wire/state_schema.hpp"

namespace lockstep::wire {

std::string encode_state(const locks::StateMachine& state) {
  MsgpackWriter writer;
  const locks::StateImage image = image_of(state);
  field(writer, "", image);
  return writer.take();
}

Decoded<locks::StateMachine> decode_state(std::string_view bytes, const locks::Bounds& bounds) {
  MsgpackReader reader(bytes, "state");
  locks::StateImage image;
  field(reader, "", image);
  auto read = reader.finish(std::move(image));
  if (!read) return tl::unexpected(std::move(read.error()));
  std::string detail = violation_in(*read, bounds);
  if (!detail.empty()) return tl::unexpected(DecodeError{ErrorCode::kBadRequest, "state", std::move(detail), {}});
  return locks::StateMachine(*std::move(read), bounds);
}

}  // namespace lockstep::wire

// What the log keeps: entry bodies, and the commands and limits inside them.
#include "protocol/wire/codec.hpp"
#include "protocol/wire/msgpack_reader.hpp"
#include "protocol/wire/msgpack_writer.hpp"

namespace lockstep::wire {
namespace {

template <typename Variant>
std::string encode_tagged(const Variant& variant) {
  MsgpackWriter writer;
  tagged(writer, "", variant);
  return writer.take();
}

template <typename Variant>
Decoded<Variant> decode_tagged(std::string_view bytes, std::string_view kind) {
  MsgpackReader reader(bytes, kind);
  Variant variant;
  tagged(reader, "", variant);
  return reader.finish(std::move(variant));
}

}  // namespace

std::string encode(const raft::EntryBody& body) { return encode_tagged(body); }
std::string encode(const locks::Command& command) { return encode_tagged(command); }

std::string encode(const locks::StateLimits& limits) {
  MsgpackWriter writer;
  field(writer, "", limits);
  return writer.take();
}

Decoded<raft::EntryBody> decode_entry_body(std::string_view bytes) {
  return decode_tagged<raft::EntryBody>(bytes, "entry");
}

Decoded<locks::Command> decode_command(std::string_view bytes) {
  return decode_tagged<locks::Command>(bytes, "command");
}

Decoded<locks::StateLimits> decode_state_limits(std::string_view bytes) {
  MsgpackReader reader(bytes, "state_limits");
  locks::StateLimits limits;
  field(reader, "", limits);
  return reader.finish(limits);
}

}  // namespace lockstep::wire

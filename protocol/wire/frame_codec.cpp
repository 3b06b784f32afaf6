// Frames: what goes over a socket in one piece.
#include "protocol/wire/codec.hpp"
#include "protocol/wire/msgpack_reader.hpp"
#include "protocol/wire/msgpack_writer.hpp"

namespace lockstep::wire {
namespace {

template <typename Frame>
std::string encode_frame(const Frame& frame) {
  auto type = type_of(frame.body);
  FieldCounter in_header;
  header(in_header, frame, type);
  MsgpackWriter writer;
  writer.begin_record("", 1 + in_header.count() + body_field_count(frame.body));
  writer.number("version", kVersion, kAnyNumber);
  header(writer, frame, type);
  body_fields(writer, frame.body);
  writer.end_record();
  return writer.take();
}

void read_version(MsgpackReader& reader) {
  std::uint64_t version = 0;
  reader.number("version", version, kAnyNumber);
  if (!reader.ok() || version == kVersion) return;
  reader.fail(ErrorCode::kUnsupportedVersion, "version",
              "expected " + std::to_string(kVersion) + ", got " + std::to_string(version));
}

template <typename Frame>
Decoded<Frame> decode_frame(std::string_view bytes, std::string_view kind, std::size_t max_size) {
  MsgpackReader reader(bytes, kind);
  if (bytes.size() > max_size) {
    reader.fail(
        ErrorCode::kBadRequest, "",
        "is " + std::to_string(bytes.size()) + " bytes long, at most " + std::to_string(max_size) + " are allowed");
  }
  Frame frame;
  decltype(type_of(frame.body)) type{};
  reader.begin_record("", 0);
  read_version(reader);
  header(reader, frame, type);
  if (reader.ok()) {
    reader.rename(to_string(type));
    frame.body = blank(type);
    body_fields(reader, frame.body);
  }
  reader.end_record();
  return reader.finish(std::move(frame));
}

// The call number of a client's frame that did not decode, if that much of it can be read.
CallNumber call_of(std::string_view bytes) {
  MsgpackReader reader(bytes, "");
  std::uint64_t call = 0;
  reader.begin_record("", 0);
  reader.skip("version");
  reader.skip("type");
  reader.number("call", call, kAnyNumber);
  return reader.ok() ? CallNumber(call) : CallNumber();
}

template <typename Frame>
Decoded<Frame> decode_client_frame(std::string_view bytes, std::string_view kind, std::size_t max_size) {
  Decoded<Frame> frame = decode_frame<Frame>(bytes, kind, max_size);
  if (!frame) frame.error().call = call_of(bytes);
  return frame;
}

}  // namespace

std::string to_string(const DecodeError& error) { return error.field + ": " + error.detail; }

std::string encode(const raft::Message& message) { return encode_frame(message); }
std::string encode(const Request& request) { return encode_frame(request); }
std::string encode(const Response& response) { return encode_frame(response); }

Decoded<raft::Message> decode_message(std::string_view bytes) {
  return decode_frame<raft::Message>(bytes, "message", kMaxPeerFrame);
}

Decoded<Request> decode_request(std::string_view bytes) {
  return decode_client_frame<Request>(bytes, "request", kMaxClientRequest);
}

Decoded<Response> decode_response(std::string_view bytes) {
  return decode_client_frame<Response>(bytes, "response", kMaxPeerFrame);
}

}  // namespace lockstep::wire

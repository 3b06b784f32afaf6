// The bytes of every message: msgpack arrays, one frame a message. The only place that knows msgpack.
//
// Decoding is strict: the array must have exactly the fields this version knows, each of its type and
// within its limit (limits.hpp), enumerations in range, names valid UTF-8, and every byte used. What
// fails is returned as a DecodeError that names the field; nothing is ever thrown out of here.
// encode and decode are inverse: decode(encode(m)) == m for every m within the limits, and encoding is
// deterministic, since entries are compared and hashed as bytes.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/locks/commands.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep::wire {

struct DecodeError {
  ErrorCode code = ErrorCode::kBadRequest;  // or kUnsupportedVersion, kInvalidName, kInvalidTtl
  std::string field;                        // as a path: "append.entries[3].term"
  std::string detail;                       // "expected an unsigned integer, got a string"
  CallNumber call;                          // the call number, if decoding got that far
  friend bool operator==(const DecodeError&, const DecodeError&) = default;
};

// "append.entries[3].term: expected an unsigned integer, got a string"
std::string to_string(const DecodeError& error);

template <typename T>
using Decoded = tl::expected<T, DecodeError>;

// Node to node: [version, cluster, type, term, from, to, fields...].
std::string encode(const raft::Message& message);
Decoded<raft::Message> decode_message(std::string_view bytes);

// Client to node: [version, type, call, fields...], and back: [version, type, call, applied, fields...].
std::string encode(const Request& request);
Decoded<Request> decode_request(std::string_view bytes);
std::string encode(const Response& response);
Decoded<Response> decode_response(std::string_view bytes);

// A log entry's body as the log and Append carry it: [type, fields...].
std::string encode(const raft::EntryBody& body);
Decoded<raft::EntryBody> decode_entry_body(std::string_view bytes);

// A command, inside a raft::Command and a Forward. decode_message checks every command of a Forward
// with this, so that nothing that apply could not read ever enters a log.
std::string encode(const locks::Command& command);
Decoded<locks::Command> decode_command(std::string_view bytes);

// The state limits inside a raft::Configuration.
std::string encode(const locks::StateLimits& limits);
Decoded<locks::StateLimits> decode_state_limits(std::string_view bytes);

}  // namespace lockstep::wire

// Every message of the wire as JSON and back: {"type": "check", "call": 1, "name": "jobs/42", ...}.
//
// The keys are the field names of docs/protocol.md. Reading fills in what is left out: a request's call is 1,
// a node's message comes from node 1, and every other field has its default.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <tl/expected.hpp>

#include "tools/lockstep/json/json_writer.hpp"

namespace lockstep {

using AnyMessage = std::variant<wire::Request, wire::Response, raft::Message>;

Json to_json(const raft::Message& message);
Json to_json(const wire::Request& request);
Json to_json(const wire::Response& response);
Json to_json(const AnyMessage& message);

// The error is a sentence that names the key: "check: unknown key 'nam'".
tl::expected<AnyMessage, std::string> message_from_json(std::string_view text);

std::string encode(const AnyMessage& message);

// On one line, whatever bytes are in its strings.
std::string to_line(const Json& json);

}  // namespace lockstep

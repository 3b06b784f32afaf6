// The one description of every message: its fields in their order, each with its name, type and limit. Here the
// frames; what is in them is next to it, by whose words they are.
#pragma once

#include "protocol/wire/client_schema.hpp"
#include "protocol/wire/command_schema.hpp"
#include "protocol/wire/raft_schema.hpp"
#include "protocol/wire/schema_fields.hpp"

namespace lockstep::wire {

// A frame is [version, header..., fields of the body...]. Version and, for clients, type and call stay where they are
// in every version to come, so that even a refusal can name the call.

template <typename V>
void header(V& v, auto& m, MessageType& type) {
  field(v, "cluster", m.cluster);
  choice(v, "type", type);
  field(v, "term", m.term);
  number(v, "from", m.from, kNotNone);
  field(v, "to", m.to);
}

template <typename V>
void header(V& v, auto& m, RequestType& type) {
  choice(v, "type", type);
  number(v, "call", m.call, kNotNone);
}

template <typename V>
void header(V& v, auto& m, ResponseType& type) {
  choice(v, "type", type);
  field(v, "call", m.call);
  field(v, "applied", m.applied);
}

}  // namespace lockstep::wire

// Whether a message keeps to the rules of its schema, before it is encoded.
//
// Bytes that come in are checked by the decoder. What a program of ours is asked to send is checked here, by the same
// rules in the same place, so that no second list of limits can disagree with the first.
//
//   if (auto violation = find_violation(request.body)) return refuse(violation->code, violation->detail);
//
// Pure functions. The first violation in the order of the fields is returned; its `field` is a path below the message,
// as "name" or "names[2]". A message without one can be encoded, and every node of this version can read it.
#pragma once

#include <optional>

#include "protocol/wire/codec.hpp"

namespace lockstep::wire {

std::optional<DecodeError> find_violation(const RequestBody& body);
std::optional<DecodeError> find_violation(const locks::Operation& operation);

}  // namespace lockstep::wire

// The whole replicated state as bytes: what a snapshot holds (S6).
//
// Canonical: equal states have equal bytes, whichever way they came about. Strict: what decodes is a state that
// satisfies the state machine's invariants as far as its records can show them, and whose hash() equals its
// recomputed_hash(); bytes from a damaged disk or a hostile peer give an error, never an abort, and cost no more
// memory than a small multiple of their own size.
#pragma once

#include <string>
#include <string_view>

#include "protocol/locks/state_machine.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep::wire {

std::string encode_state(const locks::StateMachine& state);
// `bounds`: those of the state that was encoded.
Decoded<locks::StateMachine> decode_state(std::string_view bytes, const locks::Bounds& bounds = {});

}  // namespace lockstep::wire

// What each kind of read is answered, from a state: the one place to extend for a new read.
#pragma once

#include <optional>

#include "protocol/base/types.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

// `age`: the state is at least as new as the cluster's was so long ago; nothing if that is not known.
wire::ResponseBody answer_read(const wire::ReadRequest& read, const locks::StateMachine& state,
                               std::optional<Duration> age);

// An age as clients are told it. It is a bound, so it is rounded up: an answer never claims to be newer than it is.
std::optional<std::uint64_t> age_in_ms(std::optional<Duration> age);

}  // namespace lockstep

// Client ids made from user information: who runs the process, on which host, which process it is,
// and random bytes, hashed into a UUID (RFC 4122 section 4.3, SHA-1), so that the id tells nobody any of it.
#pragma once

#include "protocol/base/client_id.hpp"

namespace lockstep {

// A new id with every call.
ClientId make_client_id();

}  // namespace lockstep

// One question to a node and its answer, over a DEALER or a plain REQ socket.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "nodes/transport/context.hpp"
#include "nodes/transport/socket_options.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

struct NoAnswer {
  enum class Reason {
    kBadEndpoint,
    kTimeout,
  } reason;
  std::string detail;  // for a person, names the endpoint
};

// Sends `frame` as soon as there is a connection, and waits for the first answer of one frame. `timeout`
// bounds both together. `kind` is kClientDealer or kClientReq.
tl::expected<std::string, NoAnswer> exchange(Context& context, SocketKind kind, const std::string& endpoint,
                                             const std::string& frame, Duration timeout);

}  // namespace lockstep

// Sends the frame by the socket that was chosen, and waits for one frame with a deadline.
#include "tools/lockstep/zmq/exchange.hpp"

#include <optional>

#include "nodes/system/clock.hpp"
#include "nodes/transport/inlet.hpp"
#include "nodes/transport/poll.hpp"
#include "nodes/transport/socket_calls.hpp"

namespace lockstep {
namespace {

// Calls `done` whenever the socket is ready, until it says so or the deadline is past.
template <typename Done>
bool wait_until(zmq::pollitem_t item, Time deadline, Done done) {
  while (!done()) {
    const Time now = boot_time();
    if (now >= deadline) return false;
    PollItems items{item};
    wait_for(items, deadline - now);
  }
  return true;
}

NoAnswer timed_out(const std::string& endpoint, const std::string& detail) {
  return {NoAnswer::Reason::kTimeout, endpoint + ": " + detail};
}

}  // namespace

tl::expected<std::string, NoAnswer> exchange(Context& context, SocketKind kind, const std::string& endpoint,
                                             const std::string& frame, Duration timeout) {
  const Time deadline = boot_time() + timeout;
  OpenedSocket opened = open_connected(context, kind, endpoint);
  if (!opened) return tl::unexpected(NoAnswer{NoAnswer::Reason::kBadEndpoint, to_string(opened.error())});
  Inlet inlet(std::move(*opened));
  const auto sent = [&] { return send_frame(inlet.socket(), frame) == SendResult::kSent; };
  if (!wait_until(readable_or_writable(inlet.socket()), deadline, sent)) {
    return tl::unexpected(timed_out(endpoint, "cannot connect: no node listens there, or it cannot be reached"));
  }
  std::optional<std::string> answer;
  const auto received = [&] { return (answer = inlet.receive()).has_value(); };
  if (!wait_until(readable(inlet.socket()), deadline, received)) {
    return tl::unexpected(timed_out(endpoint, "no answer in time"));
  }
  return *answer;
}

}  // namespace lockstep

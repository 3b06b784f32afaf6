// What the tests of this layer share: a context, and waiting for a condition with a limit.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "nodes/transport/router.hpp"

namespace lockstep::testing {

inline constexpr std::string_view kAnyPort = "tcp://127.0.0.1:*";

// Calls `attempt` until it returns true; false after two minutes. Waits on `items` in between.
template <typename Attempt>
bool eventually(PollItems items, Attempt attempt) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (std::chrono::steady_clock::now() < end) {
    if (attempt()) return true;
    wait_for(items, std::chrono::milliseconds(20));
  }
  return false;
}

// The next `count` requests of a router, or fewer if they do not come within two minutes.
inline std::vector<ReceivedRequest> receive(Router& router, std::size_t count) {
  std::vector<ReceivedRequest> all;
  eventually({router.poll_item()}, [&] {
    for (ReceivedRequest& request : router.receive()) all.push_back(std::move(request));
    return all.size() >= count;
  });
  return all;
}

// The next message of a ClientConnection or Subscriber; empty if none comes within two minutes.
template <typename Receiver>
std::string receive_one(Receiver& receiver) {
  std::string body;
  eventually({receiver.poll_item()}, [&] {
    auto received = receiver.receive();
    if (received) body = std::move(*received);
    return received.has_value();
  });
  return body;
}

template <typename Sender>
bool send_eventually(Sender send) {
  return eventually({}, [&] { return send() == SendResult::kSent; });
}

}  // namespace lockstep::testing

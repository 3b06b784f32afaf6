// The channel between the holder of a lock and the guardian of its command: packets that arrive whole and
// in order, and an end that is seen when the other process is gone, however it went.
//
// Neither end ever waits for the other: one that is stopped must not hold the other up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "nodes/system/file_descriptor.hpp"
#include "tools/lockstep/run/guardian.hpp"

namespace lockstep::run {

// The command has this process id, which is its group's, too. Sent before the command can run.
struct Started {
  std::int32_t group = 0;
};

using Order = std::variant<StartOrder, RenewOrder, SignalOrder, StopOrder>;
using News = std::variant<Started, Finish>;

// The other end is gone.
struct ChannelClosed {};

class Channel {
 public:
  // The two ends: the holder's, the guardian's. Nothing: the system gave none (errno says why).
  static std::optional<std::pair<Channel, Channel>> open();
  int descriptor() const { return fd_.get(); }
  void close() { fd_.close(); }

  // What cannot be sent at once is dropped: then the other end is stopped or dead.
  void send(const Order& order);
  void send(const News& news);
  // Nothing: there is none now.
  std::optional<std::variant<Order, ChannelClosed>> receive_order();
  std::optional<std::variant<News, ChannelClosed>> receive_news();

 private:
  explicit Channel(int fd) : fd_(fd) {}
  FileDescriptor fd_;
};

}  // namespace lockstep::run

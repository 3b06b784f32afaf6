// A pair of SOCK_SEQPACKET sockets.
#include "tools/lockstep/run/channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "protocol/base/invariant.hpp"

namespace lockstep::run {
namespace {

constexpr std::size_t kLargestPacket = 64 * 1024;

enum class PacketKind : std::uint8_t { kStart = 1, kRenew, kSignal, kStop, kStarted, kFinish };

// Both ends are one program, so this is its own layout and byte order.
struct Head {
  PacketKind kind{};
  Ending ending{};
  bool has_status = false;
  std::int32_t number = 0;
  Duration::rep safe_until = 0;
};

struct Packet {
  Head head;
  std::string text;  // each with a zero byte after it
};

Packet packet_of(const StartOrder& order) {
  Packet packet{{.kind = PacketKind::kStart, .safe_until = order.safe_until.time_since_epoch().count()}, {}};
  for (const std::string& variable : order.environment) packet.text.append(variable.c_str(), variable.size() + 1);
  return packet;
}
Packet packet_of(const RenewOrder& order) {
  return {{.kind = PacketKind::kRenew, .safe_until = order.safe_until.time_since_epoch().count()}, {}};
}
Packet packet_of(const SignalOrder& order) { return {{.kind = PacketKind::kSignal, .number = order.signal}, {}}; }
Packet packet_of(const StopOrder&) { return {{.kind = PacketKind::kStop}, {}}; }
Packet packet_of(const Started& started) { return {{.kind = PacketKind::kStarted, .number = started.group}, {}}; }
Packet packet_of(const Finish& finish) {
  return {{.kind = PacketKind::kFinish,
           .ending = finish.ending,
           .has_status = finish.status.has_value(),
           .number = finish.status.value_or(0)},
          {}};
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size(); at += parts.back().size() + 1) parts.emplace_back(text.c_str() + at);
  return parts;
}

Order order_of(const Packet& packet) {
  const Time safe_until{Duration(packet.head.safe_until)};
  switch (packet.head.kind) {
    case PacketKind::kStart: return StartOrder{safe_until, split(packet.text)};
    case PacketKind::kRenew: return RenewOrder{safe_until};
    case PacketKind::kSignal: return SignalOrder{packet.head.number};
    default: return StopOrder{};
  }
}

News news_of(const Packet& packet) {
  if (packet.head.kind == PacketKind::kStarted) return Started{packet.head.number};
  Finish finish;
  if (packet.head.has_status) finish.status = packet.head.number;
  finish.ending = packet.head.ending;
  return finish;
}

void send_packet(int fd, const Packet& packet) {
  std::string bytes(sizeof(Head), '\0');
  std::memcpy(bytes.data(), &packet.head, sizeof(Head));
  bytes += packet.text;
  INVARIANT(bytes.size() <= kLargestPacket, "the names of one acquire are few and short");
  while (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) {
  }
}

std::optional<std::variant<Packet, ChannelClosed>> receive_packet(int fd) {
  static std::array<char, kLargestPacket> buffer;
  ssize_t size = 0;
  do {
    size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    // ECONNRESET, once: the other end went before it read all that we sent. What it said before that is still to come.
  } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (size < static_cast<ssize_t>(sizeof(Head))) return ChannelClosed{};
  Packet packet;
  std::memcpy(&packet.head, buffer.data(), sizeof(Head));
  packet.text.assign(buffer.data() + sizeof(Head), static_cast<std::size_t>(size) - sizeof(Head));
  return packet;
}

}  // namespace

std::optional<std::pair<Channel, Channel>> Channel::open() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::nullopt;
  return std::pair(Channel(ends[0]), Channel(ends[1]));
}

void Channel::send(const Order& order) {
  send_packet(fd_.get(), std::visit([](const auto& o) { return packet_of(o); }, order));
}
void Channel::send(const News& news) {
  send_packet(fd_.get(), std::visit([](const auto& n) { return packet_of(n); }, news));
}

std::optional<std::variant<Order, ChannelClosed>> Channel::receive_order() {
  const auto packet = receive_packet(fd_.get());
  if (!packet) return std::nullopt;
  if (std::holds_alternative<ChannelClosed>(*packet)) return ChannelClosed{};
  return order_of(std::get<Packet>(*packet));
}

std::optional<std::variant<News, ChannelClosed>> Channel::receive_news() {
  const auto packet = receive_packet(fd_.get());
  if (!packet) return std::nullopt;
  if (std::holds_alternative<ChannelClosed>(*packet)) return ChannelClosed{};
  return news_of(std::get<Packet>(*packet));
}

}  // namespace lockstep::run

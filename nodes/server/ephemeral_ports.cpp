// Two files of /proc.
#include "nodes/server/ephemeral_ports.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

namespace lockstep {
namespace {

constexpr std::pair<std::uint16_t, std::uint16_t> kNoPorts{1, 0};

std::string line_of(const char* file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

// The number that the text begins with, and what follows it.
std::optional<std::uint16_t> take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t,-"), text.size()));
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool is_in(const std::pair<std::uint16_t, std::uint16_t>& ports, std::uint16_t port) {
  return ports.first <= port && port <= ports.second;
}

}  // namespace

EphemeralPorts EphemeralPorts::of_this_machine() {
  return {line_of("/proc/sys/net/ipv4/ip_local_port_range"), line_of("/proc/sys/net/ipv4/ip_local_reserved_ports")};
}

EphemeralPorts::EphemeralPorts(std::string_view range, std::string_view reserved) : range_(kNoPorts) {
  const auto first = take_number(range);
  const auto last = take_number(range);
  if (first && last) range_ = {*first, *last};
  while (const auto begin = take_number(reserved)) {
    const bool is_range = reserved.starts_with('-');
    reserved_.emplace_back(*begin, is_range ? take_number(reserved).value_or(*begin) : *begin);
  }
}

bool EphemeralPorts::contains(std::uint16_t port) const {
  const auto has_port = [port](const Ports& ports) { return is_in(ports, port); };
  return has_port(range_) && std::none_of(reserved_.begin(), reserved_.end(), has_port);
}

std::string EphemeralPorts::range() const {
  return std::to_string(range_.first) + " to " + std::to_string(range_.second);
}

}  // namespace lockstep

// The ports that the system gives to outgoing connections by itself. A program that connects may have one of them as
// its own end, and then no other program can listen there: a client that waits for a node can so keep the node from its
// port.
//
// A value. Nothing is known, and so no port is among them, if the system does not say (as in a unit that sees no
// /proc/sys).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep {

class EphemeralPorts {
 public:
  static EphemeralPorts of_this_machine();
  // `range` as in /proc/sys/net/ipv4/ip_local_port_range, "32768 60999"; `reserved`, which are never given away, as in
  // ip_local_reserved_ports, "7101,40000-40010".
  EphemeralPorts(std::string_view range, std::string_view reserved);

  bool contains(std::uint16_t port) const;
  std::string range() const;  // "32768 to 60999"

 private:
  using Ports = std::pair<std::uint16_t, std::uint16_t>;  // the first and the last
  Ports range_;                                           // the first is after the last: none
  std::vector<Ports> reserved_;
};

}  // namespace lockstep

// The two files of /proc, as the kernel writes them.
#include "nodes/server/ephemeral_ports.hpp"

#include <doctest/doctest.h>

namespace lockstep::ephemeral_ports_test {

TEST_CASE("the ports of the range are given away, with its first and its last") {
  const EphemeralPorts ports("32768\t60999", "");
  CHECK(ports.range() == "32768 to 60999");
  for (const int port : {32768, 40000, 60999}) CHECK(ports.contains(static_cast<std::uint16_t>(port)));
  for (const int port : {1, 7101, 32767, 61000, 65535}) CHECK_FALSE(ports.contains(static_cast<std::uint16_t>(port)));
}

TEST_CASE("reserved ports are not given away: single ones, and ranges") {
  const EphemeralPorts ports("32768\t60999", "7101,40000-40002,50000");
  for (const int port : {7101, 40000, 40001, 40002, 50000})
    CHECK_FALSE(ports.contains(static_cast<std::uint16_t>(port)));
  for (const int port : {39999, 40003, 49999, 50001}) CHECK(ports.contains(static_cast<std::uint16_t>(port)));
}

TEST_CASE("where the system says nothing, no port is known to be given away") {
  for (const std::string_view text : {"", "-", "32768", "no numbers", "99999 100000"}) {
    CAPTURE(text);
    const EphemeralPorts ports(text, "1-65535");
    for (const int port : {0, 1, 32768, 65535}) CHECK_FALSE(ports.contains(static_cast<std::uint16_t>(port)));
  }
}

}  // namespace lockstep::ephemeral_ports_test

#include "nodes/transport/endpoint.hpp"

#include <doctest/doctest.h>

namespace lockstep::endpoint_test {
namespace {
std::string problem_of(std::string_view text) {
  const auto parsed = parse_endpoint(text);
  return parsed ? "" : parsed.error();
}
std::string problem_of_connecting_to(std::string_view text) {
  const auto parsed = parse_connectable_endpoint(text);
  return parsed ? "" : parsed.error();
}
}  // namespace

TEST_CASE("endpoints of both transports are taken and written back as they were") {
  for (const std::string text :
       {"tcp://127.0.0.1:7101", "tcp://node-a.example.org:1", "tcp://[::1]:65535", "tcp://lock_a:7101", "tcp://*:7101",
        "tcp://0.0.0.0:*", "ipc:///run/lockstep/a.sock"}) {
    CAPTURE(text);
    const auto parsed = parse_endpoint(text);
    REQUIRE(parsed);
    CHECK(to_string(*parsed) == text);
  }
}

TEST_CASE("what libzmq would take without a word is refused with a reason") {
  const std::string form = "expected tcp://host:port or ipc://path";
  CHECK(problem_of("") == form);
  CHECK(problem_of("127.0.0.1:7101") == form);
  CHECK(problem_of("udp://127.0.0.1:7101") == form);
  CHECK(problem_of("inproc://a") == form);
  CHECK(problem_of("tcp://127.0.0.1") == form);
  CHECK(problem_of("tcp://[::1]") == form);
  CHECK(problem_of("ipc://") == form);
  CHECK(problem_of("ipc://*") == form);
  CHECK(problem_of("ipc://@abstract") == form);
  CHECK(problem_of(std::string_view("ipc:///tmp/a\0b", 14)) == form);
  CHECK(problem_of("tcp://127.0.0.1:0") == "the port must be 1 to 65535, not '0'");
  CHECK(problem_of("tcp://127.0.0.1:65536") == "the port must be 1 to 65535, not '65536'");
  CHECK(problem_of("tcp://127.0.0.1:71x1") == "the port must be 1 to 65535, not '71x1'");
  CHECK(problem_of("tcp://127.0.0.1:") == "the port must be 1 to 65535, not ''");
  CHECK(problem_of("tcp://:7101") == "'' is not a host name or an address");
  CHECK(problem_of("tcp://256.0.0.1:7101") == "'256.0.0.1' is not a host name or an address");
  CHECK(problem_of("tcp://a..b:7101") == "'a..b' is not a host name or an address");
  CHECK(problem_of("tcp://a b:7101") == "'a b' is not a host name or an address");
  CHECK(problem_of("tcp://[::zz]:7101") == "'[::zz]' is not a host name or an address");
  CHECK(problem_of("tcp://eth0;127.0.0.1:1") == "'eth0;127.0.0.1' is not a host name or an address");
  CHECK(problem_of("ipc:///" + std::string(120, 'x')) == "the path is longer than 107 bytes");
}

TEST_CASE("an endpoint to connect to names one machine and a port") {
  CHECK(problem_of_connecting_to("tcp://127.0.0.1:7101").empty());
  CHECK(problem_of_connecting_to("ipc:///tmp/a").empty());
  CHECK(problem_of_connecting_to("tcp://*:7101") == "'*' names no one machine that others could connect to");
  CHECK(problem_of_connecting_to("tcp://0.0.0.0:7101") ==
        "'0.0.0.0' names no one machine that others could connect to");
  CHECK(problem_of_connecting_to("tcp://[::]:7101") == "'[::]' names no one machine that others could connect to");
  CHECK(problem_of_connecting_to("tcp://127.0.0.1:*") == "the port must be 1 to 65535, not '*'");
}

TEST_CASE("every interface of a machine is a wildcard, however it is written") {
  for (const std::string_view text : {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://[0::0]:1"}) {
    CAPTURE(text);
    CHECK(is_wildcard(*parse_endpoint(text)));
  }
  CHECK_FALSE(is_wildcard(*parse_endpoint("tcp://127.0.0.1:1")));
  CHECK_FALSE(is_wildcard(*parse_endpoint("ipc:///tmp/a")));
}

TEST_CASE("two endpoints overlap if one machine cannot be bound at both") {
  const auto overlapping = [](const std::string& a, const std::string& b) {
    const bool there = overlap(*parse_endpoint(a), *parse_endpoint(b));
    CHECK(there == overlap(*parse_endpoint(b), *parse_endpoint(a)));
    return there;
  };
  for (const std::string host : {"127.0.0.1", "0.0.0.0", "*", "[::]", "[::1]", "lock-a"}) {
    CAPTURE(host);
    CHECK(overlapping("tcp://" + host + ":7101", "tcp://" + host + ":7101"));
    CHECK_FALSE(overlapping("tcp://" + host + ":7101", "tcp://" + host + ":7201"));
    CHECK(overlapping("tcp://" + host + ":7101", "tcp://[::]:7101"));  // of both kinds of address
    CHECK_FALSE(overlapping("tcp://" + host + ":*", "tcp://*:*"));     // the system chooses two
  }
  for (const std::string host : {"127.0.0.1", "10.0.0.1", "*", "lock-a", "localhost", "[::ffff:10.0.0.1]"}) {
    CAPTURE(host);
    CHECK(overlapping("tcp://" + host + ":7101", "tcp://0.0.0.0:7101"));
  }
  CHECK_FALSE(overlapping("tcp://[::1]:7101", "tcp://0.0.0.0:7101"));
  CHECK_FALSE(overlapping("tcp://127.0.0.1:7101", "tcp://127.0.0.2:7101"));
  CHECK_FALSE(overlapping("tcp://lock-a:7101", "tcp://lock-b:7101"));
  CHECK(overlapping("tcp://localhost:7101", "tcp://127.0.0.1:7101"));
  CHECK(overlapping("tcp://Lock-A:7101", "tcp://lock-a:7101"));
  CHECK(overlapping("tcp://[::1]:7101", "tcp://[0:0:0:0:0:0:0:1]:7101"));
  CHECK(overlapping("tcp://[::ffff:10.0.0.1]:7101", "tcp://10.0.0.1:7101"));
  CHECK(overlapping("ipc:///tmp/a", "ipc:///tmp/x/../a"));
  CHECK_FALSE(overlapping("ipc:///tmp/a", "ipc:///tmp/b"));
  CHECK_FALSE(overlapping("ipc:///tmp/a", "tcp://127.0.0.1:7101"));
}

TEST_CASE("only addresses of this machine count as loopback") {
  for (const std::string_view text : {"tcp://127.0.0.1:1", "tcp://127.9.9.9:1", "tcp://localhost:1", "tcp://[::1]:1",
                                      "tcp://[0::1]:1", "ipc:///tmp/a"}) {
    CAPTURE(text);
    CHECK(is_loopback(*parse_endpoint(text)));
  }
  for (const std::string_view text :
       {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://10.0.0.1:1", "tcp://127.example.org:1", "tcp://[::]:1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_loopback(*parse_endpoint(text)));
  }
}

TEST_CASE("a host name becomes an address before it is bound") {
  CHECK(*bindable(*parse_endpoint("tcp://localhost:7101")) == "tcp://127.0.0.1:7101");
  CHECK(*bindable(*parse_endpoint("tcp://*:7101")) == "tcp://*:7101");
  CHECK(*bindable(*parse_endpoint("ipc:///tmp/a")) == "ipc:///tmp/a");
}

}  // namespace lockstep::endpoint_test

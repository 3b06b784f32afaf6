// Endpoints as people write them: `tcp://host:port` and `ipc:///path`.
//
// libzmq takes a misspelt host for one that is not up yet and answers OK, so every endpoint is checked
// here before a socket sees it. Nothing here touches a socket; names are resolved only to bind them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace lockstep {

struct Endpoint {
  enum class Transport : std::uint8_t { kTcp, kIpc } transport = Transport::kTcp;
  std::string host;        // of tcp: a name, an IPv4 address, [an IPv6 address], or * for every interface
  std::uint16_t port = 0;  // of tcp: 0 was written *, and lets the system choose
  std::string path;        // of ipc: of the socket's file
};

// What is wrong is said as the end of a sentence about the endpoint: "expected tcp://host:port or ipc://path".
tl::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

// What another process needs: a host that names one machine, and a port.
tl::expected<Endpoint, std::string> parse_connectable_endpoint(std::string_view text);

std::string to_string(const Endpoint& endpoint);

// Every interface of a machine, so none that others could connect to: *, 0.0.0.0 or [::].
bool is_wildcard(const Endpoint& endpoint);

// Whether one machine cannot be bound at both: they are the same, or one is every interface and has the other's port. A
// host name is compared as it is written, apart from localhost.
bool overlap(const Endpoint& a, const Endpoint& b);

// Can it be reached from this machine only? A name other than "localhost" is taken for a remote one.
bool is_loopback(const Endpoint& endpoint);

// As libzmq can bind it: a host name becomes an address of it, since libzmq resolves names only to connect.
tl::expected<std::string, std::string> bindable(const Endpoint& endpoint);

}  // namespace lockstep

// Checks an endpoint's parts, and says which part is wrong.
#include "nodes/transport/endpoint.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>

namespace lockstep {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kExpected = "expected tcp://host:port or ipc://path";

constexpr std::string_view kEveryInterface = "0.0.0.0";
// Of IPv4 too: libzmq binds it without IPV6_V6ONLY.
constexpr std::string_view kEveryInterfaceOfBoth = "[::]";

std::optional<in6_addr> ipv6_literal(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return std::nullopt;
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &address) != 1) return std::nullopt;
  return address;
}

bool is_ipv6_literal(std::string_view host) { return ipv6_literal(host).has_value(); }

bool is_ipv4_literal(std::string_view host) {
  in_addr address{};
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

// RFC 4291 section 2.2 allows many texts for one address, one of IPv4 among them.
std::string in_one_way(const in6_addr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&address)) return inet_ntop(AF_INET, address.s6_addr + 12, text, sizeof text);
  return "[" + std::string(inet_ntop(AF_INET6, &address, text, sizeof text)) + "]";
}

// A host as it compares: one text for each address, and names in small letters (RFC 4343).
std::string in_one_way(std::string_view host) {
  if (host == "*") return std::string(kEveryInterface);
  if (const auto address = ipv6_literal(host)) return in_one_way(*address);
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name == "localhost" ? "127.0.0.1" : name;
}

bool covers(std::string_view everything, std::string_view host) {
  if (everything == kEveryInterfaceOfBoth) return true;
  return everything == kEveryInterface && !host.starts_with('[');
}

// RFC 1123 section 2.1: letters, digits and hyphens in labels of 1 to 63, at most 253 in all. Container
// networks also use underscores. A name of digits and dots alone is an address gone wrong.
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  const auto digit_or_dot = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  if (std::all_of(host.begin(), host.end(), digit_or_dot)) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!allowed || ++label > 63) return false;
  }
  return label > 0;
}

tl::expected<std::uint16_t, std::string> parse_port(std::string_view text) {
  if (text == "*") return std::uint16_t{0};
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return tl::unexpected("the port must be 1 to 65535, not '" + std::string(text) + "'");
  }
  return port;
}

tl::expected<Endpoint, std::string> parse_tcp(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return tl::unexpected(std::string(kExpected));
  const std::string_view host = text.substr(0, colon);
  if (host != "*" && !is_ipv4_literal(host) && !is_ipv6_literal(host) && !is_host_name(host)) {
    return tl::unexpected("'" + std::string(host) + "' is not a host name or an address");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return tl::unexpected(port.error());
  return Endpoint{Endpoint::Transport::kTcp, std::string(host), *port, ""};
}

tl::expected<Endpoint, std::string> parse_ipc(std::string_view path) {
  if (path.empty() || path == "*" || path.front() == '@') return tl::unexpected(std::string(kExpected));
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return tl::unexpected("the path is longer than " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  }
  return Endpoint{Endpoint::Transport::kIpc, "", 0, std::string(path)};
}

}  // namespace

tl::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return tl::unexpected(std::string(kExpected));
  if (text.starts_with(kTcp)) return parse_tcp(text.substr(kTcp.size()));
  if (text.starts_with(kIpc)) return parse_ipc(text.substr(kIpc.size()));
  return tl::unexpected(std::string(kExpected));
}

tl::expected<Endpoint, std::string> parse_connectable_endpoint(std::string_view text) {
  auto endpoint = parse_endpoint(text);
  if (!endpoint || endpoint->transport == Endpoint::Transport::kIpc) return endpoint;
  if (is_wildcard(*endpoint)) {
    return tl::unexpected("'" + endpoint->host + "' names no one machine that others could connect to");
  }
  if (endpoint->port == 0) return tl::unexpected(std::string("the port must be 1 to 65535, not '*'"));
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.transport == Endpoint::Transport::kIpc) return std::string(kIpc) + endpoint.path;
  return std::string(kTcp) + endpoint.host + ":" + (endpoint.port == 0 ? "*" : std::to_string(endpoint.port));
}

bool is_wildcard(const Endpoint& endpoint) {
  const std::string host = in_one_way(endpoint.host);
  return host == kEveryInterface || host == kEveryInterfaceOfBoth;
}

bool overlap(const Endpoint& a, const Endpoint& b) {
  if (a.transport != b.transport) return false;
  if (a.transport == Endpoint::Transport::kIpc)
    return std::filesystem::path(a.path).lexically_normal() == std::filesystem::path(b.path).lexically_normal();
  if (a.port != b.port || a.port == 0) return false;
  const std::string one = in_one_way(a.host);
  const std::string other = in_one_way(b.host);
  return one == other || covers(one, other) || covers(other, one);
}

bool is_loopback(const Endpoint& endpoint) {
  if (endpoint.transport == Endpoint::Transport::kIpc) return true;
  const std::string host = in_one_way(endpoint.host);
  return host == "[::1]" || (is_ipv4_literal(host) && host.starts_with("127."));
}

tl::expected<std::string, std::string> bindable(const Endpoint& endpoint) {
  const std::string& host = endpoint.host;
  if (endpoint.transport == Endpoint::Transport::kIpc || host == "*" || is_ipv4_literal(host) ||
      is_ipv6_literal(host)) {
    return to_string(endpoint);
  }
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0) {
    return tl::unexpected("cannot resolve '" + host + "': " + gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  char numeric[INET_ADDRSTRLEN] = {};
  const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  if (inet_ntop(AF_INET, &address->sin_addr, numeric, sizeof numeric) == nullptr) {
    return tl::unexpected("cannot resolve '" + host + "' to an IPv4 address");
  }
  Endpoint resolved = endpoint;
  resolved.host = numeric;
  return to_string(resolved);
}

}  // namespace lockstep

// A client's public identity: a UUID (RFC 4122), 16 bytes. Refusals name the owner of a lock by it,
// so it proves nothing; a session's secret does.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockstep {

struct ClientId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const ClientId&, const ClientId&) = default;
};

// The 36-character form, lower case: "6ba7b810-9dad-11d1-80b4-00c04fd430c8".
std::string to_string(const ClientId& id);

// Accepts the 36-character form in either case, nothing else.
std::optional<ClientId> parse_client_id(std::string_view text);

}  // namespace lockstep

template <>
struct std::hash<lockstep::ClientId> {
  std::size_t operator()(const lockstep::ClientId& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  }
};

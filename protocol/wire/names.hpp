// What people and JSON call the enumerations of the wire: roles, modes, reasons, error codes, and the types of
// messages (whose names stand in their schemas, see message_types.hpp).
//
// Each enumeration has one table. Decoding errors, the command line and docs/protocol.md all read it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "protocol/locks/commands.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep::wire {

struct NamedNumber {
  std::uint64_t number = 0;
  std::string_view name;
};

// Every value that the enumeration has, in order of number.
template <typename Enum>
std::span<const NamedNumber> names_of();

template <>
std::span<const NamedNumber> names_of<Role>();
template <>
std::span<const NamedNumber> names_of<ReadMode>();
template <>
std::span<const NamedNumber> names_of<raft::Renewal>();
template <>
std::span<const NamedNumber> names_of<locks::Mode>();
template <>
std::span<const NamedNumber> names_of<locks::EndReason>();
template <>
std::span<const NamedNumber> names_of<ErrorCode>();

// The name of a number, or an empty one if the table does not have the number.
std::string_view name_in(std::span<const NamedNumber> table, std::uint64_t number);
// The row of a name, or null if the table does not have the name.
const NamedNumber* find_name(std::span<const NamedNumber> table, std::string_view name);

template <typename Enum>
requires std::is_enum_v<Enum> std::string_view to_string(Enum value) {
  return name_in(names_of<Enum>(), static_cast<std::uint64_t>(value));
}

}  // namespace lockstep::wire

// What people and JSON call the enumerations of the wire: message types, roles, modes, error codes.
//
// One table for each: paths of decoding errors, the command line and docs/protocol.md all use it.
#pragma once

#include <span>
#include <string_view>

#include "protocol/wire/message_types.hpp"

namespace lockstep::wire {

struct NamedNumber {
  std::uint64_t number;
  std::string_view name;
};

// Every value that the enumeration has, in order of number.
template <typename Enum>
std::span<const NamedNumber> names_of();

template <>
std::span<const NamedNumber> names_of<MessageType>();
template <>
std::span<const NamedNumber> names_of<RequestType>();
template <>
std::span<const NamedNumber> names_of<ResponseType>();
template <>
std::span<const NamedNumber> names_of<EntryType>();
template <>
std::span<const NamedNumber> names_of<CommandType>();
template <>
std::span<const NamedNumber> names_of<ResultType>();
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

// Empty if the table has no such number or name.
std::string_view name_in(std::span<const NamedNumber> table, std::uint64_t number);
const NamedNumber* find_name(std::span<const NamedNumber> table, std::string_view name);

std::string_view to_string(MessageType type);
std::string_view to_string(RequestType type);
std::string_view to_string(ResponseType type);
std::string_view to_string(EntryType type);
std::string_view to_string(CommandType type);
std::string_view to_string(Role role);
std::string_view to_string(ReadMode mode);
std::string_view to_string(locks::Mode mode);
std::string_view to_string(locks::EndReason reason);

}  // namespace lockstep::wire

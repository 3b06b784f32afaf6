// The types of messages: the number that says on the wire which body a frame has.
//
// A type's number and name stand in the schema of its body and nowhere else; the tables here are made from the
// schemas. The numbers are on the wire and, for commands, entries and results, on disks: append only, and a number
// that is given up is never used again. An Execute has a type of its own for each operation, so that every message is
// one flat array.
//
// To add a message: put its struct into its variant, and give it a schema with a number that was never used.
#pragma once

#include <cstdint>

#include "protocol/locks/commands.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/wire/client_messages.hpp"
#include "protocol/wire/names.hpp"

namespace lockstep::wire {

// They have no enumerators: which numbers there are is the schemas' to say. names_of<MessageType>() lists them.
enum class MessageType : std::uint8_t {};   // between nodes
enum class RequestType : std::uint8_t {};   // of clients
enum class ResponseType : std::uint8_t {};  // to clients
enum class EntryType : std::uint8_t {};     // in the log
enum class CommandType : std::uint8_t {};   // in an entry
enum class ResultType : std::uint8_t {};    // in a snapshot: what a session was answered

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

MessageType type_of(const raft::MessageBody& body);
RequestType type_of(const RequestBody& body);
ResponseType type_of(const ResponseBody& body);
EntryType type_of(const raft::EntryBody& body);
CommandType type_of(const locks::Command& command);
ResultType type_of(const locks::Result& result);

// A message of the type with every field at its default. The type must be one that names_of() lists.
raft::MessageBody blank(MessageType type);
RequestBody blank(RequestType type);
ResponseBody blank(ResponseType type);
raft::EntryBody blank(EntryType type);
locks::Command blank(CommandType type);
locks::Result blank(ResultType type);

}  // namespace lockstep::wire

// One function a type of field.
#include "tools/lockstep/json/json_writer.hpp"

#include <utility>

#include "nodes/text/hex.hpp"

namespace lockstep {

Json& JsonWriter::put(std::string_view name, Json value) {
  Json& scope = *scopes_.back();
  if (scope.is_array()) return scope.emplace_back(std::move(value));
  return scope[std::string(name)] = std::move(value);
}

void JsonWriter::choice(std::string_view name, const std::uint64_t& value, std::span<const wire::NamedNumber> names) {
  put(name, wire::name_in(names, value));
}

void JsonWriter::bytes(std::string_view name, std::span<const std::uint8_t> value) { put(name, to_hex(value)); }

void JsonWriter::command(std::string_view name, const std::string& value, wire::CommandOrigin) {
  const auto command = wire::decode_command(value);
  if (command) {
    wire::tagged(*this, name, *command);
  } else {
    put(name, to_hex(value));
  }
}

void JsonWriter::state_limits(std::string_view name, const std::string& value) {
  const auto limits = wire::decode_state_limits(value);
  if (limits) {
    wire::field(*this, name, *limits);
  } else {
    put(name, to_hex(value));
  }
}

void JsonWriter::blob(std::string_view name, const std::string& value, std::size_t) { put(name, to_hex(value)); }

bool JsonWriter::begin_optional(std::string_view name, bool present) {
  if (!present) put(name, nullptr);
  return present;
}

std::size_t JsonWriter::begin_list(std::string_view name, std::size_t size, const wire::Count&) {
  scopes_.push_back(&put(name, Json::array()));
  return size;
}

}  // namespace lockstep

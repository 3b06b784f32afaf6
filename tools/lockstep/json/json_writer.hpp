// Writes a message's fields as JSON: a visitor of the schema (protocol/wire/schema.hpp), so the keys are
// the names that decoding errors and docs/protocol.md use.
//
// Numbers are numbers, enumerations their names, client ids UUIDs, secrets hexadecimal. Commands, limits and
// entry bodies, which travel as bytes, are shown as the objects they hold, or as hexadecimal if they hold none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/schema.hpp"

namespace lockstep {

using Json = nlohmann::ordered_json;

class JsonWriter {
 public:
  static constexpr bool kReads = false;

  // Fields go into `root`, which must be an object and outlive this.
  explicit JsonWriter(Json& root) : scopes_{&root} {}

  void number(std::string_view name, const std::uint64_t& value, const wire::Range&) { put(name, value); }
  void choice(std::string_view name, const std::uint64_t& value, std::span<const wire::NamedNumber> names);
  void boolean(std::string_view name, const bool& value) { put(name, value); }
  void text(std::string_view name, const std::string& value, const wire::TextRule&) { put(name, value); }
  void client_id(std::string_view name, const ClientId& value) { put(name, to_string(value)); }
  void bytes(std::string_view name, std::span<const std::uint8_t> value);
  void command(std::string_view name, const std::string& value, wire::CommandOrigin);
  void state_limits(std::string_view name, const std::string& value);
  void blob(std::string_view name, const std::string& value, std::size_t max);
  void entry_body(std::string_view name, const raft::EntryBody& value) { wire::tagged(*this, name, value); }
  bool begin_optional(std::string_view name, bool present);
  std::size_t begin_list(std::string_view name, std::size_t size, const wire::Count&);
  void end_list() { scopes_.pop_back(); }
  void begin_record(std::string_view name, std::size_t) { scopes_.push_back(&put(name, Json::object())); }
  void end_record() { scopes_.pop_back(); }

 private:
  // In the innermost object under its name, or at the end of the innermost list.
  Json& put(std::string_view name, Json value);

  std::vector<Json*> scopes_;
};

}  // namespace lockstep

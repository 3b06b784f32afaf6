// Fills a message in from JSON: a visitor of the schema, for messages that a person writes.
//
// A key that is left out keeps the field's default; a key that is not known, or a value of the wrong type, is
// an error that names it. Limits are not checked, so that a message that breaks them can be sent on purpose: an
// expire in a forward, names out of order.
// The first failure stays, and every later call does nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lockstep/json/json_writer.hpp"

namespace lockstep {

class JsonReader {
 public:
  static constexpr bool kReads = true;

  // `object` must be an object and outlive this; `name` is what paths begin with.
  JsonReader(const Json& object, std::string_view name);

  bool ok() const { return detail_.empty(); }
  // To be called last: what was wrong, as "check.at_least: expected ..."; empty if nothing was.
  std::string finish();

  void number(std::string_view name, std::uint64_t& value, const wire::Range& range);
  void choice(std::string_view name, std::uint64_t& value, std::span<const wire::NamedNumber> names);
  void boolean(std::string_view name, bool& value);
  void text(std::string_view name, std::string& value, const wire::TextRule&);
  void client_id(std::string_view name, ClientId& value);
  void bytes(std::string_view name, std::span<std::uint8_t> value);
  void command(std::string_view name, std::string& value, wire::CommandOrigin);
  void state_limits(std::string_view name, std::string& value);
  void blob(std::string_view name, std::string& value, std::size_t max);
  void entry_body(std::string_view name, raft::EntryBody& value) { wire::tagged(*this, name, value); }
  bool begin_optional(std::string_view name, bool present);
  std::size_t begin_list(std::string_view name, std::size_t size, const wire::Count&);
  void end_list() { scopes_.pop_back(); }
  void begin_record(std::string_view name, std::size_t fields);
  void end_record();
  void must(std::string_view, bool, std::string_view) {}  // a limit like the others

 private:
  struct OpenObject {
    const Json* value;
    std::string path;
    std::size_t next = 0;         // of a list: the item to be read
    std::set<std::string> known;  // of an object: the keys that were asked for
  };

  // The value of a field, if it is there.
  const Json* find(std::string_view name);
  // The text of a field; nothing if it is not there, or is no text.
  const std::string* find_text(std::string_view name, std::string_view expected);
  std::string path_of(std::string_view name) const;
  void fail(std::string_view name, std::string_view detail);
  void fail_expected(std::string_view name, std::string_view expected, const Json& got);
  void check_keys(const OpenObject& scope);
  bool read_hex(std::string_view name, const Json& value, std::string& bytes);

  std::vector<OpenObject> scopes_;
  std::string detail_;
};

}  // namespace lockstep

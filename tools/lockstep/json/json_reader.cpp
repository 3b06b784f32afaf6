// One function a type of field; the first error names the field.
#include "tools/lockstep/json/json_reader.hpp"

#include <algorithm>
#include <limits>

#include "nodes/text/hex.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

const Json kNoFields = Json::object();

std::string describe(const Json& value) {
  if (value.is_number_float()) return "the number " + value.dump();
  if (value.is_number()) return "the integer " + value.dump();
  return value.is_array()    ? "an array"
         : value.is_object() ? "an object"
         : value.is_null()   ? "null"
                             : "a " + std::string(value.type_name());
}

}  // namespace

JsonReader::JsonReader(const Json& object, std::string_view name) {
  scopes_.push_back({&object, std::string(name), 0, {}});
}

std::string JsonReader::finish() {
  if (ok()) check_keys(scopes_.front());
  return detail_;
}

// ---- The fields

void JsonReader::number(std::string_view name, std::uint64_t& value, const wire::Range& range) {
  const Json* json = find(name);
  if (json == nullptr) return;
  if (!json->is_number_unsigned()) return fail_expected(name, "an unsigned integer", *json);
  constexpr std::uint64_t kLargestNarrow = std::numeric_limits<std::uint32_t>::max();
  const auto given = json->get<std::uint64_t>();
  if (range.max <= kLargestNarrow && given > kLargestNarrow) return fail(name, "does not fit into 32 bits");
  value = given;
}

void JsonReader::choice(std::string_view name, std::uint64_t& value, std::span<const wire::NamedNumber> names) {
  const std::string all = joined(names, &wire::NamedNumber::name);
  const std::string* text = find_text(name, "one of " + all);
  if (text == nullptr && name == "type") fail(name, "is missing, one of " + all);
  if (text == nullptr) return;
  const wire::NamedNumber* found = wire::find_name(names, *text);
  if (found == nullptr) return fail(name, "expected one of " + all + ", got '" + *text + "'");
  value = found->number;
}

void JsonReader::boolean(std::string_view name, bool& value) {
  const Json* json = find(name);
  if (json == nullptr) return;
  if (!json->is_boolean()) return fail_expected(name, "true or false", *json);
  value = json->get<bool>();
}

void JsonReader::text(std::string_view name, std::string& value, const wire::TextRule&) {
  if (const std::string* text = find_text(name, "a string")) value = *text;
}

void JsonReader::client_id(std::string_view name, ClientId& value) {
  const std::string* text = find_text(name, "a UUID");
  if (text == nullptr) return;
  const auto id = parse_client_id(*text);
  if (!id) return fail(name, "expected a UUID like 6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  value = *id;
}

void JsonReader::bytes(std::string_view name, std::span<std::uint8_t> value) {
  const Json* json = find(name);
  std::string given;
  if (json == nullptr || !read_hex(name, *json, given)) return;
  if (given.size() != value.size()) {
    return fail(name, "expected " + std::to_string(value.size()) + " bytes, got " + std::to_string(given.size()));
  }
  std::transform(given.begin(), given.end(), value.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
}

void JsonReader::command(std::string_view name, std::string& value, wire::CommandOrigin) {
  const Json* json = find(name);
  if (json == nullptr) return;
  if (json->is_string()) {
    read_hex(name, *json, value);
    return;
  }
  if (scopes_.back().value->is_array()) --scopes_.back().next;  // the item is read again, as a record
  locks::Command command;
  wire::tagged(*this, name, command);
  value = wire::encode(command);
}

void JsonReader::state_limits(std::string_view name, std::string& value) {
  const Json* json = find(name);
  if (json != nullptr && json->is_string()) {
    read_hex(name, *json, value);
    return;
  }
  locks::StateLimits limits;
  wire::field(*this, name, limits);
  value = wire::encode(limits);
}

void JsonReader::blob(std::string_view name, std::string& value, std::size_t) {
  if (const Json* json = find(name)) read_hex(name, *json, value);
}

bool JsonReader::begin_optional(std::string_view name, bool) {
  const Json* json = find(name);
  return json != nullptr && !json->is_null();
}

std::size_t JsonReader::begin_list(std::string_view name, std::size_t, const wire::Count&) {
  const Json* json = find(name);
  std::string path = path_of(name);
  if (json != nullptr && !json->is_array()) fail_expected(name, "an array", *json);
  const bool usable = json != nullptr && json->is_array();
  scopes_.push_back({usable ? json : &kNoFields, std::move(path), 0, {}});
  return usable ? json->size() : 0;
}

void JsonReader::begin_record(std::string_view name, std::size_t) {
  const Json* json = find(name);
  std::string path = path_of(name);
  if (json != nullptr && !json->is_object()) fail_expected(name, "an object", *json);
  const bool usable = json != nullptr && json->is_object();
  scopes_.push_back({usable ? json : &kNoFields, std::move(path), 0, {}});
}

void JsonReader::end_record() {
  if (ok()) check_keys(scopes_.back());
  scopes_.pop_back();
}

// ---- Where the reader is

const Json* JsonReader::find(std::string_view name) {
  if (!ok()) return nullptr;
  OpenObject& scope = scopes_.back();
  if (scope.value->is_array()) return &scope.value->at(scope.next++);
  scope.known.emplace(name);
  const auto found = scope.value->find(std::string(name));
  return found == scope.value->end() ? nullptr : &*found;
}

const std::string* JsonReader::find_text(std::string_view name, std::string_view expected) {
  const Json* json = find(name);
  if (json == nullptr) return nullptr;
  if (json->is_string()) return &json->get_ref<const std::string&>();
  fail_expected(name, expected, *json);
  return nullptr;
}

std::string JsonReader::path_of(std::string_view name) const {
  const OpenObject& scope = scopes_.back();
  if (scope.value->is_array()) return scope.path + "[" + std::to_string(scope.next - 1) + "]";
  return scope.path + "." + std::string(name);
}

void JsonReader::fail(std::string_view name, std::string_view detail) {
  if (ok()) detail_ = path_of(name) + ": " + std::string(detail);
}

void JsonReader::fail_expected(std::string_view name, std::string_view expected, const Json& got) {
  fail(name, "expected " + std::string(expected) + ", got " + describe(got));
}

void JsonReader::check_keys(const OpenObject& scope) {
  if (!scope.value->is_object()) return;
  for (const auto& item : scope.value->items()) {
    if (scope.known.contains(item.key())) continue;
    detail_ = scope.path + ": unknown key '" + item.key() + "'";
    return;
  }
}

bool JsonReader::read_hex(std::string_view name, const Json& value, std::string& bytes) {
  const auto decoded = value.is_string() ? from_hex(value.get_ref<const std::string&>()) : std::nullopt;
  if (!decoded) {
    fail(name, "expected hexadecimal digits");
    return false;
  }
  bytes = *decoded;
  return true;
}

}  // namespace lockstep

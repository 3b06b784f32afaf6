// The JSON of a state file: writes a kept session, and reads one back strictly.
#include <algorithm>

#include "nodes/text/hex.hpp"
#include "tools/lockstep/json/json_reader.hpp"
#include "tools/lockstep/kept/state_file.hpp"

namespace lockstep {
namespace {

constexpr std::uint64_t kFormat = 1;

// {"number": 9, "operation": "preempt", "name": "jobs/42"}: the operation's fields as docs/protocol.md names them.
Json json_of(const UnfinishedRequest& request) {
  const locks::Execute execute{SessionId(), request.number, RequestNumber(), request.operation};
  Json json{{"number", request.number.value()}, {"operation", wire::to_string(wire::type_of(locks::Command(execute)))}};
  JsonWriter writer(json);
  wire::body_fields(writer, request.operation);
  return json;
}

Json json_of(const KeptSession& kept) {
  Json unfinished = Json::array();
  for (const UnfinishedRequest& request : kept.saved.unfinished) unfinished.push_back(json_of(request));
  return {{"session", kept.saved.session.value()},
          {"secret", to_hex(kept.secret)},
          {"next_number", kept.saved.next_number.value()},
          {"highest_index", kept.saved.highest_index.value()},
          {"open_nonce", kept.saved.open_nonce},
          {"replaces", kept.saved.replaces.value()},
          {"unfinished", std::move(unfinished)}};
}

// Reads fields of known names and types out of one object, and remembers the first that was not there.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("", "is not an object");
  }

  std::uint64_t number(const char* name) {
    const Json* field = find(name, &Json::is_number_unsigned, "is not a whole number");
    return field ? field->get<std::uint64_t>() : 0;
  }
  std::string text(const char* name) {
    const Json* field = find(name, &Json::is_string, "is not a string");
    return field ? field->get<std::string>() : std::string();
  }
  const Json& part(const char* name, bool (Json::*is_type)() const noexcept) {
    static const Json kNothing;
    const Json* field = find(name, is_type, "is of another type");
    return field ? *field : kNothing;
  }
  void require(bool fine, const char* name, const std::string& detail) {
    if (!fine) fail(name, detail);
  }
  const std::string& detail() const { return detail_; }

 private:
  const Json* find(const char* name, bool (Json::*is_type)() const noexcept, const char* detail) {
    if (!object_.is_object()) return nullptr;
    const auto field = object_.find(name);
    if (field == object_.end()) return fail(name, "is missing"), nullptr;
    if (!((*field).*is_type)()) return fail(name, detail), nullptr;
    return &*field;
  }
  void fail(const std::string& name, const std::string& detail) {
    if (detail_.empty()) detail_ = where_ + (name.empty() ? "" : (where_.empty() ? "" : ".") + name) + " " + detail;
  }

  const Json& object_;
  std::string where_;
  std::string detail_;
};

tl::expected<UnfinishedRequest, std::string> decode_request(const Json& json, const std::string& where) {
  if (!json.is_object()) return tl::unexpected(where + " is not an object");
  JsonReader reader(json, where);
  UnfinishedRequest request;
  auto type = wire::type_of(locks::Command(locks::Execute{}));
  wire::field(reader, "number", request.number);
  wire::choice(reader, "operation", type);
  locks::Command command = wire::blank(type);
  auto* execute = std::get_if<locks::Execute>(&command);
  if (execute == nullptr) return tl::unexpected(where + ".operation is not one that a session can ask for");
  wire::body_fields(reader, execute->operation);
  if (std::string detail = reader.finish(); !detail.empty()) return tl::unexpected(std::move(detail));
  request.operation = execute->operation;
  if (json_of(request).size() != json.size()) return tl::unexpected(where + " lacks a field of its operation");
  // A node would refuse what breaks the limits of a message, and the request would never come to an end.
  if (const auto valid = wire::decode_command(wire::encode(command)); !valid) {
    return tl::unexpected(where + " holds what no node takes: " + to_string(valid.error()));
  }
  return request;
}

tl::expected<KeptSession, std::string> decode_session(const Json& json, const std::string& where) {
  Fields fields(json, where);
  KeptSession kept;
  SavedSession& saved = kept.saved;
  saved.session = SessionId(fields.number("session"));
  saved.next_number = RequestNumber(fields.number("next_number"));
  saved.highest_index = LogIndex(fields.number("highest_index"));
  saved.open_nonce = fields.number("open_nonce");
  saved.replaces = SessionId(fields.number("replaces"));
  fields.require(fill_from_hex(fields.text("secret"), kept.secret), "secret", "is not 64 hexadecimal digits");
  RequestNumber highest;
  for (const Json& item : fields.part("unfinished", &Json::is_array)) {
    auto request = decode_request(item, where + ".unfinished");
    if (!request) return tl::unexpected(request.error());
    fields.require(request->number > highest, "unfinished", "is not in order of number");
    highest = request->number;
    saved.unfinished.push_back(*std::move(request));
  }
  fields.require(saved.next_number > highest, "next_number", "was used already");
  fields.require(saved.unfinished.empty() || saved.session, "session", "is missing, but has unfinished requests");
  fields.require(!saved.session || saved.open_nonce == 0, "open_nonce", "is of a session that is open");
  if (!fields.detail().empty()) return tl::unexpected(fields.detail());
  return kept;
}

std::optional<ClusterId> cluster_called(const std::string& hex) {
  const auto value = number_from_hex(hex);
  if (!value || *value == 0) return std::nullopt;
  return ClusterId(*value);
}

}  // namespace

std::string encode_state(const ClientId& client, const KeptSessions& sessions) {
  Json clusters = Json::object();
  for (const auto& [cluster, kept] : sessions) clusters[to_hex(cluster.value())] = json_of(kept);
  const Json state{{"format", kFormat}, {"client_id", to_string(client)}, {"clusters", std::move(clusters)}};
  return state.dump(2) + "\n";
}

tl::expected<std::optional<ClientId>, std::string> client_in_state(std::string_view text) {
  if (text.empty()) return std::optional<ClientId>();
  const Json state = Json::parse(text, nullptr, false);
  if (state.is_discarded()) return tl::unexpected(std::string("this is not JSON, or not all of it"));
  Fields fields(state, "");
  const auto client = parse_client_id(fields.text("client_id"));
  fields.require(client.has_value(), "client_id", "is not a UUID");
  if (!fields.detail().empty()) return tl::unexpected(fields.detail());
  return client;
}

tl::expected<KeptSessions, std::string> decode_state(const ClientId& client, std::string_view text) {
  if (text.empty()) return KeptSessions();  // made by a command that ended before it stored anything
  const Json state = Json::parse(text, nullptr, false);
  if (state.is_discarded()) return tl::unexpected(std::string("this is not JSON, or not all of it"));
  Fields fields(state, "");
  fields.require(fields.number("format") == kFormat, "format", "is not the one that this program writes");
  fields.require(fields.text("client_id") == to_string(client), "client_id", "is another than the file's name");
  KeptSessions sessions;
  for (const auto& [key, value] : fields.part("clusters", &Json::is_object).items()) {
    const auto cluster = cluster_called(key);
    fields.require(cluster.has_value(), "clusters", "has a key that is no cluster id");
    auto kept = decode_session(value, "clusters." + key);
    if (!kept) return tl::unexpected(kept.error());
    if (cluster) sessions.emplace(*cluster, *std::move(kept));
  }
  if (!fields.detail().empty()) return tl::unexpected(fields.detail());
  return sessions;
}

}  // namespace lockstep

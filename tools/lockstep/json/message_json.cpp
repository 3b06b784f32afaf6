// A message's type is the key "type"; the rest are its fields.
#include "tools/lockstep/json/message_json.hpp"

#include "protocol/base/joined.hpp"
#include "tools/lockstep/json/json_reader.hpp"

namespace lockstep {
namespace {

template <typename Frame>
Json frame_to_json(const Frame& frame) {
  auto type = wire::type_of(frame.body);
  Json json = {{"type", wire::to_string(type)}};  // first, wherever the header has it
  JsonWriter writer(json);
  wire::header(writer, frame, type);
  wire::body_fields(writer, frame.body);
  return json;
}

void set_defaults(wire::Request& request) { request.call = CallNumber(1); }
void set_defaults(wire::Response&) {}
void set_defaults(raft::Message& message) { message.from = NodeId(1); }

template <typename Frame>
tl::expected<AnyMessage, std::string> frame_from_json(const Json& json, const std::string& type_name) {
  Frame frame;
  set_defaults(frame);
  auto type = wire::type_of(frame.body);
  JsonReader reader(json, type_name);
  wire::header(reader, frame, type);
  frame.body = wire::blank(type);
  wire::body_fields(reader, frame.body);
  if (std::string detail = reader.finish(); !detail.empty()) return tl::unexpected(std::move(detail));
  return frame;
}

std::string all_types() {
  const auto names_in = [](std::span<const wire::NamedNumber> names) {
    return joined(names, &wire::NamedNumber::name);
  };
  return names_in(wire::names_of<wire::RequestType>()) + ", " + names_in(wire::names_of<wire::ResponseType>()) + ", " +
         names_in(wire::names_of<wire::MessageType>());
}

template <typename Type>
bool is_a(const std::string& name) {
  return wire::find_name(wire::names_of<Type>(), name) != nullptr;
}

}  // namespace

Json to_json(const raft::Message& message) { return frame_to_json(message); }
Json to_json(const wire::Request& request) { return frame_to_json(request); }
Json to_json(const wire::Response& response) { return frame_to_json(response); }
Json to_json(const AnyMessage& message) {
  return std::visit([](const auto& frame) { return frame_to_json(frame); }, message);
}

tl::expected<AnyMessage, std::string> message_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return tl::unexpected<std::string>("the message is not JSON");
  if (!json.is_object()) return tl::unexpected<std::string>("the message is not a JSON object");
  const auto type = json.find("type");
  if (type == json.end() || !type->is_string()) {
    return tl::unexpected("the message has no \"type\", one of " + all_types());
  }
  const auto& name = type->get_ref<const std::string&>();
  if (is_a<wire::RequestType>(name)) return frame_from_json<wire::Request>(json, name);
  if (is_a<wire::ResponseType>(name)) return frame_from_json<wire::Response>(json, name);
  if (is_a<wire::MessageType>(name)) return frame_from_json<raft::Message>(json, name);
  return tl::unexpected("the message has the unknown type '" + name + "'; the types are " + all_types());
}

std::string encode(const AnyMessage& message) {
  return std::visit([](const auto& frame) { return wire::encode(frame); }, message);
}

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace lockstep

#include "tests/torture/command_json.hpp"

#include <sodium.h>

#include <stdexcept>

#include "protocol/base/overloaded.hpp"

namespace lockstep::torture {
namespace {

using nlohmann::json;

std::string hex_of(const locks::SecretHash& hash) {
  std::string text(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  text.pop_back();
  return text;
}

locks::SecretHash hash_from(const std::string& text) {
  locks::SecretHash hash{};
  std::size_t length = 0;
  const int failed = sodium_hex2bin(hash.data(), hash.size(), text.data(), text.size(), nullptr, &length, nullptr);
  if (failed != 0 || length != hash.size()) throw std::runtime_error("not the hash of a secret: " + text);
  return hash;
}

json operation_json(const locks::Operation& operation) {
  return std::visit(Overloaded{
                        [](const locks::Preempt& it) {
                          return json{{"verb", "preempt"}, {"names", {it.name}}};
                        },
                        [](const locks::Release& it) {
                          return json{{"verb", "release"}, {"names", {it.name}}};
                        },
                        [](const locks::Acquire& it) {
                          return json{{"verb", "acquire"},     {"names", it.names}, {"mode", name_of(it.mode)},
                                      {"permits", it.permits}, {"wait", it.wait},   {"thread", it.thread}};
                        },
                        [](const locks::Cancel& it) {
                          return json{{"verb", "cancel"}, {"waiter", it.waiter.value()}};
                        },
                        [](const locks::Close&) {
                          return json{{"verb", "close"}};
                        },
                        [](const locks::ForceRelease& it) {
                          return json{{"verb", "force-release"}, {"names", {it.name}}, {"why", it.why}};
                        },
                        [](const locks::CloseSession& it) {
                          return json{{"verb", "close-session"}, {"target", it.target.value()}, {"why", it.why}};
                        },
                    },
                    operation);
}

locks::Operation operation_from(const json& it) {
  const std::string verb = it.at("verb");
  const auto name = [&] { return it.at("names").at(0).get<std::string>(); };
  if (verb == "preempt") return locks::Preempt{name()};
  if (verb == "release") return locks::Release{name()};
  if (verb == "acquire") {
    return locks::Acquire{it.at("names"), mode_from(it.at("mode")), it.at("permits"), it.at("wait"), it.at("thread")};
  }
  if (verb == "cancel") return locks::Cancel{WaiterId(it.at("waiter"))};
  if (verb == "close") return locks::Close{};
  if (verb == "force-release") return locks::ForceRelease{name(), it.at("why")};
  if (verb == "close-session") return locks::CloseSession{SessionId(it.at("target")), it.at("why")};
  throw std::runtime_error("not an operation: " + verb);
}

}  // namespace

std::string_view name_of(locks::Mode mode) {
  switch (mode) {
    case locks::Mode::kExclusive: return "exclusive";
    case locks::Mode::kShared: return "shared";
    case locks::Mode::kPermit: return "permit";
  }
  return "unknown";
}

locks::Mode mode_from(const std::string& name) {
  for (const auto mode : {locks::Mode::kExclusive, locks::Mode::kShared, locks::Mode::kPermit}) {
    if (name_of(mode) == name) return mode;
  }
  throw std::runtime_error("not a mode: " + name);
}

ClientId client_from(const std::string& uuid) {
  const auto id = parse_client_id(uuid);
  if (!id) throw std::runtime_error("not a client id: " + uuid);
  return *id;
}

json to_json(const locks::Command& command) {
  return std::visit(
      Overloaded{
          [](const locks::Open& it) {
            return json{{"command", "open"},
                        {"client", to_string(it.client)},
                        {"secret_hash", hex_of(it.secret_hash)},
                        {"nonce", it.nonce},
                        {"ttl_ms", it.ttl_ms},
                        {"replaces", it.replaces.value()},
                        {"note", it.note}};
          },
          [](const locks::Execute& it) {
            json object = operation_json(it.operation);
            object["command"] = "execute";
            object["session"] = it.session.value();
            object["number"] = it.number.value();
            object["acknowledged_below"] = it.acknowledged_below.value();
            return object;
          },
          [](const locks::Expire& it) {
            return json{{"command", "expire"}, {"session", it.session.value()}, {"waits_only", it.waits_only}};
          },
      },
      command);
}

locks::Command command_from(const json& it) {
  const std::string kind = it.at("command");
  if (kind == "open") {
    return locks::Open{client_from(it.at("client")),
                       hash_from(it.at("secret_hash")),
                       it.at("nonce"),
                       it.at("ttl_ms"),
                       SessionId(it.at("replaces")),
                       it.at("note")};
  }
  if (kind == "execute") {
    return locks::Execute{SessionId(it.at("session")), RequestNumber(it.at("number")),
                          RequestNumber(it.at("acknowledged_below")), operation_from(it)};
  }
  if (kind == "expire") return locks::Expire{SessionId(it.at("session")), it.at("waits_only")};
  throw std::runtime_error("not a command: " + kind);
}

}  // namespace lockstep::torture

// Commands of the log as JSON, and back: for history.cpp alone.
#pragma once

#include <nlohmann/json.hpp>

#include "protocol/locks/commands.hpp"

namespace lockstep::torture {

nlohmann::json to_json(const locks::Command& command);
// Throws what nlohmann::json does, or std::runtime_error, if it is not one.
locks::Command command_from(const nlohmann::json& json);

std::string_view name_of(locks::Mode mode);
locks::Mode mode_from(const std::string& name);
ClientId client_from(const std::string& uuid);

}  // namespace lockstep::torture

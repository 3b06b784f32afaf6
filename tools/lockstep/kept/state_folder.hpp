// Where the command line keeps what outlives a command: $XDG_STATE_HOME/lockstep, by default
// ~/.local/state/lockstep (XDG base directory specification), readable by its user only.
#pragma once

#include <filesystem>

#include "lockstep/client.hpp"

namespace lockstep {

// Its path; made, with 0700, if it is not there.
Expected<std::filesystem::path> open_state_folder();

// The client id kept for this user in FOLDER/client-id; none if there is none yet.
Expected<std::optional<ClientId>> kept_client_id(const std::filesystem::path& folder);
// The same, made once and for all if there is none. Two commands that make it at once agree on one.
Expected<ClientId> default_client_id(const std::filesystem::path& folder);

// What is wrong on this machine, as an error of the library: "state_file".
Error state_error(std::string detail);

}  // namespace lockstep

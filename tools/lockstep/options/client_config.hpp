// The client's configuration files: what a person or a machine always says, below environment and options.
//
// /etc/lockstep/client.toml, then $XDG_CONFIG_HOME/lockstep/client.toml (~/.config/lockstep/client.toml), which wins
// key by key. Both may be missing. The keys:
//   servers = ["tcp://10.0.0.1:7101", "tcp://10.0.0.2:7101"]    as --server; "10.0.0.1,10.0.0.2" will do
//   timeout = "10s"                                             as --timeout; 10 is seconds
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "nodes/toml/config_error.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

// Those of this user, the weaker first.
std::vector<std::filesystem::path> client_config_files();

// Puts what `file` says into `options`; a file that is not there says nothing.
tl::expected<void, ConfigError> read_client_config(const std::filesystem::path& file, GlobalOptions& options);

}  // namespace lockstep

// What every command of the program `lockstep` is given, and how a command joins it.
//
// A command of its own (`run`, `shell`, `zmq`, `bench`) has a function add_NAME_command(app, line). It adds a
// subcommand to the CLI::App which, when it is chosen, leaves in `line.chosen` what to run. The other commands are
// entries of a table: commands/commands.hpp. main() calls `line.chosen` after the whole command line was read, so
// `line.global` is complete by then, and exits with what it returns. Results go to stdout (with --json one object a
// line), everything else to stderr.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <tl/expected.hpp>

#include "protocol/base/client_id.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

struct GlobalOptions {
  std::vector<std::string> servers{"tcp://127.0.0.1:7101"};
  std::optional<ClientId> client_id;
  bool json = false;
  Duration timeout = std::chrono::seconds(5);  // without an answer from a quorum
};

struct CommandLine {
  GlobalOptions global;
  std::vector<std::string> words;  // of `run`: the command to be run, after the --
  std::function<int()> chosen;
};

// Ahead of the parser, which may fail before it has read it.
inline constexpr const char* kJsonOption = "--json";

// The global options, on `app`.
void add_global_options(CLI::App& app, GlobalOptions& options);

// A duration as a person types it: as nodes/text/duration.hpp reads it, or a bare number of seconds, as flock(1) and
// timeout(1) have it.
tl::expected<Duration, std::string> read_duration(const std::string& text);
// What stands between commas; what is empty there is left out, as of the option.
std::vector<std::string> split_servers(const std::string& text);
// Completes a server as a person types it: "host:port" and "host" become tcp://host:port, with 7101 for the port. What
// is wrong with it, or nothing.
std::string read_server(std::string& text);

// For a command's own duration options.
CLI::Option* add_duration_option(CLI::App& app, const std::string& names, Duration& value, const std::string& help);

// For options that are an index, a session or a token: digits alone. (CLI11 reads -1 as the largest number there is.)
CLI::Validator an_ordinal();

}  // namespace lockstep

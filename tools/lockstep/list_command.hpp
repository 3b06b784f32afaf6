// `lockstep list [PREFIX]`: the locks that are held. Also a verb of the shell.
#pragma once

#include <string>

#include "nodes/client/client.hpp"
#include "tools/lockstep/command_line.hpp"
#include "tools/lockstep/report.hpp"

namespace lockstep {

void add_list_command(CLI::App& app, CommandLine& line);

// Prints every lock whose name starts with `prefix`, page by page. The report is of how that ended, and
// has nothing to print unless it is an error.
Report list_locks(Client& client, const std::string& prefix, Duration timeout, bool json);

}  // namespace lockstep

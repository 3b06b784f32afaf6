// What a one-shot command does around its request: finds out which client it is, which cluster it talks
// to, and which session that client has there; keeps all of it for the next command.
//
// `--timeout` bounds everything together. Nothing is written before a node has answered.
#pragma once

#include <functional>

#include "lockstep/client.hpp"
#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/kept/state_file.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

// What is to be done with a client, in the time that is left.
using WithClient = std::function<Report(Client& client, Duration timeout)>;

// For what changes something: with the session kept for this client id in this cluster, under its lock. If that
// session has ended, another one that names it is opened, and the command is repeated in it.
Report with_kept_session(const GlobalOptions& options, const std::string& name, const WithClient& work);

// For what only looks: it uses no session, but the highest index seen is remembered among commands.
Report with_remembered_index(const GlobalOptions& options, const std::string& name, const WithClient& work);

// For the shell: the same client, for as long as it lives. With --client-id its kept session, whose lock
// it holds meanwhile; else a client of its own.
struct ShellClient {
  Client client;
  std::shared_ptr<StateFile> file;  // none: a client of its own
};
Expected<ShellClient> open_shell_client(const GlobalOptions& options);

}  // namespace lockstep

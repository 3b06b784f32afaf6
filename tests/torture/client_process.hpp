// A process of clients: some threads, each with a client of the library, that do one call after another and write down
// each before it begins and again when it ended. So whatever kills or stops the process, what it had asked is known.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lockstep::torture {

struct ClientProcessOptions {
  int first_client = 1;  // their numbers
  int clients = 1;
  std::vector<std::string> nodes;      // their names, for the record
  std::vector<std::string> endpoints;  // of the same nodes
  std::uint64_t seed = 1;
  std::filesystem::path record;
};

// Until SIGTERM; then every client closes its session. Returns the exit code.
int run_clients(const ClientProcessOptions& options);

}  // namespace lockstep::torture

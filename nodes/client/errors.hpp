// How the errors are made that the library returns.
#pragma once

#include <string>
#include <vector>

#include "lockstep/error.hpp"
#include "protocol/client_core/client_types.hpp"

namespace lockstep {

Error error_of(const ClientError& error);
// "tcp://a:7101 (cannot connect), tcp://b:7101 (no answer within 1 s)": where something went wrong, and what. If
// nothing did, all of them.
std::string tried(const std::vector<std::string>& endpoints, const std::vector<std::string>& problems);
// Definite: what goes wrong on this machine happens before anything is sent.
Error local_error(LocalError kind, std::string detail);
// `code` is an errno value.
Error no_descriptor_error(int code);

}  // namespace lockstep

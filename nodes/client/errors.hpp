// How the errors are made that the library returns.
#pragma once

#include <string>

#include "lockstep/error.hpp"
#include "protocol/client_core/client_types.hpp"

namespace lockstep {

Error error_of(const ClientError& error);
// Definite: what goes wrong on this machine happens before anything is sent.
Error local_error(LocalError kind, std::string detail);
// `code` is an errno value.
Error no_descriptor_error(int code);

}  // namespace lockstep

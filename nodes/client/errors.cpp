// Errors and their names.
#include "nodes/client/errors.hpp"

#include <system_error>
#include <utility>

#include "protocol/base/joined.hpp"

namespace lockstep {

std::string_view to_string(LocalError error) {
  switch (error) {
    case LocalError::kInvalidEndpoint: return "invalid_endpoint";
    case LocalError::kInvalidNote: return "invalid_note";
    case LocalError::kNoDescriptor: return "no_descriptor";
    case LocalError::kNotSaved: return "not_saved";
    case LocalError::kNotGranted: return "not_granted";
    case LocalError::kStateFile: return "state_file";
    case LocalError::kClientIdInUse: return "client_id_in_use";
  }
  return "unknown";
}

std::string Error::name() const {
  const auto* code = std::get_if<ErrorCode>(&kind);
  return std::string(code ? error_info(*code).name : to_string(std::get<LocalError>(kind)));
}

Error error_of(const ClientError& error) {
  const std::string detail = error.detail.empty() ? std::string(error_info(error.code).meaning) : error.detail;
  return Error{error.code, error.definite, detail, error.current_session};
}

std::string tried(const std::vector<std::string>& endpoints, const std::vector<std::string>& problems) {
  std::vector<std::string> failed;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (!problems[i].empty()) failed.push_back(endpoints[i] + " (" + problems[i] + ")");
  }
  return joined(failed.empty() ? endpoints : failed);
}

Error local_error(LocalError kind, std::string detail) { return Error{kind, true, std::move(detail), SessionId()}; }

Error no_descriptor_error(int code) {
  return local_error(LocalError::kNoDescriptor,
                     "no file descriptor is left for a client: " + std::generic_category().message(code));
}

}  // namespace lockstep

// Finds or makes the folder, and names the files in it.
#include "tools/lockstep/kept/state_folder.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "lockstep/client.hpp"
#include "tools/lockstep/kept/file.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> absolute_path_in(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value != '/') return std::nullopt;  // the specification: relative paths are ignored
  return fs::path(value);
}

std::string way_out() {
  return "; set HOME or XDG_STATE_HOME to a folder that this user may write, or use `lockstep run`, which keeps "
         "nothing";
}

}  // namespace

Error state_error(std::string detail) { return Error{LocalError::kStateFile, true, std::move(detail), {}}; }

Expected<fs::path> open_state_folder() {
  auto base = absolute_path_in("XDG_STATE_HOME");
  if (!base) {
    const auto home = absolute_path_in("HOME");
    if (!home)
      return tl::unexpected(state_error("nothing can be kept for this user, since HOME is not set" + way_out()));
    base = *home / ".local" / "state";
  }
  const fs::path folder = *base / "lockstep";
  std::error_code error;
  fs::create_directories(*base, error);
  if (!error && mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) error.assign(errno, std::generic_category());
  if (error) return tl::unexpected(state_error(folder.string() + ": " + error.message() + way_out()));
  return folder;
}

Expected<std::optional<ClientId>> kept_client_id(const fs::path& folder) {
  const fs::path path = folder / "client-id";
  auto text = read_file(path);
  if (!text) return tl::unexpected(state_error(text.error()));
  if (!*text) return std::optional<ClientId>();
  while (!(*text)->empty() && (*text)->back() == '\n') (*text)->pop_back();
  const auto id = parse_client_id(**text);
  if (!id) {
    return tl::unexpected(state_error(path.string() + ": does not hold a client id. Put one there, or remove the file "
                                                      "to be given a new one, or name one with --client-id"));
  }
  return id;
}

Expected<ClientId> default_client_id(const fs::path& folder) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto kept = kept_client_id(folder);
    if (!kept) return tl::unexpected(std::move(kept.error()));
    if (*kept) return **kept;
    const std::string line = to_string(make_client_id()) + "\n";
    if (auto made = create_file(folder / "client-id", line); !made) return tl::unexpected(state_error(made.error()));
  }
  return tl::unexpected(state_error((folder / "client-id").string() + ": appears and disappears"));
}

}  // namespace lockstep

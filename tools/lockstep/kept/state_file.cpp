// Locks a state file, and reads and replaces what is in it.
#include "tools/lockstep/kept/state_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include "lockstep/client.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/system/entropy.hpp"
#include "protocol/base/duration_words.hpp"
#include "tools/lockstep/kept/state_folder.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

Error unreadable(const fs::path& path, const std::string& detail) {
  return state_error(path.string() + ": " + detail +
                     ". Put back a good copy, or move the file away and use another client id: without its secret "
                     "the locks of this one cannot be released");
}

Expected<KeptSessions> decode_file(const fs::path& path, const ClientId& client, const std::string& text) {
  auto sessions = decode_state(client, text);
  if (!sessions) return tl::unexpected(unreadable(path, sessions.error()));
  return *std::move(sessions);
}

// A command that stores renames a new file into place, so the lock may turn out to be on one that has
// lost the name meanwhile.
bool still_has_the_name(const FileDescriptor& fd, const fs::path& path) {
  struct stat locked {};
  struct stat named {};
  return fstat(fd.get(), &locked) == 0 && stat(path.c_str(), &named) == 0 && locked.st_ino == named.st_ino &&
         locked.st_dev == named.st_dev;
}

Expected<FileDescriptor> lock(const fs::path& path, const std::string& whose, Duration patience) {
  const Time deadline = boot_time() + patience;
  for (;;) {
    FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return tl::unexpected(state_error(file_error(path)));
    const FileLock result = try_lock(fd);
    if (result == FileLock::kFailed) return tl::unexpected(state_error(file_error(path)));
    const bool locked = result == FileLock::kLocked;
    if (locked && still_has_the_name(fd, path)) return fd;
    if (boot_time() >= deadline) {
      return tl::unexpected(Error{LocalError::kClientIdInUse, true,
                                  "another command of " + whose + " was still running after " + in_words(patience) +
                                      " (it holds " + path.string() + ")",
                                  SessionId()});
    }
    if (!locked) std::this_thread::sleep_for(kLockRetry);
  }
}

}  // namespace

Expected<KeptSessions> read_state(const fs::path& folder, const ClientId& client) {
  const fs::path path = folder / to_string(client);
  auto text = read_file(path);
  if (!text) return tl::unexpected(state_error(text.error()));
  if (!*text) return KeptSessions();
  return decode_file(path, client, **text);
}

Expected<StateFile> StateFile::open(const fs::path& folder, const ClientId& client, Duration patience) {
  auto locked = lock(folder / to_string(client), "client " + to_string(client), patience);
  if (!locked) return tl::unexpected(std::move(locked.error()));
  auto sessions = read_state(folder, client);
  if (!sessions) return tl::unexpected(std::move(sessions.error()));
  StateFile file(folder / to_string(client), client, *std::move(locked));
  file.sessions_ = *std::move(sessions);
  return file;
}

Expected<StateFile> StateFile::open(const fs::path& path, std::optional<ClientId> client) {
  auto locked = lock(path, path.string(), Duration::zero());
  if (!locked) return tl::unexpected(std::move(locked.error()));
  const auto text = read_file(path);
  if (!text) return tl::unexpected(state_error(text.error()));
  const std::string content = text->value_or(std::string());
  const auto owner = client_in_state(content);
  if (!owner) return tl::unexpected(unreadable(path, owner.error()));
  if (*owner && client && **owner != *client) {
    return tl::unexpected(
        state_error(path.string() + ": is of client " + to_string(**owner) + ", not of " + to_string(*client)));
  }
  const ClientId id = *owner ? **owner : client ? *client : make_client_id();
  auto sessions = decode_file(path, id, content);
  if (!sessions) return tl::unexpected(std::move(sessions.error()));
  StateFile file(path, id, *std::move(locked));
  file.sessions_ = *std::move(sessions);
  return file;
}

KeptSession& StateFile::session_in(ClusterId cluster) {
  const auto [session, is_new] = sessions_.try_emplace(cluster);
  if (is_new) fill_with_entropy(session->second.secret);
  return session->second;
}

tl::expected<void, std::string> StateFile::store() {
  auto replaced = replace_locked_file(path_, encode_state(client_, sessions_));
  if (!replaced) return tl::unexpected(replaced.error());
  locked_ = *std::move(replaced);
  return {};
}

}  // namespace lockstep

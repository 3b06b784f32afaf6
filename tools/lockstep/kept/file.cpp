// open(2), write(2), fsync(2) and rename(2), with errors as sentences.
#include "tools/lockstep/kept/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "nodes/system/whole_file.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = retry_interrupted([&] { return write(fd, content.data(), content.size()); });
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool sync_folder(const fs::path& folder) {
  const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && fsync(fd.get()) == 0;
}

fs::path with_suffix(const fs::path& path, const std::string& suffix) {
  return path.parent_path() / (path.filename().string() + suffix);
}

FileResult<FileDescriptor> write_temporary(const fs::path& path, std::string_view content) {
  FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || !write_all(fd.get(), content) || fsync(fd.get()) != 0) return tl::unexpected(file_error(path));
  return fd;
}

}  // namespace

std::string file_error(const fs::path& path, int code) {
  return path.string() + ": " + std::generic_category().message(code);
}

FileResult<std::optional<std::string>> read_file(const fs::path& path) {
  auto content = read_whole_file(path);
  if (content) return std::optional(*std::move(content));
  if (content.error() == ENOENT) return std::optional<std::string>();
  return tl::unexpected(file_error(path, content.error()));
}

FileResult<void> create_file(const fs::path& path, std::string_view content) {
  const fs::path temporary = with_suffix(path, ".tmp." + std::to_string(getpid()));  // another process may do the same
  auto fd = write_temporary(temporary, content);
  if (!fd) return tl::unexpected(fd.error());
  // link() fails if the name is taken, where rename() would take it away.
  const bool linked = link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST;
  const std::string detail = linked ? std::string() : file_error(path);
  unlink(temporary.c_str());
  if (!linked) return tl::unexpected(detail);
  if (!sync_folder(path.parent_path())) return tl::unexpected(file_error(path.parent_path()));
  return {};
}

FileResult<FileDescriptor> replace_locked_file(const fs::path& path, std::string_view content) {
  const fs::path temporary = with_suffix(path, ".tmp");
  auto fd = write_temporary(temporary, content);
  if (!fd) return fd;
  if (try_lock(*fd) != FileLock::kLocked) return tl::unexpected(file_error(temporary));
  if (rename(temporary.c_str(), path.c_str()) != 0) return tl::unexpected(file_error(path));
  if (!sync_folder(path.parent_path())) return tl::unexpected(file_error(path.parent_path()));
  return fd;
}

}  // namespace lockstep

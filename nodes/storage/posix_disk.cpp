// POSIX calls and their errors as sentences.
#include "nodes/storage/posix_disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

namespace lockstep {
namespace {

constexpr std::size_t kZeroChunk = 1024 * 1024;

tl::unexpected<DiskError> failed(const char* action, const std::string& path, int code) {
  return tl::unexpected(
      DiskError{code, std::string("cannot ") + action + " " + path + ": " + std::generic_category().message(code)});
}

int sync_path(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno;
  return retry_interrupted([&] { return ::fsync(fd.get()); }) < 0 ? errno : 0;
}

// Each folder that is made is made durable too: its name is in the folder above it.
int make_folders(const std::filesystem::path& folder) {
  std::filesystem::path made;
  for (const auto& part : folder) {
    made /= part;
    if (part.empty() || part == "/") continue;
    if (::mkdir(made.c_str(), 0700) < 0) {
      if (errno == EEXIST) continue;
      return errno;
    }
    const auto parent = made.has_parent_path() ? made.parent_path() : std::filesystem::path(".");
    if (const int code = sync_path(parent); code != 0) return code;
  }
  return 0;
}

}  // namespace

DiskResult<void> PosixDisk::lock_folder(const std::string& folder) {
  folder_ = folder;
  if (const int code = make_folders(folder); code != 0) return failed("make the data folder", folder, code);
  folder_fd_ = FileDescriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd_) return failed("open the data folder", folder, errno);
  lock_ = FileDescriptor(::openat(folder_fd_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) return failed("write to the data folder", folder, errno);
  switch (try_lock(lock_)) {
    case FileLock::kLocked: return {};
    case FileLock::kFailed: return failed("lock the data folder", folder, errno);
    case FileLock::kTaken: break;
  }
  return tl::unexpected(DiskError{EWOULDBLOCK, "the data folder " + folder + " is in use by another process"});
}

DiskResult<std::vector<std::string>> PosixDisk::list() {
  FileDescriptor fd(::openat(folder_fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failed("list", folder_, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (!stream) return failed("list", folder_, errno);
  fd.release();  // it is the stream's now
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return failed("list", folder_, errno);
  std::sort(names.begin(), names.end());
  return names;
}

DiskResult<File> PosixDisk::open_file(const std::string& name, int flags, const char* action) {
  const int fd =
      retry_interrupted([&] { return ::openat(folder_fd_.get(), name.c_str(), flags | O_RDWR | O_CLOEXEC, 0600); });
  if (fd < 0) return failed(action, path(name), errno);
  return File{fd, name};
}

DiskResult<File> PosixDisk::create(const std::string& name) { return open_file(name, O_CREAT | O_TRUNC, "create"); }

DiskResult<File> PosixDisk::open(const std::string& name) { return open_file(name, 0, "open"); }

void PosixDisk::close(const File& file) { ::close(file.id); }

DiskResult<void> PosixDisk::rename(const std::string& from, const std::string& to) {
  if (::renameat(folder_fd_.get(), from.c_str(), folder_fd_.get(), to.c_str()) < 0)
    return failed("rename", path(from), errno);
  return {};
}

DiskResult<void> PosixDisk::remove(const std::string& name) {
  if (::unlinkat(folder_fd_.get(), name.c_str(), 0) < 0) return failed("remove", path(name), errno);
  return {};
}

DiskResult<void> PosixDisk::sync_folder() {
  if (retry_interrupted([&] { return ::fsync(folder_fd_.get()); }) < 0) return failed("sync", folder_, errno);
  return {};
}

DiskResult<std::string> PosixDisk::read(const File& file, std::uint64_t offset, std::uint64_t length) {
  struct stat status {};
  if (::fstat(file.id, &status) < 0) return failed("read", path(file.name), errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::string bytes(static_cast<std::size_t>(std::min(length, size - std::min(offset, size))), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto from = static_cast<off_t>(offset + done);
    const ssize_t count =
        retry_interrupted([&] { return ::pread(file.id, bytes.data() + done, bytes.size() - done, from); });
    if (count < 0) return failed("read", path(file.name), errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

DiskResult<void> PosixDisk::write(const File& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        retry_interrupted([&] { return ::pwrite(file.id, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) return failed("write to", path(file.name), errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

DiskResult<void> PosixDisk::preallocate(const File& file, std::uint64_t bytes) {
  // Reserving first keeps the file in one piece and shows a full disk at once. Reserved blocks are still
  // marked as unwritten, and each first write would have to change that mark: so they are written too.
  const auto reserve = [&] { return ::fallocate(file.id, 0, 0, static_cast<off_t>(bytes)); };
  if (retry_interrupted(reserve) < 0 && errno != EOPNOTSUPP) {
    return failed("reserve space for", path(file.name), errno);
  }
  const std::string zeros(kZeroChunk, '\0');
  for (std::uint64_t offset = 0; offset < bytes; offset += kZeroChunk) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(kZeroChunk, bytes - offset));
    if (auto done = write(file, offset, std::string_view(zeros).substr(0, length)); !done) return done;
  }
  return {};
}

DiskResult<void> PosixDisk::sync(const File& file) {
  if (retry_interrupted([&] { return ::fdatasync(file.id); }) < 0) return failed("sync", path(file.name), errno);
  return {};
}

}  // namespace lockstep

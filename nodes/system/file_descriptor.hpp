// A file descriptor that is closed with its owner, and the lock that a process can hold on an open file.
//
//   FileDescriptor file(::open(path, O_RDWR | O_CLOEXEC));
//   if (!file) return error(errno);
//   if (try_lock(file) == FileLock::kTaken) return error("in use");
//
// Not thread-safe. Nothing here throws.
#pragma once

#include <cerrno>
#include <utility>

namespace lockstep {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}  // below 0: none
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // The caller closes it from now on.
  int release() { return std::exchange(fd_, -1); }
  void close();  // leaves errno as it is

 private:
  int fd_ = -1;
};

// Calls a system call again for as long as a signal interrupts it (EINTR).
template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

enum class FileLock {
  kLocked,  // for as long as the open file lives, in this process or in those that inherit it
  kTaken,   // by another open file
  kFailed,  // errno says why
};

// flock(2), exclusive. Does not wait.
FileLock try_lock(const FileDescriptor& file);

}  // namespace lockstep

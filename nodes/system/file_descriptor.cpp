// close(2) and flock(2).
#include "nodes/system/file_descriptor.hpp"

#include <sys/file.h>
#include <unistd.h>

namespace lockstep {

void FileDescriptor::close() {
  if (fd_ < 0) return;
  const int error = errno;
  ::close(std::exchange(fd_, -1));
  errno = error;
}

FileLock try_lock(const FileDescriptor& file) {
  if (retry_interrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) == 0) return FileLock::kLocked;
  return errno == EWOULDBLOCK ? FileLock::kTaken : FileLock::kFailed;
}

}  // namespace lockstep

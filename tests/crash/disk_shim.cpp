// A library for LD_PRELOAD that stands between a node and its disk: it writes every call down before and after it is
// made (disk_record.hpp), and makes one of them fail if it is told to.
//
// It covers what PosixDisk calls. Any other call by which a file that is watched could be changed ends the process;
// and what escapes even that is seen by whoever compares the folder with the records.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/crash/disk_record.hpp"

namespace {

using lockstep::crash::DiskCall;
using lockstep::crash::DiskRecord;
using lockstep::crash::kDiskCallNames;
using lockstep::crash::kDiskCalls;

enum class Watched : char { kNot, kFile, kFolder };
constexpr int kMaxFd = 65536;
constexpr std::size_t kMostOfAnAnswer = 16384;

[[noreturn]] void stop(const char* what) {
  std::fprintf(stderr, "disk_shim: %s is not covered; tests/crash/disk_shim.cpp must learn it\n", what);
  std::_Exit(99);
}

struct Shim {
  std::string folder;  // empty: nothing is watched
  int trace = -1;
  int faulty_call = -1;
  std::uint64_t faulty_number = 0;
  int fault = 0;
  std::mutex mutex;
  std::uint64_t next_id = 1;
  std::array<std::uint64_t, kDiskCalls> numbers{};
  std::array<std::atomic<Watched>, kMaxFd> watched{};

  Shim() {
    const char* trace_file = std::getenv(lockstep::crash::kTraceVariable);
    const char* watched_folder = std::getenv(lockstep::crash::kFolderVariable);
    if (trace_file == nullptr || watched_folder == nullptr) return;
    folder = watched_folder;
    trace =
        static_cast<int>(::syscall(SYS_openat, AT_FDCWD, trace_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (trace < 0) stop("a trace that cannot be written");
    if (const char* text = std::getenv(lockstep::crash::kFaultVariable)) read_fault(text);
  }

  void read_fault(const char* text) {
    char call[32];
    unsigned long number = 0;
    if (std::sscanf(text, "%31s %lu %d", call, &number, &fault) != 3) stop(text);
    const auto found = std::find(std::begin(kDiskCallNames), std::end(kDiskCallNames), std::string_view(call));
    if (found == std::end(kDiskCallNames)) stop(text);
    faulty_call = static_cast<int>(found - std::begin(kDiskCallNames));
    faulty_number = number;
  }

  void append(DiskRecord record, std::string_view name, std::string_view to, std::string_view data) {
    record.name_bytes = static_cast<std::uint32_t>(name.size());
    record.to_bytes = static_cast<std::uint32_t>(to.size());
    record.data_bytes = static_cast<std::uint32_t>(data.size());
    std::string bytes(reinterpret_cast<const char*>(&record), sizeof record);
    bytes.append(name).append(to).append(data);
    if (::syscall(SYS_write, trace, bytes.data(), bytes.size()) != static_cast<long>(bytes.size())) {
      stop("a trace that finds no room");
    }
  }
};

Shim& shim() {
  static Shim& made = *new Shim();  // it outlives every thread
  return made;
}

template <typename Function>
Function original(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}
#define ORIGINAL(function) static const auto real = original<decltype(&::function)>(#function)

Watched watched(int fd) {
  return fd >= 0 && fd < kMaxFd ? shim().watched[static_cast<std::size_t>(fd)].load() : Watched::kNot;
}
void watch(int fd, Watched what) {
  if (fd >= 0 && fd < kMaxFd) shim().watched[static_cast<std::size_t>(fd)] = what;
}

std::string target_of(const std::string& link) {
  char buffer[4096];
  const ssize_t length = ::readlink(link.c_str(), buffer, sizeof buffer);
  return length < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(length));
}

// Relative to the folder that is watched, which is "."; empty if the path leads elsewhere.
std::string name_of(int folder, const char* path) {
  if (shim().folder.empty() || path == nullptr) return {};
  std::string whole = path;
  if (whole.front() != '/') {
    whole = (folder == AT_FDCWD ? target_of("/proc/self/cwd") : target_of("/proc/self/fd/" + std::to_string(folder))) +
            "/" + whole;
  }
  while (whole.ends_with("/.")) whole.resize(whole.size() - 2);
  while (whole.ends_with("/")) whole.resize(whole.size() - 1);
  if (whole == shim().folder) return ".";
  return whole.starts_with(shim().folder + "/") ? whole.substr(shim().folder.size() + 1) : std::string();
}

// One call that is written down: before it, and with its outcome after it.
class Call {
 public:
  Call(DiskCall call, int fd, std::string_view name, std::string_view to, std::uint64_t offset, std::string_view data) {
    Shim& all = shim();
    record_.call = call;
    record_.fd = fd;
    record_.offset = offset;
    const std::lock_guard lock(all.mutex);
    record_.id = all.next_id++;
    record_.number = all.numbers[static_cast<std::size_t>(call)]++;
    all.append(record_, name, to, data);
  }

  // 0: none.
  int fault() const {
    const Shim& all = shim();
    if (all.faulty_call != static_cast<int>(record_.call)) return 0;
    const bool is_it = record_.number == all.faulty_number;
    const bool is_next = record_.number == all.faulty_number + 1;
    if (all.fault == lockstep::crash::kShortThenFull) return is_it ? lockstep::crash::kShort : is_next ? ENOSPC : 0;
    return is_it || (is_next && all.fault == EINTR) ? all.fault : 0;
  }

  // What the call returned; errno is as it should be for the caller.
  template <typename Result>
  Result end(Result result, int fd = -1) {
    const int error = errno;
    record_.has_ended = 1;
    record_.error = result < 0 ? error : 0;
    record_.result = result < 0 ? 0 : static_cast<std::uint64_t>(result);
    if (fd >= 0) record_.fd = fd;
    Shim& all = shim();
    {
      const std::lock_guard lock(all.mutex);
      all.append(record_, {}, {}, {});
    }
    errno = error;
    return result;
  }

  template <typename Do>
  auto run(Do operate) {
    if (const int error = fault(); error != 0) {
      errno = error;
      return end(static_cast<decltype(operate())>(-1));
    }
    return end(operate());
  }

 private:
  DiskRecord record_;
};

template <typename Do>
int open_watched(int folder, const char* path, int flags, Do operate) {
  const std::string name = name_of(folder, path);
  if (name.empty()) {
    const int fd = operate();
    watch(fd, Watched::kNot);
    return fd;
  }
  const bool is_folder = (flags & O_DIRECTORY) != 0;
  if (!is_folder && (flags & O_ACCMODE) == O_RDONLY) {
    const int fd = operate();
    watch(fd, Watched::kNot);
    return fd;
  }
  // Whether a file is emptied or kept is told apart by the name of the call.
  Call call((flags & O_TRUNC) != 0 ? DiskCall::kCreate : DiskCall::kOpen, -1, name, is_folder ? "/" : "", 0, {});
  if (const int error = call.fault(); error != 0) {
    errno = error;
    return call.end(-1);
  }
  const int fd = operate();
  watch(fd, is_folder ? Watched::kFolder : Watched::kFile);
  return call.end(fd, fd);
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

ssize_t write_watched(int fd, const char* bytes, std::size_t count, off_t offset) {
  ORIGINAL(pwrite);
  if (watched(fd) != Watched::kFile) return real(fd, bytes, count, offset);
  Call call(DiskCall::kWrite, fd, {}, {}, static_cast<std::uint64_t>(offset), {bytes, count});
  const int fault = call.fault();
  if (fault == lockstep::crash::kShort) return call.end(real(fd, bytes, (count + 2) / 3, offset));
  if (fault != 0) {
    errno = fault;
    return call.end(ssize_t{-1});
  }
  return call.end(real(fd, bytes, count, offset));
}

template <typename Do>
int sync_watched(int fd, Do operate) {
  if (watched(fd) == Watched::kNot) return operate();
  return Call(watched(fd) == Watched::kFile ? DiskCall::kSync : DiskCall::kSyncFolder, fd, {}, {}, 0, {}).run(operate);
}

template <typename Do>
int rename_watched(const std::string& from, const std::string& to, Do operate) {
  if (from.empty() && to.empty()) return operate();
  if (from.empty() || to.empty()) stop("a rename from elsewhere");
  return Call(DiskCall::kRename, -1, from, to, 0, {}).run(operate);
}

template <typename Do>
int remove_watched(const std::string& name, Do operate) {
  if (name.empty()) return operate();
  return Call(DiskCall::kRemove, -1, name, {}, 0, {}).run(operate);
}

void must_not_be_watched(int fd, const char* what) {
  if (watched(fd) == Watched::kFile) stop(what);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  ORIGINAL(open);
  return open_watched(AT_FDCWD, path, flags, [&] { return real(path, flags, mode); });
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  ORIGINAL(openat);
  return open_watched(folder, path, flags, [&] { return real(folder, path, flags, mode); });
}

int close(int fd) {
  ORIGINAL(close);
  if (watched(fd) == Watched::kNot) return real(fd);
  Call call(DiskCall::kClose, fd, {}, {}, 0, {});
  watch(fd, Watched::kNot);
  return call.end(real(fd));
}

int closedir(DIR* stream) {
  ORIGINAL(closedir);
  watch(::dirfd(stream), Watched::kNot);
  return real(stream);
}

ssize_t pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  return write_watched(fd, static_cast<const char*>(bytes), count, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  ORIGINAL(fallocate);
  if (watched(fd) != Watched::kFile) return real(fd, mode, offset, length);
  if (mode != 0) stop("fallocate with a mode");
  return Call(DiskCall::kReserve, fd, {}, {}, static_cast<std::uint64_t>(offset + length), {}).run([&] {
    return real(fd, mode, offset, length);
  });
}

int fsync(int fd) {
  ORIGINAL(fsync);
  return sync_watched(fd, [&] { return real(fd); });
}

int fdatasync(int fd) {
  ORIGINAL(fdatasync);
  return sync_watched(fd, [&] { return real(fd); });
}

int rename(const char* from, const char* to) noexcept {
  ORIGINAL(rename);
  return rename_watched(name_of(AT_FDCWD, from), name_of(AT_FDCWD, to), [&] { return real(from, to); });
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  ORIGINAL(renameat);
  return rename_watched(name_of(from_folder, from), name_of(to_folder, to),
                        [&] { return real(from_folder, from, to_folder, to); });
}

int unlink(const char* path) noexcept {
  ORIGINAL(unlink);
  return remove_watched(name_of(AT_FDCWD, path), [&] { return real(path); });
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  ORIGINAL(unlinkat);
  return remove_watched(name_of(folder, path), [&] { return real(folder, path, flags); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  ORIGINAL(mkdir);
  const std::string name = name_of(AT_FDCWD, path);
  if (name.empty() || name == ".") return real(path, mode);
  return Call(DiskCall::kMakeFolder, -1, name, {}, 0, {}).run([&] { return real(path, mode); });
}

ssize_t send(int socket, const void* bytes, std::size_t count, int flags) {
  ORIGINAL(send);
  if (shim().folder.empty()) return real(socket, bytes, count, flags);
  Call call(DiskCall::kSend, socket, {}, {}, 0, {static_cast<const char*>(bytes), std::min(count, kMostOfAnAnswer)});
  return call.end(real(socket, bytes, count, flags));
}

// ---- Not covered: loudly.

ssize_t write(int fd, const void* bytes, std::size_t count) {
  ORIGINAL(write);
  must_not_be_watched(fd, "write");
  return real(fd, bytes, count);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  ORIGINAL(writev);
  must_not_be_watched(fd, "writev");
  return real(fd, parts, count);
}

ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  ORIGINAL(pwritev);
  must_not_be_watched(fd, "pwritev");
  return real(fd, parts, count, offset);
}

int ftruncate(int fd, off_t length) noexcept {
  ORIGINAL(ftruncate);
  must_not_be_watched(fd, "ftruncate");
  return real(fd, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  ORIGINAL(posix_fallocate);
  must_not_be_watched(fd, "posix_fallocate");
  return real(fd, offset, length);
}

int sync_file_range(int fd, off_t offset, off_t length, unsigned flags) {
  ORIGINAL(sync_file_range);
  must_not_be_watched(fd, "sync_file_range");
  return real(fd, offset, length, flags);
}

void* mmap(void* address, std::size_t length, int protection, int flags, int fd, off_t offset) noexcept {
  ORIGINAL(mmap);
  if ((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0) must_not_be_watched(fd, "mmap");
  return real(address, length, protection, flags, fd, offset);
}

// With 64 bits an offset is one already. Who asks for these by name is served as well.
int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));
ssize_t pwrite64(int fd, const void* bytes, std::size_t count, off64_t offset) __attribute__((alias("pwrite")));
int fallocate64(int fd, int mode, off64_t offset, off64_t length) __attribute__((alias("fallocate")));
}

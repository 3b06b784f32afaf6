// The Disk of a real node: a folder of a local file system, by POSIX calls.
//
// The lock is flock() on the file `lock` inside the folder, so the system releases it however the
// process ends. Writes that stop short are continued and EINTR is retried; no other error is (S4).
#pragma once

#include "nodes/storage/disk.hpp"
#include "nodes/system/file_descriptor.hpp"

namespace lockstep {

class PosixDisk final : public Disk {
 public:
  PosixDisk() = default;
  PosixDisk(const PosixDisk&) = delete;
  PosixDisk& operator=(const PosixDisk&) = delete;

  DiskResult<void> lock_folder(const std::string& folder) override;
  DiskResult<std::vector<std::string>> list() override;
  DiskResult<File> create(const std::string& name) override;
  DiskResult<File> open(const std::string& name) override;
  void close(const File& file) override;
  DiskResult<void> rename(const std::string& from, const std::string& to) override;
  DiskResult<void> remove(const std::string& name) override;
  DiskResult<void> sync_folder() override;
  DiskResult<std::string> read(const File& file, std::uint64_t offset, std::uint64_t length) override;
  DiskResult<void> write(const File& file, std::uint64_t offset, std::string_view bytes) override;
  DiskResult<void> preallocate(const File& file, std::uint64_t bytes) override;
  DiskResult<void> sync(const File& file) override;

 private:
  DiskResult<File> open_file(const std::string& name, int flags, const char* action);
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
  FileDescriptor folder_fd_;
  FileDescriptor lock_;
};

}  // namespace lockstep

// The seam between storage and a disk: everything that storage ever asks of the operating system.
//
// A Disk works in one folder, which it locks first; names are names of files in it. What a write did
// survives a power failure only after sync() of that file returned, and a name (created, renamed,
// removed) only after sync_folder() returned. Between those, any sector of 512 bytes may be old or new.
// Implementations: PosixDisk, and in tests MemoryDisk, which loses, tears and rots what this contract
// lets it. An implementation returns errors as values and never throws.
//
// create, open, close, preallocate, write, sync, rename, remove and sync_folder may be called from several threads
// at once, for different files: the next segment and a snapshot are made beside the writing of the current segment.
// A file may be read by one thread while another writes to it elsewhere than where the first looks.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace lockstep {

// `code` is an errno value; `detail` is for a person and names the file: "cannot sync /data/meta: Input/output error".
struct DiskError {
  int code = 0;
  std::string detail;
};

// No room for more: the one error that goes away by itself.
inline bool means_full(const DiskError& error) { return error.code == ENOSPC || error.code == EDQUOT; }

template <typename T>
using DiskResult = tl::expected<T, DiskError>;

struct File {
  int id = -1;  // meaningful to the Disk only
  std::string name;
};

inline constexpr std::uint64_t kWholeFile = UINT64_MAX;

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = default;
  Disk& operator=(const Disk&) = default;
  virtual ~Disk() = default;

  // Makes the folder if it is missing and locks it against every other process until this Disk dies.
  // Comes before all other calls.
  virtual DiskResult<void> lock_folder(const std::string& folder) = 0;

  virtual DiskResult<std::vector<std::string>> list() = 0;
  virtual DiskResult<File> create(const std::string& name) = 0;  // empties a file that exists
  virtual DiskResult<File> open(const std::string& name) = 0;
  virtual void close(const File& file) = 0;
  virtual DiskResult<void> rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual DiskResult<void> remove(const std::string& name) = 0;
  virtual DiskResult<void> sync_folder() = 0;

  // Fewer bytes than `length` where the file ends.
  virtual DiskResult<std::string> read(const File& file, std::uint64_t offset, std::uint64_t length) = 0;
  virtual DiskResult<void> write(const File& file, std::uint64_t offset, std::string_view bytes) = 0;
  // Fills [0, bytes) of a new file with zeros that have real blocks behind them, so that writing into
  // them later neither runs out of space nor changes the file system's own records.
  virtual DiskResult<void> preallocate(const File& file, std::uint64_t bytes) = 0;
  virtual DiskResult<void> sync(const File& file) = 0;  // the data, and the size it takes to read it back
};

// A file that closes itself.
class OpenFile {
 public:
  OpenFile() = default;
  OpenFile(Disk& disk, File file) : disk_(&disk), file_(std::move(file)) {}
  OpenFile(OpenFile&& other) noexcept : disk_(std::exchange(other.disk_, nullptr)), file_(std::move(other.file_)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    if (this == &other) return *this;
    reset();
    disk_ = std::exchange(other.disk_, nullptr);
    file_ = std::move(other.file_);
    return *this;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { reset(); }

  const File& operator*() const { return file_; }
  void renamed(const std::string& name) { file_.name = name; }

 private:
  void reset() {
    if (disk_ != nullptr) disk_->close(file_);
    disk_ = nullptr;
  }

  Disk* disk_ = nullptr;
  File file_;
};

}  // namespace lockstep

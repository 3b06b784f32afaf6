// A Disk in memory that does everything a real one may do between two syncs, and worse.
//
// A value: a copy is another disk with the same contents, unsynced writes included, which is how every
// crash of one moment can be tried. What is written is seen by reads at once (the page cache) and
// survives crash() only if it was synced or the caller lets it: sector by sector, name by name. A failed
// sync drops what was unsynced for good while reads go on showing it, as Linux does. Errors, a full disk
// and flipped bits are there on request. Not thread-safe: use it without background segments.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/storage/disk.hpp"

namespace lockstep {

class MemoryDisk : public Disk {
 public:
  enum class Operation { kCreate, kWrite, kPreallocate, kSync, kRename, kRemove, kSyncFolder };

  // -- the seam
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

  // -- crashes
  // How many things (sectors, names) a crash now may keep or lose, each on its own.
  std::size_t unsynced() const;
  // In how many sectors these bytes are.
  static std::size_t sectors(std::uint64_t offset, std::size_t bytes) {
    return bytes == 0 ? 0 : (offset + bytes - 1) / kSector - offset / kSector + 1;
  }
  // The machine dies and starts again; survives(i) decides about the i-th unsynced thing.
  void crash(const std::function<bool(std::size_t)>& survives);
  void crash_losing_all() {
    crash([](std::size_t) { return false; });
  }
  // Only the process dies: the page cache lives on, still unsynced.
  void kill_process();
  // The power fails after `count` more operations that change something: all later ones fail and do nothing.
  void stop_after(std::uint64_t count) { stop_at_ = operations_ + count; }
  std::uint64_t operations() const { return operations_; }
  bool power_is_off() const { return operations_ >= stop_at_; }

  // -- faults
  // After `skip` more operations of this kind, the next `times` fail with this errno value.
  void fail(Operation operation, int code, std::uint64_t skip = 0, std::uint64_t times = 1);
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void clear_faults() { faults_.clear(); }
  void flip_bit(const std::string& name, std::uint64_t bit);
  void truncate(const std::string& name, std::uint64_t bytes);
  // A write that was for another place, or a sector that the disk lost.
  void overwrite(const std::string& name, std::uint64_t offset, std::string_view bytes);

  // -- views
  std::uint64_t count(Operation operation) const;
  std::set<std::string> names() const;
  const std::string& contents(const std::string& name) const;  // as a read sees them
  std::uint64_t used() const;                                  // bytes, of what set_capacity() allows

 private:
  static constexpr std::size_t kSector = 512;

  struct Pending {
    std::uint64_t offset = 0;
    std::string bytes;        // at most one sector
    std::uint64_t zeros = 0;  // instead of bytes: a fill, which only makes the file longer
  };
  struct Data {
    std::string cached;
    std::string durable;
    std::vector<Pending> pending;
  };
  struct NameChange {
    Operation operation = Operation::kCreate;
    std::string from;
    std::string to;
    std::size_t data = 0;
  };
  struct Fault {
    Operation operation = Operation::kWrite;
    int code = 0;
    std::uint64_t skip = 0;
    std::uint64_t times = 0;
  };
  using Names = std::map<std::string, std::size_t>;

  DiskResult<void> begin(Operation operation, const std::string& name);
  DiskResult<std::size_t> data_of(const File& file) const;
  bool has_room_for(std::size_t data, std::uint64_t size) const;
  void change_name(NameChange change);
  static void apply(Names& names, const NameChange& change);
  static void apply(std::string& bytes, const Pending& pending);
  void forget_process();

  std::vector<Data> data_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  std::map<int, std::size_t> open_files_;
  int next_file_ = 1;
  bool locked_ = false;
  std::string folder_;

  std::uint64_t operations_ = 0;
  std::uint64_t stop_at_ = UINT64_MAX;
  std::uint64_t capacity_ = UINT64_MAX;
  std::vector<Fault> faults_;
  std::map<Operation, std::uint64_t> counts_;
};

}  // namespace lockstep

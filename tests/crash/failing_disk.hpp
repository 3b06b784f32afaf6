// A MemoryDisk at whose every change somebody may decide that the power fails: before it, or right after it.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/memory_disk.hpp"

namespace lockstep::crash {

struct DiskOperation {
  MemoryDisk::Operation kind{};
  std::string file;
  std::size_t items = 0;  // sectors and names that are unsynced after it, and were not before
};

enum class Power { kStays, kFailsBefore, kFailsAfter };

class FailingDisk final : public Disk {
 public:
  using Decide = std::function<Power(const DiskOperation&)>;

  MemoryDisk memory;
  Decide decide = [](const DiskOperation&) { return Power::kStays; };

  DiskResult<void> lock_folder(const std::string& folder) override { return memory.lock_folder(folder); }
  DiskResult<std::vector<std::string>> list() override { return memory.list(); }
  DiskResult<File> open(const std::string& name) override { return memory.open(name); }
  void close(const File& file) override { memory.close(file); }
  DiskResult<std::string> read(const File& file, std::uint64_t offset, std::uint64_t length) override {
    return memory.read(file, offset, length);
  }

  DiskResult<File> create(const std::string& name) override {
    return change({MemoryDisk::Operation::kCreate, name, 1}, [&] { return memory.create(name); });
  }
  DiskResult<void> rename(const std::string& from, const std::string& to) override {
    return change({MemoryDisk::Operation::kRename, to, 1}, [&] { return memory.rename(from, to); });
  }
  DiskResult<void> remove(const std::string& name) override {
    return change({MemoryDisk::Operation::kRemove, name, 1}, [&] { return memory.remove(name); });
  }
  DiskResult<void> sync_folder() override {
    return change({MemoryDisk::Operation::kSyncFolder, "."}, [&] { return memory.sync_folder(); });
  }
  DiskResult<void> write(const File& file, std::uint64_t offset, std::string_view bytes) override {
    const std::size_t sectors = MemoryDisk::sectors(offset, bytes.size());
    return change({MemoryDisk::Operation::kWrite, file.name, sectors},
                  [&] { return memory.write(file, offset, bytes); });
  }
  DiskResult<void> preallocate(const File& file, std::uint64_t bytes) override {
    return change({MemoryDisk::Operation::kPreallocate, file.name, 1}, [&] { return memory.preallocate(file, bytes); });
  }
  DiskResult<void> sync(const File& file) override {
    return change({MemoryDisk::Operation::kSync, file.name}, [&] { return memory.sync(file); });
  }

 private:
  template <typename Do>
  std::invoke_result_t<Do> change(const DiskOperation& operation, Do operate) {
    const Power power = memory.power_is_off() ? Power::kStays : decide(operation);
    if (power == Power::kFailsBefore) memory.stop_after(0);
    std::invoke_result_t<Do> result = operate();
    if (power == Power::kFailsAfter) memory.stop_after(0);
    return result;
  }
};

}  // namespace lockstep::crash

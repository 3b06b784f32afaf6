#include "tests/support/memory_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

tl::unexpected<DiskError> failed(const std::string& what, int code) {
  return tl::unexpected(DiskError{code, what + ": " + std::generic_category().message(code)});
}

}  // namespace

DiskResult<void> MemoryDisk::begin(Operation operation, const std::string& name) {
  if (power_is_off()) return failed("the power is off, " + name, EIO);
  ++operations_;
  ++counts_[operation];
  for (Fault& fault : faults_) {
    if (fault.operation != operation || fault.times == 0) continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    --fault.times;
    return failed("cannot use " + folder_ + "/" + name, fault.code);
  }
  return {};
}

DiskResult<void> MemoryDisk::lock_folder(const std::string& folder) {
  folder_ = folder;
  if (locked_) return tl::unexpected(DiskError{EWOULDBLOCK, "the data folder " + folder + " is in use"});
  locked_ = true;
  return {};
}

DiskResult<std::vector<std::string>> MemoryDisk::list() {
  std::vector<std::string> result;
  for (const auto& [name, data] : names_) result.push_back(name);
  return result;
}

DiskResult<File> MemoryDisk::create(const std::string& name) {
  if (auto begun = begin(Operation::kCreate, name); !begun) return tl::unexpected(begun.error());
  data_.emplace_back();
  change_name({Operation::kCreate, "", name, data_.size() - 1});
  return open(name);
}

DiskResult<File> MemoryDisk::open(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return failed("cannot open " + folder_ + "/" + name, ENOENT);
  open_files_[next_file_] = found->second;
  return File{next_file_++, name};
}

void MemoryDisk::close(const File& file) { open_files_.erase(file.id); }

DiskResult<void> MemoryDisk::rename(const std::string& from, const std::string& to) {
  if (auto begun = begin(Operation::kRename, from); !begun) return begun;
  const auto found = names_.find(from);
  if (found == names_.end()) return failed("cannot rename " + folder_ + "/" + from, ENOENT);
  change_name({Operation::kRename, from, to, found->second});
  return {};
}

DiskResult<void> MemoryDisk::remove(const std::string& name) {
  if (auto begun = begin(Operation::kRemove, name); !begun) return begun;
  const auto found = names_.find(name);
  if (found == names_.end()) return failed("cannot remove " + folder_ + "/" + name, ENOENT);
  change_name({Operation::kRemove, name, "", found->second});
  return {};
}

DiskResult<void> MemoryDisk::sync_folder() {
  if (auto begun = begin(Operation::kSyncFolder, "."); !begun) return begun;
  durable_names_ = names_;
  pending_names_.clear();
  return {};
}

DiskResult<std::size_t> MemoryDisk::data_of(const File& file) const {
  const auto found = open_files_.find(file.id);
  if (found == open_files_.end()) return failed("cannot use " + file.name, EBADF);
  return found->second;
}

DiskResult<std::string> MemoryDisk::read(const File& file, std::uint64_t offset, std::uint64_t length) {
  const auto data = data_of(file);
  if (!data) return tl::unexpected(data.error());
  const std::string& bytes = data_[*data].cached;
  const std::uint64_t from = std::min<std::uint64_t>(offset, bytes.size());
  return bytes.substr(from, std::min<std::uint64_t>(length, bytes.size() - from));
}

bool MemoryDisk::has_room_for(std::size_t data, std::uint64_t size) const {
  std::uint64_t used = std::max<std::uint64_t>(size, data_[data].cached.size());
  for (const auto& [name, other] : names_) {
    if (other != data) used += data_[other].cached.size();
  }
  return used <= capacity_;
}

DiskResult<void> MemoryDisk::write(const File& file, std::uint64_t offset, std::string_view bytes) {
  if (auto begun = begin(Operation::kWrite, file.name); !begun) return begun;
  const auto data = data_of(file);
  if (!data) return tl::unexpected(data.error());
  if (!has_room_for(*data, offset + bytes.size())) return failed("cannot write to " + file.name, ENOSPC);
  while (!bytes.empty()) {
    const std::size_t length = std::min<std::size_t>(bytes.size(), kSector - offset % kSector);
    const Pending pending{offset, std::string(bytes.substr(0, length)), 0};
    apply(data_[*data].cached, pending);
    data_[*data].pending.push_back(pending);
    bytes.remove_prefix(length);
    offset += length;
  }
  return {};
}

DiskResult<void> MemoryDisk::preallocate(const File& file, std::uint64_t bytes) {
  if (auto begun = begin(Operation::kPreallocate, file.name); !begun) return begun;
  const auto data = data_of(file);
  if (!data) return tl::unexpected(data.error());
  if (!has_room_for(*data, bytes)) return failed("cannot reserve space for " + file.name, ENOSPC);
  const Pending pending{0, "", bytes};
  apply(data_[*data].cached, pending);
  data_[*data].pending.push_back(pending);
  return {};
}

DiskResult<void> MemoryDisk::sync(const File& file) {
  const auto data = data_of(file);
  if (!data) return tl::unexpected(data.error());
  Data& target = data_[*data];
  const bool power_was_off = power_is_off();
  if (auto begun = begin(Operation::kSync, file.name); !begun) {
    // The pages count as clean from now on, though they never reached the disk.
    if (!power_was_off) target.pending.clear();
    return begun;
  }
  for (const Pending& pending : target.pending) apply(target.durable, pending);
  target.pending.clear();
  return {};
}

void MemoryDisk::change_name(NameChange change) {
  apply(names_, change);
  pending_names_.push_back(std::move(change));
}

void MemoryDisk::apply(Names& names, const NameChange& change) {
  const auto found = names.find(change.from);
  if (found != names.end() && found->second == change.data) names.erase(found);
  if (change.operation != Operation::kRemove) names[change.to] = change.data;
}

void MemoryDisk::apply(std::string& bytes, const Pending& pending) {
  const std::uint64_t end = std::max(pending.offset + pending.bytes.size(), pending.zeros);
  if (bytes.size() < end) bytes.resize(end, '\0');
  bytes.replace(pending.offset, pending.bytes.size(), pending.bytes);
}

std::size_t MemoryDisk::unsynced() const {
  std::size_t result = pending_names_.size();
  for (const Data& data : data_) result += data.pending.size();
  return result;
}

void MemoryDisk::crash(const std::function<bool(std::size_t)>& survives) {
  std::size_t item = 0;
  for (const NameChange& change : pending_names_) {
    if (survives(item++)) apply(durable_names_, change);
  }
  for (Data& data : data_) {
    for (const Pending& pending : data.pending) {
      if (survives(item++)) apply(data.durable, pending);
    }
    data.pending.clear();
    data.cached = data.durable;
  }
  pending_names_.clear();
  names_ = durable_names_;
  forget_process();
}

void MemoryDisk::kill_process() { forget_process(); }

void MemoryDisk::forget_process() {
  open_files_.clear();
  locked_ = false;
  stop_at_ = UINT64_MAX;
  faults_.clear();
}

void MemoryDisk::fail(Operation operation, int code, std::uint64_t skip, std::uint64_t times) {
  faults_.push_back({operation, code, skip, times});
}

void MemoryDisk::flip_bit(const std::string& name, std::uint64_t bit) {
  Data& data = data_[names_.at(name)];
  INVARIANT(data.pending.empty(), "rot is for what is on the disk");
  const auto mask = static_cast<unsigned char>(1U << (bit % 8));
  data.cached[bit / 8] = static_cast<char>(static_cast<unsigned char>(data.cached[bit / 8]) ^ mask);
  data.durable = data.cached;
}

void MemoryDisk::truncate(const std::string& name, std::uint64_t bytes) {
  Data& data = data_[names_.at(name)];
  INVARIANT(data.pending.empty(), "damage is for what is on the disk");
  data.cached.resize(bytes);
  data.durable = data.cached;
}

void MemoryDisk::overwrite(const std::string& name, std::uint64_t offset, std::string_view bytes) {
  Data& data = data_[names_.at(name)];
  INVARIANT(data.pending.empty(), "damage is for what is on the disk");
  data.cached.replace(offset, bytes.size(), bytes);
  data.durable = data.cached;
}

std::uint64_t MemoryDisk::count(Operation operation) const {
  const auto found = counts_.find(operation);
  return found == counts_.end() ? 0 : found->second;
}

std::set<std::string> MemoryDisk::names() const {
  std::set<std::string> result;
  for (const auto& [name, data] : names_) result.insert(name);
  return result;
}

std::uint64_t MemoryDisk::used() const {
  std::uint64_t result = 0;
  for (const auto& [name, data] : names_) result += data_[data].cached.size();
  return result;
}

const std::string& MemoryDisk::contents(const std::string& name) const { return data_[names_.at(name)].cached; }

}  // namespace lockstep

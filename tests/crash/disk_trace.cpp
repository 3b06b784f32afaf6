#include "tests/crash/disk_trace.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace lockstep::crash {
namespace {

constexpr std::size_t kSectorBytes = 512;

std::string folder_of(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? "." : name.substr(0, slash);
}

bool has_open_file(DiskCall call) {
  return call == DiskCall::kClose || call == DiskCall::kWrite || call == DiskCall::kReserve ||
         call == DiskCall::kSync || call == DiskCall::kSyncFolder;
}

}  // namespace

std::vector<TracedCall> read_trace(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  std::vector<TracedCall> calls;
  std::map<std::uint64_t, TracedCall> begun;
  std::map<int, std::string> opened;
  for (std::size_t at = 0; at + sizeof(DiskRecord) <= bytes.size();) {
    TracedCall call;
    std::memcpy(&call.record, bytes.data() + at, sizeof(DiskRecord));
    at += sizeof(DiskRecord);
    const auto take = [&](std::uint32_t length) {
      at += length;
      return bytes.substr(at - length, length);
    };
    call.name = take(call.record.name_bytes);
    call.to = take(call.record.to_bytes);
    call.data = take(call.record.data_bytes);
    if (call.record.has_ended != 0) {
      const auto before = begun.find(call.record.id);
      if (before == begun.end()) throw std::runtime_error("a call ended that never began");
      call.name = before->second.name;
      call.to = before->second.to;
      call.data = before->second.data;
      begun.erase(before);
      const bool opens = call.record.call == DiskCall::kOpen || call.record.call == DiskCall::kCreate;
      if (opens && call.record.error == 0) opened[call.record.fd] = call.name;
    } else {
      if (has_open_file(call.record.call)) call.name = opened.at(call.record.fd);
      begun.emplace(call.record.id, call);
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

void DiskModel::take(const TracedCall& call) {
  if (call.record.has_ended == 0) {
    begin(call);
  } else {
    end(call);
  }
}

void DiskModel::begin(const TracedCall& call) {
  Change change;
  change.id = call.record.id;
  switch (call.record.call) {
    case DiskCall::kWrite:
      change.file = open_files_.at(call.record.fd);
      change.offset = call.record.offset;
      change.bytes = call.data;
      break;
    case DiskCall::kReserve:
      change.file = open_files_.at(call.record.fd);
      change.size = call.record.offset;
      break;
    case DiskCall::kRename:
    case DiskCall::kRemove: {
      const auto found = names_.find(call.name);
      if (found == names_.end()) return;  // it fails
      change.from = call.name;
      change.to = call.to;
      change.named = found->second;
      break;
    }
    case DiskCall::kSync:
    case DiskCall::kSyncFolder:
      for (const Change& earlier : pending_) {
        if (earlier.has_ended && is_of(earlier, call)) covered_[call.record.id].insert(earlier.id);
      }
      return;
    // Before it: after it another thread's file may have the number.
    case DiskCall::kClose: open_files_.erase(call.record.fd); return;
    default: return;
  }
  pending_.push_back(std::move(change));
}

bool DiskModel::is_of(const Change& change, const TracedCall& sync) const {
  if (sync.record.call == DiskCall::kSync) return change.file == open_files_.at(sync.record.fd);
  return !change.file && folder_of(change.to.empty() ? change.from : change.to) == sync.name;
}

void DiskModel::end(const TracedCall& call) {
  switch (call.record.call) {
    case DiskCall::kOpen:
    case DiskCall::kCreate:
    case DiskCall::kMakeFolder:
      if (call.record.error == 0) open(call);
      return;
    case DiskCall::kSync:
    case DiskCall::kSyncFolder: {
      const std::set<std::uint64_t> covered = std::move(covered_[call.record.id]);
      covered_.erase(call.record.id);
      if (call.record.error == EINTR) return;
      for (const Change& change : pending_) {
        if (!covered.contains(change.id) || call.record.error != 0) continue;
        if (change.file) {
          apply(files_[*change.file].durable, change, Part::kAll);
        } else {
          apply(durable_names_, change);
        }
      }
      // A failed sync loses them: from now on they count as written. Names stay in the file system's own log.
      if (call.record.error != 0 && call.record.call == DiskCall::kSyncFolder) return;
      std::erase_if(pending_, [&](const Change& change) { return covered.contains(change.id); });
      return;
    }
    case DiskCall::kClose:
    case DiskCall::kSend: return;
    default: break;
  }
  const auto change =
      std::find_if(pending_.begin(), pending_.end(), [&](const Change& one) { return one.id == call.record.id; });
  if (change == pending_.end()) return;
  if (call.record.error != 0) {
    pending_.erase(change);
  } else {
    end_change(call, *change);
  }
}

void DiskModel::end_change(const TracedCall& call, Change& change) {
  change.has_ended = true;
  if (call.record.call == DiskCall::kWrite) change.bytes.resize(call.record.result);
  if (change.file) {
    apply(files_[*change.file].seen, change, Part::kAll);
  } else {
    apply(names_, change);
  }
}

void DiskModel::open(const TracedCall& call) {
  if (call.to == "/") return;  // a folder
  const bool is_new = call.record.call != DiskCall::kOpen || !names_.contains(call.name);
  if (is_new) {
    files_.emplace_back();
    Change change;
    change.id = call.record.id;
    change.has_ended = true;
    change.to = call.name;
    change.named = files_.size() - 1;
    apply(names_, change);
    pending_.push_back(std::move(change));
  }
  if (call.record.call != DiskCall::kMakeFolder) open_files_[call.record.fd] = names_.at(call.name);
}

void DiskModel::apply(Names& names, const Change& change) {
  const auto found = names.find(change.from);
  if (found != names.end() && found->second == change.named) names.erase(found);
  if (!change.to.empty()) names[change.to] = change.named;
}

void DiskModel::apply(std::string& bytes, const Change& change, Part part) {
  if (part == Part::kNone) return;
  const std::uint64_t end = std::max<std::uint64_t>(change.offset + change.bytes.size(), change.size);
  if (bytes.size() < end) bytes.resize(end, '\0');
  std::size_t sector = 0;
  for (std::size_t at = 0; at < change.bytes.size(); ++sector) {
    const std::size_t length = std::min(change.bytes.size() - at, kSectorBytes - (change.offset + at) % kSectorBytes);
    const bool survives = part == Part::kAll || (part == Part::kFirstSector && sector == 0) ||
                          (part == Part::kAllButFirstSector && sector != 0) ||
                          (part == Part::kEverySecondSector && sector % 2 == 1);
    if (survives) bytes.replace(change.offset + at, length, change.bytes, at, length);
    at += length;
  }
}

bool DiskModel::may_be_torn(std::size_t change) const { return pending_[change].bytes.size() > kSectorBytes; }

Image DiskModel::image(const std::string& folder, const std::function<Part(std::size_t)>& survives) const {
  Names names = durable_names_;
  std::map<std::size_t, std::string> changed;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const Part part = survives(i);
    if (part == Part::kNone) continue;
    const Change& change = pending_[i];
    if (change.file) {
      apply(changed.try_emplace(*change.file, files_[*change.file].durable).first->second, change, part);
    } else {
      apply(names, change);
    }
  }
  Image image;
  if (!names.contains(folder)) return image;
  for (const auto& [name, file] : names) {
    if (folder_of(name) != folder) continue;
    const auto found = changed.find(file);
    image[name.substr(folder.size() + 1)] = found == changed.end() ? files_[file].durable : found->second;
  }
  return image;
}

std::string DiskModel::name_of(int fd) const {
  const auto file = open_files_.find(fd);
  for (const auto& [name, named] : names_) {
    if (file != open_files_.end() && named == file->second) return name;
  }
  return {};
}

bool DiskModel::is_synced(const std::string& name) const {
  const std::size_t file = names_.at(name);
  return files_[file].seen == files_[file].durable;
}

bool DiskModel::name_is_durable(const std::string& name) const {
  const auto found = durable_names_.find(name);
  return found != durable_names_.end() && names_.contains(name) && found->second == names_.at(name);
}

}  // namespace lockstep::crash

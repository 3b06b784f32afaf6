#include "tests/torture/segment_archive.hpp"

#include <sys/stat.h>

#include <chrono>
#include <stop_token>
#include <system_error>
#include <utility>

#include "nodes/storage/file_names.hpp"

namespace lockstep::torture {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{10};  // a segment lives for much longer than that

}  // namespace

SegmentArchive::SegmentArchive(std::map<std::string, std::filesystem::path> data_folders, std::filesystem::path folder)
    : data_folders_(std::move(data_folders)), folder_(std::move(folder)) {
  for (const auto& entry : data_folders_) std::filesystem::create_directories(kept(entry.first));
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      keep_segments();
      std::this_thread::sleep_for(kBetweenLooks);
    }
  });
}

// A number may come again: a segment that was made in advance and not used is made anew by the next process. So each
// file has a folder of its own, named by its inode. Whatever fails was deleted under our hands, or is tried again.
void SegmentArchive::keep_segments() {
  struct stat own {};
  stat(folder_.c_str(), &own);
  for (const auto& [node, data_folder] : data_folders_) {
    std::error_code ignored;
    for (std::filesystem::directory_iterator file(data_folder, ignored), end; file != end; file.increment(ignored)) {
      const std::filesystem::path name = file->path().filename();
      if (!segment_number_from(name.string())) continue;
      struct stat status {};
      if (stat(file->path().c_str(), &status) != 0) continue;
      if (status.st_dev != own.st_dev) break;
      const std::filesystem::path folder = kept(node) / std::to_string(status.st_ino);
      if (!std::filesystem::create_directory(folder, ignored)) continue;
      std::filesystem::create_hard_link(file->path(), folder / name, ignored);
      if (ignored) std::filesystem::remove(folder, ignored);
    }
  }
}

}  // namespace lockstep::torture

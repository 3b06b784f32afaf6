// Keeps the segments that nodes delete once a snapshot stands for them, so that the whole log can be read at the end.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <thread>

namespace lockstep::torture {

// A thread of its own looks again and again for new segments and gives each a second name (a hard link), so it has
// what the node writes to it later, too. A data folder on another file system is passed over: of what is deleted
// there nothing is kept.
class SegmentArchive {
 public:
  // `data_folders`: by the node's name; they need not exist yet. `folder`: for what is kept, on the same file system.
  SegmentArchive(std::map<std::string, std::filesystem::path> data_folders, std::filesystem::path folder);

  // What is kept of this node's log; more may come as long as the archive lives.
  std::filesystem::path kept(const std::string& node) const { return folder_ / node; }

 private:
  void keep_segments();

  std::map<std::string, std::filesystem::path> data_folders_;
  std::filesystem::path folder_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace lockstep::torture

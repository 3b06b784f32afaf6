// What production storage finds in a folder that a power failure, or an end of a process, left behind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nodes/storage/storage.hpp"
#include "tests/crash/disk_trace.hpp"
#include "tests/crash/real_node.hpp"

namespace lockstep::crash {

class Recovered {
 public:
  static Recovered from(Disk& disk, const std::string& folder);
  static Recovered from(const Image& image);

  // Empty: all of these are here. Else a sentence.
  std::string what_is_lost(const std::vector<Acknowledged>& acknowledged) const;

 private:
  bool has(const Acknowledged& one) const;

  std::string refusal_;
  raft::Restored restored_;
  std::vector<std::string> bodies_;  // of the entries
};

}  // namespace lockstep::crash

// A disk that can be filled at will, for the data of one node: a tmpfs in a mount namespace of this process and its
// children alone, which nobody else sees and which goes with them.
#pragma once

#include <filesystem>
#include <string>

namespace lockstep::torture {

class SmallDisk {
 public:
  // Mounts it over the folder, which is made. Called before the process has threads. Where the machine does not
  // allow that, nothing is mounted and problem() says why.
  explicit SmallDisk(std::filesystem::path folder);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& problem() const { return problem_; }  // empty: it is there
  // From now on not one block more fits on it. False, with problem(), if that could not be done.
  bool fill();
  void make_room();

 private:
  bool resize(const std::string& size);

  std::filesystem::path folder_;
  std::string problem_;
};

}  // namespace lockstep::torture

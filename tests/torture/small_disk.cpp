#include "tests/torture/small_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace lockstep::torture {
namespace {

constexpr const char* kRoom = "size=4g";  // memory is taken only for what is written

std::string failed(const std::string& action) { return action + ": " + std::strerror(errno); }

// Whoever is not root may still mount in a user namespace of its own, if the machine allows those.
bool enter_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (user == 0) return unshare(CLONE_NEWNS) == 0;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  return true;
}

}  // namespace

SmallDisk::SmallDisk(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  if (!enter_namespace()) {
    problem_ = failed("no mount namespace");
  } else if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {  // what we mount stays ours
    problem_ = failed("cannot make mounts private");
  } else if (mount("tmpfs", folder_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, kRoom) != 0) {
    problem_ = failed("cannot mount a tmpfs");
  }
}

SmallDisk::~SmallDisk() {
  if (problem_.empty()) umount2(folder_.c_str(), MNT_DETACH);
}

bool SmallDisk::resize(const std::string& size) {
  return mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV, size.c_str()) == 0;
}

bool SmallDisk::fill() {
  // The node may take some more between the look and the change.
  for (int attempt = 0; attempt < 20; ++attempt) {
    struct statvfs disk {};
    if (statvfs(folder_.c_str(), &disk) != 0) break;
    const auto used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
    if (resize("size=" + std::to_string(used))) return true;
  }
  problem_ = failed("cannot fill the tmpfs");
  return false;
}

void SmallDisk::make_room() { resize(kRoom); }

}  // namespace lockstep::torture

// kill(2) with the group's negative id, and what its errors mean.
#include "tools/lockstep/run/process_group.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "nodes/system/file_descriptor.hpp"

namespace lockstep::run {
namespace {

// The state and the group in /proc/PID/stat: "PID (name) STATE PARENT GROUP ...", where the name may be anything.
bool is_living_member(const char* pid, pid_t group) {
  const std::string path = std::string("/proc/") + pid + "/stat";
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return false;  // it has ended
  std::array<char, 512> text{};
  const ssize_t size = read(fd.get(), text.data(), text.size() - 1);
  const char* end_of_name = size > 0 ? std::strrchr(text.data(), ')') : nullptr;
  if (end_of_name == nullptr) return false;
  char state = 0;
  int parent = 0;
  int of_group = 0;
  if (std::sscanf(end_of_name + 1, " %c %d %d", &state, &parent, &of_group) != 3) return false;
  return of_group == group && state != 'Z' && state != 'X';
}

}  // namespace

void signal_group(pid_t group, int signal) {
  if (group > 1) ::kill(-group, signal);
}

bool group_lives(pid_t group) {
  if (group <= 1 || (::kill(-group, 0) != 0 && errno == ESRCH)) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), closedir);
  if (!processes) return true;
  while (const dirent* entry = readdir(processes.get())) {
    const bool is_process = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    if (is_process && is_living_member(entry->d_name, group)) return true;
  }
  return false;
}

void reap_children() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace lockstep::run

// Reads the user's name, the host's and the process id from the system.
#include "nodes/client/about_process.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace lockstep {

std::string user_name() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const bool known = getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found;
  return known ? std::string(entry.pw_name) : std::to_string(getuid());
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

std::string about_process() { return about_process(program_invocation_short_name); }

std::string about_process(const std::string& program) {
  std::string about = user_name() + "@" + host_name() + " pid " + std::to_string(getpid()) + " " + program;
  std::replace_if(
      about.begin(), about.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return about.substr(0, 1000);
}

}  // namespace lockstep

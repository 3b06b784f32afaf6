// A child process of a test. It never outlives the test: the destructor kills it, and so does the kernel if
// the test dies first (PR_SET_PDEATHSIG). Its stderr goes to a file, its stdout with it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lockstep::testing {

// How a process ended.
struct Ended {
  int exit_code = -1;  // -1: by a signal
  int signal = 0;
};

class Process {
 public:
  // Starts `command` in `folder`; appends what it writes to `log`. Throws if that fails.
  Process(const std::vector<std::string>& command, const std::filesystem::path& folder,
          const std::filesystem::path& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  // Does nothing once it has ended.
  void signal(int signal);
  // None while it runs.
  std::optional<Ended> ended();
  // Throws if it does not end in time.
  Ended wait();

 private:
  pid_t pid_;
  std::optional<Ended> ended_;
};

std::string read_file(const std::filesystem::path& file);

// A new folder under the system's temporary one, removed with everything in it at the end, unless LOCKSTEP_KEEP
// is set in the environment.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void keep() { kept_ = true; }  // it stays after all

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

}  // namespace lockstep::testing
